const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Whether a name occurs twice in one object of a JSON text, which readers take to mean different things: the first, or the
 * last (RFC 7519 section 4 lets a verifier refuse it). `JSON.parse` keeps one of them, so a text with more members than its
 * value has names repeats one. The caller bounds the size; what is not JSON has none.
 */
export function hasRepeatedName(text: string): boolean {
  try {
    return membersIn(text) !== namesIn(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The colons that stand outside of strings. */
function membersIn(text: string): number {
  let members = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString && code === BACKSLASH) at++;
    else if (code === QUOTE) inString = !inString;
    else if (!inString && code === COLON) members++;
  }
  return members;
}

function namesIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((count: number, inner: unknown) => count + namesIn(inner), own);
}
