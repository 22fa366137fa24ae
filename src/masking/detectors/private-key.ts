import { latin1 } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";

const LONGEST_LABEL = 48;

/** PEM private keys of every label (RFC 7468), and PGP ones. Everything to the END line goes, or to the end of the text. */
export const privateKeyDetector: Detector = {
  literals: ["-----BEGIN"],
  probe(at, start, afterLiteral): Verdict {
    const { bytes, end } = at;
    if (bytes[start + 5] !== 0x42) return NONE;
    let stop = afterLiteral;
    while (stop < end && stop - afterLiteral < LONGEST_LABEL && bytes[stop] !== 0x2d) stop++;
    if (stop + 5 > end && stop - afterLiteral < LONGEST_LABEL && !at.final) return at.more(start);
    if (latin1(bytes, stop, Math.min(stop + 5, end)) !== "-----") return NONE;
    return /^[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?$/.test(latin1(bytes, afterLiteral, stop))
      ? at.open("PRIVATE_KEY", start, stop + 5, "pem")
      : NONE;
  },
};

/** What is sure of a PEM block when the bytes `from` to `end` are in sight. */
export interface PemProgress {
  /** Everything before this belongs to the block. */
  readonly stop: number;
  /** Nothing more of it will come in this segment. */
  readonly ended: boolean;
  /** Its END line was seen. */
  readonly closed: boolean;
}

/** Looks for `-----END …-----`. Of an END line that is not all there yet, nothing is sure. */
export function pemEnd(bytes: Uint8Array, from: number, end: number, final: boolean): PemProgress {
  const marker = "-----END";
  for (let i = from; i < end; i++) {
    if (bytes[i] !== 0x2d) continue;
    let matched = 1;
    while (matched < marker.length && i + matched < end && bytes[i + matched] === marker.charCodeAt(matched)) matched++;
    if (matched < marker.length) {
      if (i + matched === end && !final) return { stop: i, ended: false, closed: false };
      continue;
    }
    let close = i + marker.length;
    while (close < end && close - i < LONGEST_LABEL + marker.length && bytes[close] !== 0x2d) close++;
    let stop = close;
    while (stop < end && stop < close + 5 && bytes[stop] === 0x2d) stop++;
    if (stop === end && stop < close + 5 && close - i < LONGEST_LABEL + marker.length && !final)
      return { stop: i, ended: false, closed: false };
    return { stop, ended: true, closed: true };
  }
  return { stop: end, ended: final, closed: false };
}
