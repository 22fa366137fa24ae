import { append, charCodeAt } from "../captured.js";

/**
 * Spellings of a secret, put together from characters alone. Node's own functions go through methods of `Buffer` that can be
 * replaced, and leave the secret in memory that all small buffers share.
 */

const { fromCharCode } = String;
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The bytes of a text in UTF-8, one character for each; what is no text (a lone surrogate) becomes U+FFFD, as everywhere. */
export function utf8Bytes(text: string): string {
  let bytes = "";
  for (let at = 0; at < text.length; at++) {
    let code = charCodeAt(text, at);
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 && at + 1 < text.length ? charCodeAt(text, at + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at++;
      } else code = 0xfffd;
    }
    if (code < 0x80) bytes += fromCharCode(code);
    else if (code < 0x800) bytes += fromCharCode(0xc0 | (code >> 6), continuation(code));
    else if (code < 0x1_0000) bytes += fromCharCode(0xe0 | (code >> 12), continuation(code >> 6), continuation(code));
    else
      bytes += fromCharCode(0xf0 | (code >> 18), continuation(code >> 12), continuation(code >> 6), continuation(code));
  }
  return bytes;
}

const continuation = (bits: number): number => 0x80 | (bits & 0x3f);

/** Bytes in base64, padded. */
export function base64Of(bytes: string): string {
  const text = digits(bytes, BASE64);
  return text + ["", "=", "=="][(3 - (bytes.length % 3)) % 3];
}

function digits(bytes: string, alphabet: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const group =
      (charCodeAt(bytes, at) << 16) |
      ((left > 1 ? charCodeAt(bytes, at + 1) : 0) << 8) |
      (left > 2 ? charCodeAt(bytes, at + 2) : 0);
    for (let digit = 0; digit <= (left > 2 ? 3 : left); digit++) text += alphabet[(group >> (18 - 6 * digit)) & 63];
  }
  return text;
}

/** The lines of a text, whatever ends them; none is empty unless the text is. */
export function linesOf(text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== "\r" && text[at] !== "\n") line += text[at];
    else if (line !== "") {
      append(lines, line);
      line = "";
    }
  }
  if (line !== "" || lines.length === 0) append(lines, line);
  return lines;
}
