import { type AuditFileSystem, systemCode } from "../file-system.js";
import type { Warn } from "../warnings.js";

const LARGEST = 256 * 1024;
const SMALLEST = 4 * 1024;

/** Lines that end something. On a full disk, these and no others may use up what the ballast made room for. */
const CLOSING: ReadonlySet<string> = new Set([
  "request.completed",
  "request.failed",
  "request.aborted",
  "session.closed",
  "log.closed",
  "log.gap",
]);

/** True for what the operating system says when there is no room. */
export const isFull = (code: string): boolean => code === "ENOSPC" || code === "EDQUOT";

/**
 * A file that only takes up room, given back when the disk is full, so that what is under way can still be ended in the
 * record. As long as the disk stays full, nothing new begins.
 */
export class Ballast {
  readonly #path: string;
  readonly #fs: AuditFileSystem;
  readonly #randomBytes: (count: number) => Uint8Array;
  readonly #warn: Warn;
  #size = LARGEST;
  /** The system's word for it, while the disk is full. */
  #full: string | undefined;

  constructor(path: string, fs: AuditFileSystem, randomBytes: (count: number) => Uint8Array, warn: Warn) {
    this.#path = path;
    this.#fs = fs;
    this.#randomBytes = randomBytes;
    this.#warn = warn;
  }

  /** Takes the room: as much as there is, up to 256 KiB. Without any, the first full disk is just found later. */
  fill(): void {
    while (this.#size >= SMALLEST) {
      if (this.#take(this.#size)) return;
      this.#size /= 2;
    }
    this.#warn("ballast", `There is no room for the reserve ${this.#path}; the disk is as good as full.`);
  }

  /** Why a line of this type may not be written now. */
  refusal(type: string): string | undefined {
    if (this.#full !== undefined && !CLOSING.has(type)) this.#recover();
    return CLOSING.has(type) ? undefined : this.#full;
  }

  /** Gives the room back: the disk is full. Answers whether a line of this type should be tried again. */
  release(type: string, code: string): boolean {
    if (this.#full === undefined) {
      this.#full = code;
      this.remove();
      this.#warn("full", `The disk of ${this.#path} is full: nothing new is let through.`);
    }
    return CLOSING.has(type);
  }

  /** Removes the file; where it is not there, that is as good. */
  remove(): void {
    try {
      this.#fs.remove(this.#path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT")
        this.#warn("ballast", `The reserve ${this.#path} cannot be removed (${systemCode(error)}).`);
    }
  }

  /** Twice the room must be there: as much as we gave back ourselves is no sign that anybody made any. */
  #recover(): void {
    if (!this.#take(2 * this.#size)) return;
    this.remove();
    if (this.#take(this.#size)) this.#full = undefined;
  }

  /** Random bytes: a file system that compresses would keep no room for zeros. */
  #take(bytes: number): boolean {
    let file: number | undefined;
    try {
      file = this.#fs.createFile(this.#path);
      const content = this.#randomBytes(bytes);
      for (let done = 0; done < bytes; ) {
        const written = this.#fs.write(file, content.subarray(done));
        if (!(written > 0)) throw new Error("wrote nothing");
        done += written;
      }
      return true;
    } catch {
      if (file !== undefined) this.remove();
      return false;
    } finally {
      if (file !== undefined) this.#fs.close(file);
    }
  }
}
