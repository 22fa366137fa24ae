import { HEX, is, isDigit, isWord, latin1 } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";
import { prefixLength } from "./ipv4.js";

/** Eight groups and an IPv4 tail: the longest text form. */
const LONGEST = 45;

/** IPv6 in all text forms of RFC 4291, section 2.2, with zone (RFC 4007) and prefix length; found at its first colon. */
export const ipv6Detector: Detector = {
  literals: [":"],
  probe(at, colon): Verdict {
    const { bytes, floor } = at;
    let start = colon;
    while (start > floor && colon - start < 5 && is(bytes[start - 1], HEX)) start--;
    const before = start > floor ? bytes[start - 1] : undefined;
    // A colon before: this run was judged at its first one. A letter before: `std::`, `https:`, `T12:30`.
    if (colon - start > 4 || before === 0x3a || !at.edge(start)) return NONE;
    return address(at, start, colon);
  },
};

function address(at: Probe, start: number, colon: number): Verdict {
  const { bytes, end } = at;
  let stop = colon;
  while (stop < end && stop - start < LONGEST + 1) {
    const byte = bytes[stop];
    if (byte !== 0x3a && byte !== 0x2e && !is(byte, HEX)) break;
    stop++;
  }
  if (stop >= end && !at.final) return at.more(start);
  // The full stop of a sentence is not part of it.
  while (bytes[stop - 1] === 0x2e) stop--;
  if (stop - start > LONGEST || (isWord(bytes[stop]) && stop < end)) return NONE;
  const text = latin1(bytes, start, stop);
  if (!isAddress(text)) return NONE;
  // `::` by itself is an address, inside a text it is punctuation.
  if (text === "::" && (start !== at.floor || start !== at.segmentStart || stop !== end || !at.final)) return NONE;
  const zone = zoneEnd(at, stop);
  const last = zone < 0 ? -1 : prefixLength(at, zone, 128);
  return last < 0 ? at.more(start) : at.match("IP_ADDRESS", start, last);
}

function isAddress(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  let count = 0;
  for (const [i, group] of groups.entries()) {
    if (group.includes(".")) {
      if (i !== groups.length - 1 || text.endsWith("::") || !dottedQuad(group)) return false;
      count += 2;
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return false;
      count++;
    }
  }
  if (halves.length === 2) return count < 8;
  // Eight pairs are an EUI-64 hardware address or part of a fingerprint.
  return count === 8 && !groups.every(({ length }) => length === 2);
}

const dottedQuad = (text: string): boolean => /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);

function zoneEnd({ bytes, end, final }: Probe, stop: number): number {
  if (stop >= end) return final ? stop : -1;
  if (bytes[stop] !== 0x25) return stop;
  let i = stop + 1;
  while (i < end && i - stop < 17 && (isWord(bytes[i]) || isDigit(bytes[i]))) i++;
  return i >= end && !final ? -1 : i > stop + 1 ? i : stop;
}
