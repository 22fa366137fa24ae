import { charCodeAt } from "../../request/captured.js";

// By hand: Node's own functions go through methods that can be replaced, or leave the text in memory that others share.

/** A text of one character per byte. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = charCodeAt(text, i);
  return bytes;
}

/** A text in UTF-8; what is no text (a lone surrogate) becomes U+FFFD, as everywhere. */
export function utf8Of(text: string): Uint8Array {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = charCodeAt(text, i);
    length += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (isPair(text, i)) {
      length++;
      i++;
    }
  }
  const bytes = new Uint8Array(length);
  if (length === text.length) {
    for (let i = 0; i < length; i++) bytes[i] = charCodeAt(text, i);
    return bytes;
  }
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    let code = charCodeAt(text, i);
    if (isPair(text, i)) code = 0x1_0000 + ((code - 0xd800) << 10) + (charCodeAt(text, ++i) - 0xdc00);
    else if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    const further = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x1_0000 ? 2 : 3;
    bytes[at++] = further === 0 ? code : (UTF8_BEGINNINGS[further] as number) | (code >> (6 * further));
    for (let k = further - 1; k >= 0; k--) bytes[at++] = 0x80 | ((code >> (6 * k)) & 0x3f);
  }
  return bytes;
}

/** The first byte of a character in UTF-8, by how many follow. */
export const UTF8_BEGINNINGS: readonly number[] = [0, 0xc0, 0xe0, 0xf0];

function isPair(text: string, i: number): boolean {
  const unit = charCodeAt(text, i);
  if (unit < 0xd800 || unit > 0xdbff || i + 1 >= text.length) return false;
  const low = charCodeAt(text, i + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}
