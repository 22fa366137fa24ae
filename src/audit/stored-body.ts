import type { Buffer } from "node:buffer";
import { readRegularFile } from "../regular-file.js";
import { commitmentOf, placeOf } from "./bodies.js";

/** No stored body is longer; a longer file is not read. */
const LONGEST_BLOB = 64 * 1024 * 1024;
/** What a line calls the file of a body. */
export const COMMITMENT: RegExp = /^[0-9a-f]{64}$/;

/**
 * The stored bytes that a line committed to; `undefined` where others lie in their place.
 *
 * @throws what the file system throws, `ENOENT` where they are gone, `NOT_A_FILE` for anything but a file.
 */
export function readStoredBody(sessionDirectory: string, commitment: string): Buffer | undefined {
  // A name that is none would be a path, and lead to any file there is.
  if (!COMMITMENT.test(commitment)) throw new RangeError("a stored body has no such name");
  const { blob, salt } = placeOf(sessionDirectory, commitment);
  const stored = read(blob);
  return commitmentOf(read(salt), stored) === commitment ? stored : undefined;
}

const read = (path: string): Buffer => readRegularFile(path, { most: LONGEST_BLOB, noLinks: true });
