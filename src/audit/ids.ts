import { Buffer } from "node:buffer";

/** Makes identifiers of lines. */
export interface IdSource {
  next(epochMs: number): string;
}

const IDS_PER_DRAW = 256;
/** Ten bytes: 74 bits are used, in whole hex digits. */
const BYTES = 10;

/** UUIDv7 (RFC 9562 section 5.7): time-ordered, 74 random bits. Randomness is drawn for many at once. */
export function createIdSource(randomBytes: (count: number) => Uint8Array): IdSource {
  let pool = "";
  let used = 0;
  let timePart = "";
  let timeOfPart = Number.NaN;
  return {
    next(epochMs) {
      if (used >= pool.length) {
        pool = Buffer.from(randomBytes(IDS_PER_DRAW * BYTES)).toString("hex");
        used = 0;
      }
      if (epochMs !== timeOfPart) {
        timePart = timeDigits(epochMs);
        timeOfPart = epochMs;
      }
      const digits = pool.slice(used, used + 2 * BYTES);
      used += 2 * BYTES;
      return layOut(timePart, digits);
    },
  };
}

/**
 * The identifier of a checkpoint follows from what it signs, so that its line holds nothing that the signature does not
 * cover and a verifier can rebuild it to the byte.
 */
export function checkpointId(epochMs: number, root: Buffer): string {
  return layOut(timeDigits(epochMs), root.toString("hex", 0, BYTES));
}

const timeDigits = (epochMs: number): string => {
  const digits = Math.max(0, Math.floor(epochMs)).toString(16).padStart(12, "0").slice(-12);
  return `${digits.slice(0, 8)}-${digits.slice(8)}`;
};

const layOut = (time: string, digits: string): string =>
  `${time}-7${digits.slice(0, 3)}-${"89ab"[Number.parseInt(digits.charAt(3), 16) & 3]}${digits.slice(4, 7)}-${digits.slice(7, 19)}`;
