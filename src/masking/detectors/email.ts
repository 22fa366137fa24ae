import { DIGIT, is, isDigit, LABEL, LETTER, LOCAL } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";

/** RFC 5321, section 4.5.3.1, in octets. */
export const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 255;
const DOT = 0x2e;

/**
 * E-mail addresses, internationalised ones included, found at the `@`: a search from the front costs more than all
 * other detectors together. In a URL it is `%40`. Of a longer local part the last 64 bytes are taken, rather than nothing.
 */
export const emailDetector: Detector = {
  literals: ["@", "%40"],
  probe(at, sign, domain): Verdict {
    const { bytes, end } = at;
    const earliest = Math.max(at.floor, sign - LONGEST_LOCAL);
    let start = sign;
    while (start > earliest && is(bytes[start - 1], LOCAL)) start--;
    // Cut at a limit, a UTF-8 sequence stays whole; quotes and dots around the address are not part of it.
    while (start < sign && (isContinuation(bytes[start]) || isLeading(bytes[start]))) start++;
    if (start === sign || bytes[sign - 1] === DOT) return NONE;
    const limit = Math.min(end, domain + LONGEST_DOMAIN);
    let stop = domain;
    let dot = 0;
    while (stop < limit) {
      const byte = bytes[stop];
      if (byte === DOT) {
        if (stop === dot + 1 || stop === domain) break;
        dot = stop;
      } else if (!is(byte, LABEL)) break;
      stop++;
    }
    if (stop === end && !at.final) return at.more(start);
    while (stop > domain && (bytes[stop - 1] === DOT || bytes[stop - 1] === 0x2d)) stop--;
    return hasTopLevel(bytes, domain, stop) ? at.match("EMAIL", start, stop) : NONE;
  },
};

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x80 && byte < 0xc0;
const isLeading = (byte: number | undefined): boolean =>
  byte === DOT || byte === 0x27 || byte === 0x25 || byte === 0x2d;

/** At least two labels, the last one of two characters or more that are not all digits. */
function hasTopLevel(bytes: Uint8Array, from: number, to: number): boolean {
  let dot = to - 1;
  while (dot > from && bytes[dot] !== DOT) dot--;
  if (dot <= from || to - dot < 3) return false;
  for (let i = dot + 1; i < to; i++) {
    if (is(bytes[i], LETTER) || !isDigit(bytes[i])) return !is(bytes[dot + 1], DIGIT);
  }
  return false;
}
