/** What a byte can be part of; one table, so that a check is one load and one mask. Bytes of 0x80 and up are opaque. */
export const DIGIT = 1;
export const UPPER = 2;
export const LOWER = 4;
export const HEX = 8;
/** Local part of an e-mail address, as far as people use it; RFC 5321 allows more. */
export const LOCAL = 16;
/** base64url alphabet (RFC 4648, section 5). */
export const BASE64URL = 32;
/** Label of a host name; internationalised ones come as UTF-8. */
export const LABEL = 64;
/** Printable and never a delimiter around a token. */
export const TOKEN = 128;

export const LETTER: number = UPPER | LOWER;

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  const add = (characters: string, flag: number): void => {
    for (let i = 0; i < characters.length; i++) {
      const code = characters.charCodeAt(i);
      table[code] = (table[code] as number) | flag;
    }
  };
  const digits = "0123456789";
  const lower = "abcdefghijklmnopqrstuvwxyz";
  const upper = lower.toUpperCase();
  add(digits, DIGIT | HEX | LOCAL | BASE64URL | LABEL | TOKEN);
  add(lower, LOWER | LOCAL | BASE64URL | LABEL | TOKEN);
  add(upper, UPPER | LOCAL | BASE64URL | LABEL | TOKEN);
  add("abcdefABCDEF", HEX);
  add(".+%'", LOCAL);
  add("-_", LOCAL | BASE64URL);
  add("-", LABEL);
  add("!#$%&*+-./:=?@^_~", TOKEN);
  for (let code = 0x80; code < 0x100; code++) table[code] = LOCAL | LABEL;
  return table;
}

export const CLASS: Uint8Array = classes();

/** Whether byte `code` belongs to one of the classes in `mask`; `undefined` (past the end) belongs to none. */
export function is(code: number | undefined, mask: number): boolean {
  return code !== undefined && ((CLASS[code] as number) & mask) !== 0;
}

export function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 0x30 && code <= 0x39;
}

/** Letters, digits and `_`: what glues a token to its neighbour. */
export function isWord(code: number | undefined): boolean {
  return code === 0x5f || is(code, LETTER | DIGIT);
}

/** A short slice as a string of one character per byte: what the regular expressions run on. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A table for {@link Probe.swallow}: 1 for every byte that continues what is being swallowed. */
export function swallowing(mask: number, further: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let code = 0; code < 256; code++) if (is(code, mask)) table[code] = 1;
  for (const character of further) table[character.charCodeAt(0)] = 1;
  return table;
}

/** The parts one after the other; the part itself if there is but one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
