/** Stands for a value that is not there, among values that are. */
export const ABSENT: unique symbol = Symbol("absent");

/** A JSON Pointer (RFC 6901) in which `*` stands for every element of an array or every member of an object. */
export interface Pointer {
  readonly tokens: readonly string[];
  readonly text: string;
}

/** Parses a pointer, or gives null where it is none: it must be empty or start with `/`, and `~` be followed by 0 or 1. */
export function parsePointer(text: string): Pointer | null {
  if (text === "") return { tokens: [], text };
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return null;
  return {
    tokens: text
      .slice(1)
      .split("/")
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~")),
    text,
  };
}

/** Escapes one token of a pointer. */
export const pointerToken = (token: string): string => token.replaceAll("~", "~0").replaceAll("/", "~1");

/**
 * All values at the pointer; {@link ABSENT} for each place where the path ends early. With `foldCase` a member is also
 * found under another case of its name: many servers read `Amount` as `amount`, so a deny must too.
 */
export function valuesAt(root: unknown, pointer: Pointer, foldCase: boolean): readonly unknown[] {
  const found: unknown[] = [];
  collect(root, pointer.tokens, 0, foldCase, found);
  return found;
}

function collect(value: unknown, tokens: readonly string[], depth: number, foldCase: boolean, found: unknown[]): void {
  const token = tokens[depth];
  if (token === undefined) {
    found.push(value);
    return;
  }
  const next = (inner: unknown): void => collect(inner, tokens, depth + 1, foldCase, found);
  if (Array.isArray(value)) {
    if (token === "*") value.forEach(next);
    else if (/^(?:0|[1-9][0-9]{0,9})$/.test(token) && Number(token) < value.length) next(value[Number(token)]);
    else found.push(ABSENT);
    return;
  }
  if (typeof value !== "object" || value === null) {
    found.push(ABSENT);
    return;
  }
  const members = value as Readonly<Record<string, unknown>>;
  if (token === "*") {
    for (const key of Object.keys(members)) next(members[key]);
  } else if (Object.hasOwn(members, token)) {
    next(members[token]);
  } else {
    const folded = foldCase ? Object.keys(members).find((key) => key.toLowerCase() === token.toLowerCase()) : undefined;
    if (folded === undefined) found.push(ABSENT);
    else next(members[folded]);
  }
}
