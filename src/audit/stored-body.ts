import { Buffer } from "node:buffer";
import fs from "node:fs";
import { commitmentOf, placeOf } from "./bodies.js";

/** No stored body is longer; a longer file is not read. */
const LONGEST_BLOB = 64 * 1024 * 1024;
/** What a line calls the file of a body. */
export const COMMITMENT: RegExp = /^[0-9a-f]{64}$/;

/**
 * The stored bytes that a line committed to; `undefined` where others lie in their place.
 *
 * @throws what the file system throws, `ENOENT` where they are gone, `NOT_A_BODY` for anything but a file of their size.
 */
export function readStoredBody(sessionDirectory: string, commitment: string): Buffer | undefined {
  const { blob, salt } = placeOf(sessionDirectory, commitment);
  const stored = read(blob);
  return commitmentOf(read(salt), stored) === commitment ? stored : undefined;
}

function read(path: string): Buffer {
  const file = fs.openSync(
    path,
    fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0),
  );
  try {
    const stat = fs.fstatSync(file);
    if (!stat.isFile() || stat.size > LONGEST_BLOB) throw Object.assign(new Error("no body"), { code: "NOT_A_BODY" });
    const bytes = Buffer.alloc(stat.size);
    let done = 0;
    while (done < bytes.length) {
      const taken = fs.readSync(file, bytes, done, bytes.length - done, done);
      if (taken === 0) break;
      done += taken;
    }
    return bytes.subarray(0, done);
  } finally {
    fs.closeSync(file);
  }
}
