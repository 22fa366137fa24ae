import { isDigit } from "../bytes.js";
import { MATCH, NONE, type Probe, type Verdict } from "../probe.js";
import { goesOn } from "./numbers.js";

const KIND = "US_SSN";
const CONTEXT = /ssn|social.{0,3}sec|\bss ?#|tax.?payer/;

/** Social Security number: three, two and four digits with one delimiter; nine digits in a row only next to a word for it. */
export function ssn(at: Probe, start: number, stop: number): Verdict {
  const { bytes } = at;
  const run = stop - start;
  const delimiter = bytes[stop];
  if (run === 3 && (delimiter === 0x2d || delimiter === 0x20)) {
    const shape = follows(at, start, delimiter === 0x2d ? "999-99-9999" : "999 99 9999");
    if (shape !== MATCH) return shape;
    const on = goesOn(at, start + 11);
    if (on === "unknown") return at.more(start);
    return !on && issuable(bytes, start, start + 4, start + 7) ? at.match(KIND, start, start + 11) : NONE;
  }
  if (run !== 9 || !issuable(bytes, start, start + 3, start + 5)) return NONE;
  const on = goesOn(at, stop);
  if (on === "unknown") return at.more(start);
  return !on && at.context(start, CONTEXT) ? at.match(KIND, start, stop) : NONE;
}

/** Areas 000, 666 and 900 up, group 00 and serial 0000 were never given out (SSA POMS RM 10201.030). */
function issuable(bytes: Uint8Array, area: number, group: number, serial: number): boolean {
  const number = (from: number, length: number): number => {
    let value = 0;
    for (let i = from; i < from + length; i++) value = value * 10 + (bytes[i] as number) - 0x30;
    return value;
  };
  const first = number(area, 3);
  return first !== 0 && first !== 666 && first < 900 && number(group, 2) !== 0 && number(serial, 4) !== 0;
}

/** Whether the bytes at `start` have the form `shape`: `9` is any digit, `2` one from 2 to 9, all else itself. */
export function follows(at: Probe, start: number, shape: string): Verdict {
  for (let i = 0; i < shape.length; i++) {
    if (start + i >= at.end) return at.more(start);
    const byte = at.bytes[start + i] as number;
    const wanted = shape.charCodeAt(i);
    if (wanted === 0x39 ? !isDigit(byte) : wanted === 0x32 ? byte < 0x32 || byte > 0x39 : byte !== wanted) return NONE;
  }
  return MATCH;
}
