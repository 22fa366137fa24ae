import { BASE64URL, is, latin1, swallowing, TOKEN } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";
import type { Vendor } from "./vendors.js";

/** No pattern needs more; of a longer token the rest is swallowed. */
const LONGEST = 256;

/** What continues a token that is longer than {@link LONGEST}. */
export const TOKEN_SWALLOW: Uint8Array = swallowing(BASE64URL, ".");

/** Tokens of vendors, by their prefixes. */
export function vendorDetectors(vendors: readonly Vendor[]): Detector[] {
  return vendors.map(({ vendor, prefixes, pattern, keepPrefix }) => ({
    literals: prefixes,
    probe(at, start, afterLiteral): Verdict {
      const { bytes, end } = at;
      if (keepPrefix === undefined && !at.edge(start)) return NONE;
      const limit = Math.min(end, start + LONGEST);
      let stop = afterLiteral;
      while (stop < limit && is(bytes[stop], TOKEN)) stop++;
      if (stop === end && stop < start + LONGEST && !at.final) return at.more(start);
      pattern.lastIndex = 0;
      const found = pattern.exec(latin1(bytes, start, stop));
      if (found === null || isExample(found[0])) return NONE;
      const from = keepPrefix === undefined ? start : afterLiteral;
      const to = start + found[0].length;
      const verdict =
        to === start + LONGEST ? at.open("SECRET", from, to, TOKEN_SWALLOW) : at.match("SECRET", from, to);
      at.vendor = vendor;
      return verdict;
    },
  }));
}

/** Ten characters in alphabetical order are in documentation, not in anything random. */
function isExample(token: string): boolean {
  let run = 1;
  for (let i = 1; i < token.length && run < 10; i++)
    run = token.charCodeAt(i) === token.charCodeAt(i - 1) + 1 ? run + 1 : 1;
  return run >= 10;
}
