import { HEX, is, isWord } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";

const KIND = "MAC_ADDRESS";
const DOT = 0x2e;

/** Hardware addresses of 48 and 64 bits (IEEE 802): pairs with `:` or `-`, or groups of four with `.`; found at the first. */
export const macDetector: Detector = {
  literals: [":", "-", "."],
  probe(at, separator): Verdict {
    const { bytes, end } = at;
    const byte = bytes[separator] as number;
    const size = byte === DOT ? 4 : 2;
    const next = separator + size + 1;
    if (next < end ? bytes[next] !== byte : at.final) return NONE;
    return groups(at, separator - size, size, byte, byte === DOT ? [3, 4] : [6, 8]);
  },
};

/** Eight pairs with blanks between; six could be a telephone number. `start` is where a run of two digits begins. */
export function spacedMac(at: Probe, start: number): Verdict {
  return groups(at, start, 2, 0x20, [8]);
}

function groups(at: Probe, start: number, size: number, separator: number, counts: readonly number[]): Verdict {
  const { bytes, end, floor } = at;
  if (start < floor || !at.edge(start) || (start > floor && bytes[start - 1] === separator)) return NONE;
  let count = 0;
  let i = start;
  for (;;) {
    for (let k = 0; k < size; k++, i++) {
      if (i >= end) return at.more(start);
      if (!is(bytes[i], HEX)) return NONE;
    }
    count++;
    if (i + 1 >= end && !at.final) return at.more(start);
    if (i >= end || bytes[i] !== separator || count === counts.at(-1)) break;
    if (separator === 0x20 && !(i + 1 < end && is(bytes[i + 1], HEX))) break;
    // The full stop of a sentence, a dash.
    if (i + 1 >= end || !is(bytes[i + 1], HEX)) break;
    i++;
  }
  const goesOn = i < end && (isWord(bytes[i]) || (bytes[i] === separator && i + 1 < end && is(bytes[i + 1], HEX)));
  return counts.includes(count) && !goesOn ? at.match(KIND, start, i) : NONE;
}
