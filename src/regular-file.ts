import fs, { constants } from "node:fs";

/** Why a file was not read, besides what the operating system says. */
export type RegularFileFault = "NOT_A_FILE" | "FILE_TOO_LONG" | "FILE_EXPOSED";

/** How a file is read. */
export interface RegularFileRules {
  /** It may have so many bytes; a longer one is not read. */
  readonly most: number;
  /** Refuses a symbolic link: for directories that somebody else may have filled. Default false, since mounted secrets are links. */
  readonly noLinks?: boolean;
  /** Bits of the mode that must not be set, such as `0o077` for what nobody else may read or write. Default none. */
  readonly notFor?: number;
}

// Taken at load, as everything that the guard reads and writes with.
const { openSync, fstatSync, readSync, closeSync } = fs;

/** A pipe would keep the opening waiting for somebody to write. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * The bytes of a file, if it is one. A pipe or a device never ends, and a link in somebody else's directory leads where they
 * like: of those nothing is read. Whether it is a regular file is asked of what was opened, not of its path.
 *
 * @throws what the operating system says (`ENOENT`, …), and errors with a {@link RegularFileFault} as `code`.
 */
export function readRegularFile(path: string | URL, { most, noLinks = false, notFor = 0 }: RegularFileRules): Buffer {
  const file = openSync(path, READ | (noLinks ? (constants.O_NOFOLLOW ?? 0) : 0));
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw faultOf("NOT_A_FILE", "it is not a regular file");
    if (process.platform !== "win32" && (stat.mode & notFor) !== 0)
      throw faultOf("FILE_EXPOSED", "others may read or write it");
    if (stat.size > most) throw faultOf("FILE_TOO_LONG", `it has more than ${most} bytes`);
    // One byte more than is allowed, so that a file that grows, or has no size (as below /proc), is bounded as well.
    const bytes = Buffer.alloc(Math.min(most + 1, Math.max(stat.size, SMALLEST) + 1));
    let length = 0;
    for (let taken = -1; taken !== 0 && length < bytes.length; length += taken)
      taken = readSync(file, bytes, length, bytes.length - length, length);
    if (length > most) throw faultOf("FILE_TOO_LONG", `it has more than ${most} bytes`);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** What a file that says nothing of its size is read with. */
const SMALLEST = 64 * 1024;

const faultOf = (code: RegularFileFault, message: string): Error => Object.assign(new Error(message), { code });

/** How a secret file is repaired, for messages: it names the path and the command. */
export const repairOf = (path: string): string => `Run \`chmod 600 '${path.replaceAll("'", "'\\''")}'\`.`;
