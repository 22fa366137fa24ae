import { CLASS, isDigit, LETTER } from "../bytes.js";
import { UUID_LENGTH, uuidPrefix } from "../detectors/uuid.js";
import { QUOTE } from "./syntax.js";

/** Words without digits and signs that are shorter are nothing that any detector takes for anything: `AKC` and ten letters are the key of a vendor. */
const LONGEST_WORDS = 13;

const WORDS: Uint8Array = CLASS.map((flags, code) =>
  (flags & LETTER) !== 0 || code === 0x20 || code === 0x5f ? 1 : 0,
);

/**
 * Where the string that begins at `from` ends, if it is one of those of which a document is full and which are nothing: a
 * word or two, a UUID, an instant (RFC 3339). Otherwise, or if it is not all there before `to`, -1.
 */
export function plainEnd(bytes: Uint8Array, from: number, to: number): number {
  const limit = Math.min(to, from + LONGEST_WORDS);
  let i = from;
  while (i < limit && WORDS[bytes[i] as number] === 1) i++;
  if (i === limit) return -1;
  if (bytes[i] === QUOTE) return i;
  const uuidEnd = from + UUID_LENGTH;
  if (uuidEnd < to && bytes[uuidEnd] === QUOTE) return uuidPrefix(bytes, from, uuidEnd) === UUID_LENGTH ? uuidEnd : -1;
  return instantEnd(bytes, from, to);
}

/** `0` stands for a digit. */
const INSTANT = "0000-00-00T00:00:00";

function instantEnd(bytes: Uint8Array, from: number, to: number): number {
  if (from + INSTANT.length + 8 >= to || bytes[from + 10] !== 0x54) return -1;
  for (let i = 0; i < INSTANT.length; i++) {
    const expected = INSTANT.charCodeAt(i);
    if (expected === 0x30 ? !isDigit(bytes[from + i]) : bytes[from + i] !== expected) return -1;
  }
  let i = from + INSTANT.length;
  if (bytes[i] === 0x2e) {
    i++;
    while (i < from + 30 && isDigit(bytes[i])) i++;
  }
  return bytes[i] === 0x5a && i + 1 < to && bytes[i + 1] === QUOTE ? i + 1 : -1;
}
