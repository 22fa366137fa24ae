import { isDigit, isWord } from "../bytes.js";
import { NONE, type Probe, type Verdict } from "../probe.js";

/** A number of a version with four parts: next to a word for it, and as browsers name themselves, `Chrome/120.0.0.0`. */
const VERSION =
  /(?:version|(?<![a-z])(?:release|build|ver|v))["']?[ :=]*["']?$|(?<![a-z])(?:(?:headless)?chrom(?:e|ium)|crios|edg(?:e|a|ios)?|opr|opera|vivaldi|brave|yabrowser|samsungbrowser|electron|firefox|fxios|safari)\/$/;

/** Dotted quad without leading zeros, with its prefix length if one follows. More than five numbers are an object identifier. */
export function ipv4(at: Probe, start: number): Verdict {
  const { bytes, end } = at;
  let i = start;
  let stop = 0;
  for (let parts = 1; ; parts++) {
    const from = i;
    while (i < end && i - from < 4 && isDigit(bytes[i])) i++;
    if (i === end && !at.final) return at.more(start);
    if (i === from) break;
    if (parts > 5) return NONE;
    if (parts <= 4 && !octet(bytes, from, i)) return NONE;
    if (parts === 4) stop = i;
    if (bytes[i] !== 0x2e || i >= end) break;
    i++;
    if (i >= end && !at.final) return at.more(start);
  }
  if (stop === 0 || isWord(bytes[stop]) || at.context(start, VERSION)) return NONE;
  const length = prefixLength(at, stop, 32);
  return length < 0 ? at.more(start) : at.match("IP_ADDRESS", start, length);
}

function octet(bytes: Uint8Array, from: number, to: number): boolean {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + (bytes[i] as number) - 0x30;
  return to - from <= 3 && value <= 255 && (to - from === 1 || bytes[from] !== 0x30);
}

/** Where the address ends with `/24` if a fitting one follows at `stop`, otherwise `stop`; -1 if that is not known yet. */
export function prefixLength(at: Probe, stop: number, most: number): number {
  const { bytes, end, final } = at;
  if (stop >= end) return final ? stop : -1;
  if (bytes[stop] !== 0x2f) return stop;
  let i = stop + 1;
  let value = 0;
  while (i < end && i < stop + 5 && isDigit(bytes[i])) value = value * 10 + (bytes[i++] as number) - 0x30;
  if (i >= end && !final) return -1;
  return i > stop + 1 && value <= most && !isWord(bytes[i]) ? i : stop;
}
