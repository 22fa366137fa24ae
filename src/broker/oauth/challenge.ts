/** One challenge of a `www-authenticate` header (RFC 9110 §11.6.1). Names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const MAX_CHARACTERS = 8_192;
const MAX_CHALLENGES = 8;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const VALUE = /(?:"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e])*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))/y;
const BLANKS = /[ \t]*/y;
const SEPARATOR = /[ \t]*(?:,[ \t]*)+/y;
/** `token68`: a challenge of one opaque word, as Negotiate has it. */
const OPAQUE = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/**
 * Reads the challenges of an answer. Whoever answers wrote them, so what is not in the grammar ends the reading and
 * nothing is made of it: a challenge that cannot be read is no reason to fetch another credential.
 */
export function readChallenges(values: readonly string[]): readonly Challenge[] {
  const found: Challenge[] = [];
  for (const value of values) {
    if (value.length > MAX_CHARACTERS || !readValue(value, found)) return [];
  }
  return found;
}

function readValue(text: string, found: Challenge[]): boolean {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  take(BLANKS);
  while (at < text.length) {
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined || found.length >= MAX_CHALLENGES) return false;
    const params = new Map<string, string>();
    found.push({ scheme: scheme.toLowerCase(), params });
    const blank = take(BLANKS)?.[0] ?? "";
    if (blank !== "" && take(OPAQUE) === null) {
      for (;;) {
        const start = at;
        const name = take(TOKEN)?.[0]?.toLowerCase();
        take(BLANKS);
        if (name === undefined || text[at] !== "=") {
          at = start; // the next challenge begins here
          break;
        }
        at++;
        take(BLANKS);
        const match = take(VALUE);
        // A parameter given twice can be read in two ways.
        if (match === null || params.has(name)) return false;
        params.set(name, match[2] ?? (match[1] ?? "").replace(/\\(.)/g, "$1"));
        const resume = at;
        if (take(SEPARATOR) === null) break;
        // A word without "=" after a comma is the next scheme: leave the comma to the outer loop.
        TOKEN.lastIndex = at;
        const next = TOKEN.exec(text);
        if (next === null || !/^[ \t]*=/.test(text.slice(TOKEN.lastIndex, TOKEN.lastIndex + 64))) {
          at = resume;
          break;
        }
      }
    }
    take(BLANKS);
    if (at < text.length && take(SEPARATOR) === null) return false;
  }
  return true;
}
