import { charCodeAt, indexOf, slice } from "../../request/captured.js";

/** A token that an authorization server issued, and what it calls it (RFC 7009 §2.1). */
export interface IssuedToken {
  readonly value: string;
  readonly hint: "access_token" | "refresh_token";
}

const HINTS = ["access_token", "refresh_token"] as const;
/** A response with more tokens than this is none. */
const MOST = 8;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Every token that a response may have issued, whatever else is wrong with it: JSON that is broken, has members twice or is
 * called something else, and a form. What was issued and is not used has to be revoked.
 */
export function issuedTokens(bytes: Uint8Array): readonly IssuedToken[] {
  const text = new TextDecoder().decode(bytes);
  const tokens: IssuedToken[] = [];
  for (const hint of HINTS) {
    for (const value of [...inJson(text, hint), ...inForm(text, hint)]) {
      if (value !== "" && tokens.length < MOST && !tokens.some((token) => token.value === value))
        tokens.push({ value, hint });
    }
  }
  return tokens;
}

/** The texts of every member of this name, by hand: a parser would give one of two, or none of a broken document. */
function inJson(text: string, name: string): string[] {
  const found: string[] = [];
  const quoted = `"${name}"`;
  for (let at = indexOf(text, quoted); at !== -1; at = indexOf(text, quoted, at + 1)) {
    const colon = behindBlanks(text, at + quoted.length);
    const start = behindBlanks(text, colon + 1);
    if (charCodeAt(text, colon) !== COLON || charCodeAt(text, start) !== QUOTE) continue;
    let end = start + 1;
    while (end < text.length && charCodeAt(text, end) !== QUOTE) end += charCodeAt(text, end) === BACKSLASH ? 2 : 1;
    try {
      found.push(String(JSON.parse(slice(text, start, end + 1))));
    } catch {
      // Cut off in the middle: it is nothing that anybody could use.
    }
  }
  return found;
}

function behindBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && charCodeAt(text, at) <= 0x20) at++;
  return at;
}

/** GitHub, among others, answers like this when it is not told otherwise. */
const inForm = (text: string, name: string): string[] =>
  indexOf(text, `${name}=`) === -1 ? [] : new URLSearchParams(text).getAll(name);

/** The same of a response that was read. */
export const tokensOf = (answer: Readonly<Record<string, unknown>>): readonly IssuedToken[] =>
  HINTS.flatMap((hint) => {
    const value = answer[hint];
    return typeof value === "string" && value !== "" ? [{ value, hint }] : [];
  });
