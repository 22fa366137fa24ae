import type { JsonValue } from "./json.js";

/**
 * The one text of a JSON value: no blanks, keys sorted by UTF-16 code units, strings and numbers as JavaScript writes
 * them. For values that {@link readStrictJson} accepted this is RFC 8785. Depth is bounded by the reading.
 */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(",")}}`;
}

const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value);
