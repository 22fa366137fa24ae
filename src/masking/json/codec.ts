import type { Codec } from "../segment.js";

const BACKSLASH = 0x5c;
const SIMPLE: ReadonlyMap<number, number> = new Map(
  [..."bfnrt"].map((letter, i) => [letter.charCodeAt(0), "\b\f\n\r\t".charCodeAt(i)]),
);

/** Inside of a JSON string (RFC 8259, section 7). A broken escape stands for itself: this is no validator. */
export const JSON_STRING: Codec = {
  decode(bytes, from, to, ended, into, map, start) {
    let i = from;
    let at = start;
    const put = (source: number, byte: number): void => {
      map[at] = source;
      into[at++] = byte;
    };
    while (i < to) {
      const byte = bytes[i] as number;
      if (byte !== BACKSLASH) {
        put(i++, byte);
        continue;
      }
      // Twelve bytes are a pair of escapes for one character.
      if (!ended && to - i < 12 && incomplete(bytes, i, to)) break;
      const next = bytes[i + 1];
      const code = next === 0x75 ? hex(bytes, i + 2, to) : -1;
      if (code >= 0) {
        const low =
          code >= 0xd800 && code < 0xdc00 && bytes[i + 6] === BACKSLASH && bytes[i + 7] === 0x75
            ? hex(bytes, i + 8, to)
            : -1;
        const pair = low >= 0xdc00 && low < 0xe000;
        const point = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : code;
        if (point < 0x80) put(i, point);
        else {
          if (point < 0x800) put(i, 0xc0 | (point >> 6));
          else {
            if (point < 0x10000) put(i, 0xe0 | (point >> 12));
            else {
              put(i, 0xf0 | (point >> 18));
              put(i, 0x80 | ((point >> 12) & 63));
            }
            put(i, 0x80 | ((point >> 6) & 63));
          }
          put(i, 0x80 | (point & 63));
        }
        i += pair ? 12 : 6;
      } else if (next === undefined || i + 1 >= to) put(i++, byte);
      else {
        put(i, SIMPLE.get(next) ?? next);
        i += 2;
      }
    }
    map[at] = i;
    return at;
  },
  encode: (text) => JSON.stringify(text).slice(1, -1),
};

/** The four hexadecimal digits at `from`, or -1. */
function hex(bytes: Uint8Array, from: number, to: number): number {
  if (from + 4 > to) return -1;
  let value = 0;
  for (let i = from; i < from + 4; i++) {
    const byte = bytes[i] as number;
    const digit =
      byte >= 0x30 && byte <= 0x39
        ? byte - 0x30
        : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66
          ? (byte | 0x20) - 0x57
          : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Whether the escape at `i` may need bytes from `to` on. */
function incomplete(bytes: Uint8Array, i: number, to: number): boolean {
  if (i + 1 >= to) return true;
  if (bytes[i + 1] !== 0x75) return false;
  if (to - i < 6) return true;
  const code = hex(bytes, i + 2, to);
  if (code < 0xd800 || code >= 0xdc00) return false;
  return (i + 6 >= to || bytes[i + 6] === BACKSLASH) && (i + 7 >= to || bytes[i + 7] === 0x75);
}
