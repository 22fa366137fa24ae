/** A line as JSON. It may be anything an attacker wrote. */
export type ParsedLine = Readonly<Record<string, unknown>>;

/** The JSON object that a line holds; `undefined` where it holds none. */
export function parseObject(text: string): ParsedLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ParsedLine) : undefined;
  } catch {
    return undefined;
  }
}
