/**
 * Percent-encoding in one canonical form (RFC 3986 section 6.2.2): escapes of unreserved characters are decoded, all
 * others are upper-cased, and what may not stand bare is escaped as UTF-8.
 */

const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const CONTROL_ESCAPE = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
const ESCAPE = /%[0-9A-Fa-f]{2}/g;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const NOT_BARE_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/g;
/** The URL standard also escapes the apostrophe in the query of an http URL; we agree, so that nobody changes it after us. */
const NOT_BARE_IN_QUERY = /[^A-Za-z0-9\-._~!$&()*+,;=:@/?%]+/g;

const normaliseEscape = (triplet: string): string => {
  const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
  return UNRESERVED.test(character) ? character : triplet.toUpperCase();
};

/** True where `%` is not followed by two hexadecimal digits: parsers differ on what that means. */
export const hasBrokenEscape = (text: string): boolean => BROKEN_ESCAPE.test(text);

/** True for an escaped C0 control character or DEL, which is a terminator or a line end to somebody downstream. */
export const hasControlEscape = (text: string): boolean => CONTROL_ESCAPE.test(text);

/** The canonical escaped form, or null where the text has a lone surrogate. The text must have no broken escape. */
export function canonicalEscapes(text: string, component: "path" | "query"): string | null {
  try {
    return text
      .replace(ESCAPE, normaliseEscape)
      .replace(component === "path" ? NOT_BARE_IN_PATH : NOT_BARE_IN_QUERY, escapeBare);
  } catch {
    return null;
  }
}

/** `encodeURIComponent` leaves the apostrophe bare, which the URL standard escapes in a query. It throws on a lone surrogate. */
const escapeBare = (text: string): string => encodeURIComponent(text).replaceAll("'", "%27");

/** The text the escapes stand for, or null where they are not valid UTF-8 (overlong forms included). */
export function decodeEscapes(text: string): string | null {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
