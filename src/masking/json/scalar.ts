import { isDigit, latin1 } from "../bytes.js";

const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/**
 * How far the JSON scalar from `i` to `end` is to be scanned, or 0 for not at all: short numbers, measurements and the
 * three literals are nothing. `fewest`: how many characters a number must have to be something.
 */
export function scannedUntil(bytes: Uint8Array, i: number, end: number, fewest: number): number {
  const first = bytes[i];
  if (first !== MINUS && !isDigit(first)) return end - i <= 5 ? 0 : end;
  const stop = digitsEnd(bytes, i + 1, end);
  const short = stop - i < fewest;
  if (stop === end) return short ? 0 : end;
  if (bytes[stop] === POINT) {
    const fraction = digitsEnd(bytes, stop + 1, end);
    // `4111111111111111.0` is what a float makes of a number.
    if (fraction === end) return !short && fraction === stop + 2 && bytes[stop + 1] === ZERO ? stop : 0;
  }
  return hasExponent(bytes, stop, end) ? 0 : end;
}

function digitsEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && isDigit(bytes[i])) i++;
  return i;
}

/** Whether a number goes on with an exponent, after a fraction or not. */
const hasExponent = (bytes: Uint8Array, from: number, to: number): boolean =>
  /^(?:\.[0-9]+)?[eE][-+]?[0-9]+$/.test(latin1(bytes, from, to));
