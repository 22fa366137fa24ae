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
  stat(file: number): { readonly size: number; readonly links: number };
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
const { unlinkSync, rmdirSync } = fs;
const { open } = fs.promises;

const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** Node's permission model takes `fsync` of descriptors away, from everybody: there each write waits for the disk instead. */
const isRestricted = "permission" in process && process.permission !== undefined && fs.constants.O_DSYNC !== undefined;
const EACH_WRITE_SYNCED =
  fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_DSYNC;

/** The real one. */
export const systemFiles: AuditFileSystem = {
  makeDirectory: (path) => mkdirSync(path, { mode: PRIVATE_DIRECTORY }),
  // "ax": exclusive, so that no symbolic link or file of another process is ever written through.
  createFile: (path) => openSync(path, isRestricted ? EACH_WRITE_SYNCED : "ax", PRIVATE_FILE),
  write: (file, bytes) => writeSync(file, bytes),
  truncate: (file, length) => ftruncateSync(file, length),
  stat: (file) => {
    const { size, nlink } = fstatSync(file);
    return { size, links: nlink };
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
