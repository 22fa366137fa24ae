/** Printable ASCII that needs no escape in JSON: most strings, and the quick way out. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * Characters that JSON leaves alone and a terminal, a log viewer or a reader's eye acts upon: C1 controls, line and
 * paragraph separators, and format characters (bidirectional overrides, zero-width joiners, tags).
 */
const ACTIVE = /[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu;
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const escapeUnits = (character: string): string => {
  let escaped = "";
  for (let index = 0; index < character.length; index++) {
    escaped += `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
  }
  return escaped;
};

/** JSON text in which no character can act on a terminal; it parses to the same value. */
export function inertJson(json: string): string {
  return json.replace(ACTIVE, escapeUnits);
}

/** A string as inert JSON. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : inertJson(JSON.stringify(text));
}

/** A string for a terminal: every control, format or separator character and lone surrogate as `\u…`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeUnits);
}

/** At most `limit` UTF-16 units of `text`, never half a character. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? limit - 1 : limit);
}
