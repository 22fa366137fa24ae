import { HEX, is } from "../bytes.js";
import type { Probe } from "../probe.js";

export const UUID_LENGTH = 36;
const DASH = 0x2d;
/** Where the groups of a UUID begin (RFC 9562, section 4). */
const GROUPS: readonly number[] = [0, 9, 14, 19, 24];
const LONGEST_GROUP = 12;

const isDash = (offset: number): boolean => offset === 8 || offset === 13 || offset === 18 || offset === 23;

/** How many of the bytes from `from` are as in a UUID; {@link UUID_LENGTH} if there is one. */
export function uuidPrefix(bytes: Uint8Array, from: number, to: number): number {
  const limit = Math.min(UUID_LENGTH, to - from);
  for (let i = 0; i < limit; i++) {
    const byte = bytes[from + i];
    if (isDash(i) ? byte !== DASH : !is(byte, HEX)) return i;
  }
  return limit;
}

/**
 * Whether `index` lies in a UUID, whose digits pass one check in twenty by chance; `"unknown"` while its end is not in
 * sight.
 */
export function insideUuid({ bytes, floor, end, final }: Probe, index: number): boolean | "unknown" {
  const earliest = Math.max(floor, 0, index - LONGEST_GROUP);
  let group = index;
  while (group > earliest && is(bytes[group - 1], HEX)) group--;
  let answer: boolean | "unknown" = false;
  for (const offset of GROUPS) {
    const from = group - offset;
    if (from < Math.max(floor, 0)) break;
    const known = uuidPrefix(bytes, from, end);
    if (known === UUID_LENGTH) return true;
    if (from + known === end && !final) answer = "unknown";
  }
  return answer;
}
