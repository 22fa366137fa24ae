import fs from "node:fs";
import { AuditUnavailableError } from "../errors/guard-error.js";

/** What the log needs of a file system; in tests, one that fails where the test wants it to. */
export interface AuditFileSystem {
  /** Makes a directory (mode 0700) that must not exist yet. */
  makeDirectory(path: string): void;
  /** Makes a file (mode 0600) that must not exist yet, for appending; answers its descriptor. */
  createFile(path: string): number;
  /** Appends; answers how many bytes were taken, which may be fewer than given. */
  write(file: number, bytes: Uint8Array): number;
  truncate(file: number, length: number): void;
  /** What there is of a file that should be `expected` bytes long. `path` is where it was made. */
  stat(file: number, path: string, expected: number): { readonly size: number; readonly links: number };
  /** Content on stable storage (fdatasync), now and later. */
  syncNow(file: number): void;
  sync(file: number): Promise<void>;
  /** Names in a directory on stable storage. */
  syncDirectory(path: string): Promise<void>;
  close(file: number): void;
  remove(path: string): void;
  removeDirectory(path: string): void;
}

// Taken at load. Under `sallyport/lockdown`, a descriptor that these opened can be used by nobody but these.
const { mkdirSync, openSync, writeSync, ftruncateSync, fstatSync, fdatasync, fdatasyncSync, closeSync } = fs;
const { unlinkSync, rmdirSync, readSync, existsSync } = fs;
const { apply } = Reflect;
const { hasOwnProperty: hasOwn } = Object.prototype;
const { open } = fs.promises;

const PRIVATE_FILE = 0o600;
/** All that Node asks for, as members of their own: `Object.prototype` is not asked. */
const NEW_DIRECTORY = Object.freeze({ __proto__: null, mode: 0o700, recursive: false });

/** Node's permission model takes `fsync` of descriptors away, from everybody: there each write waits for the disk instead. */
const isRestricted = "permission" in process && process.permission !== undefined && fs.constants.O_DSYNC !== undefined;
const EACH_WRITE_SYNCED =
  fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_DSYNC;

/** What Node writes into the object that tells of a file, one after the other. */
const STAT_FIELDS =
  "dev mode nlink uid gid rdev blksize ino size blocks atimeMs mtimeMs ctimeMs birthtimeMs atime mtime ctime birthtime".split(
    " ",
  );

/**
 * Whether what Node tells of a file is to be believed: an accessor of the same name on `Object.prototype` makes it fail, or
 * answer in its place.
 */
function isStatUsable(): boolean {
  for (const field of STAT_FIELDS) if (apply(hasOwn, Object.prototype, [field])) return false;
  return true;
}

/** The size of a file, as far as it matters whether it is the expected one: told by the bytes that are there. */
function sizeByReading(file: number, expected: number): number {
  const byte = new Uint8Array(1);
  if (readSync(file, byte, 0, 1, expected) > 0) return expected + 1;
  return expected === 0 || readSync(file, byte, 0, 1, expected - 1) === 1 ? expected : expected - 1;
}

/** The real one. */
export const systemFiles: AuditFileSystem = {
  makeDirectory: (path) => mkdirSync(path, NEW_DIRECTORY),
  // "ax": exclusive, so that no symbolic link or file of another process is ever written through.
  // It can be read, so that its size can be told without asking Node's own objects for it.
  createFile: (path) => openSync(path, isRestricted ? EACH_WRITE_SYNCED : "ax+", PRIVATE_FILE),
  write: (file, bytes) => writeSync(file, bytes),
  truncate: (file, length) => ftruncateSync(file, length),
  stat: (file, path, expected) => {
    if (isStatUsable()) {
      const { size, nlink } = fstatSync(file);
      return { size, links: nlink };
    }
    return { size: sizeByReading(file, expected), links: existsSync(path) ? 1 : 0 };
  },
  syncNow: (file) => {
    if (!isRestricted) fdatasyncSync(file);
  },
  sync: (file) =>
    new Promise((resolve, reject) => {
      if (isRestricted) return resolve();
      fdatasync(file, (error) => (error === null ? resolve() : reject(error)));
    }),
  syncDirectory: async (path) => {
    // Windows can neither open nor sync a directory; its file systems keep names in their own journal.
    if (process.platform === "win32") return;
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  close: (file) => closeSync(file),
  remove: (path) => unlinkSync(path),
  removeDirectory: (path) => rmdirSync(path),
};

/** The operating system's word for what went wrong: `ENOSPC`, `EIO`, … */
export function systemCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "UNKNOWN";
}

/** Waits until the names in a directory are on stable storage; calls `onFailure` where they may not be. */
export async function syncNames(files: AuditFileSystem, directory: string, onFailure: () => void): Promise<void> {
  try {
    await files.syncDirectory(directory);
  } catch (error) {
    onFailure();
    throw new AuditUnavailableError(directory, systemCode(error));
  }
}
