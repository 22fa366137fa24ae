import fs from "node:fs";
import { encodeLine, type Line, lineAfter, NOTHING, parseLine } from "./line.js";
import { isRestricted } from "./restricted.js";

/** The file is not what this library wrote: a line is missing, or the file was cut or removed. Nothing is guessed. */
export class DamagedJournalError extends Error {
  constructor(path: string, problem: string) {
    super(`The journal ${path} ${problem}.`);
  }
}

const { openSync, fstatSync, readSync, writeSync, fdatasync, closeSync } = fs;
/**
 * What journals are read and written with, taken at load: under `sallyport/lockdown`, a descriptor that these opened can be
 * used by nobody but these. In tests, a disk that fails.
 */
export const journalFiles: Pick<
  typeof fs,
  "openSync" | "fstatSync" | "readSync" | "writeSync" | "fdatasync" | "closeSync"
> = { openSync, fstatSync, readSync, writeSync, fdatasync, closeSync };

const READ_AT_ONCE = 1 << 20;
/** No line is longer; what goes on without an end for longer than this is no journal. */
const LONGEST_LINE = 64 << 20;

/**
 * A file to which several processes append. Each line names the line it follows: of two that follow the same one, the first
 * in the file counts and the other does not, for every reader alike. So nobody has to hold a lock for the journal to be
 * right, and a process that is killed or stopped at any point leaves at most half a line that nobody counts.
 *
 * Rests on appends of one process not overwriting those of another, which holds on local file systems, not on NFS.
 */
export class Journal {
  readonly path: string;
  readonly #file: number;
  #consumed = 0;
  #last: Pick<Line, "seq" | "sum"> = { seq: 0, sum: NOTHING };

  private constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
  }

  /** Opens the file, or makes it where `create`; null where it does not exist. */
  static open(path: string, { create }: { readonly create: boolean }): Journal | null {
    // Reading and appending; a file is made readable by its owner only.
    const { O_RDWR, O_APPEND, O_CREAT, O_DSYNC } = fs.constants;
    const flags = O_RDWR | O_APPEND | (create ? O_CREAT : 0) | (isRestricted ? O_DSYNC : 0);
    try {
      return new Journal(path, journalFiles.openSync(path, flags, 0o600));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" && !create) return null;
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#last.seq === 0;
  }

  /** Bytes that were read. */
  get size(): number {
    return this.#consumed;
  }

  /** Whether something is in the file that was not read. */
  hasMore(): boolean {
    return journalFiles.fstatSync(this.#file).size !== this.#consumed;
  }

  /** The lines that count, of those that were appended since. */
  *read(): Generator<Line> {
    const { size } = journalFiles.fstatSync(this.#file);
    if (size < this.#consumed) throw new DamagedJournalError(this.path, "was cut");
    let rest = Buffer.alloc(0);
    let at = this.#consumed;
    while (at < size) {
      const chunk = Buffer.allocUnsafe(Math.min(READ_AT_ONCE, size - at));
      const length = journalFiles.readSync(this.#file, chunk, 0, chunk.length, at);
      if (length === 0) break;
      at += length;
      const bytes = rest.length === 0 ? chunk.subarray(0, length) : Buffer.concat([rest, chunk.subarray(0, length)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
        const line = end === start ? null : parseLine(bytes.toString("utf8", start, end));
        start = end + 1;
        this.#consumed = at - (bytes.length - start);
        if (line !== null && this.#counts(line)) yield line;
      }
      rest = bytes.subarray(start);
      if (rest.length > LONGEST_LINE) throw new DamagedJournalError(this.path, "has a line without an end");
    }
  }

  /** Whether nobody will find the file any more: it goes on in another one, or was somebody's mistake. */
  isRemoved(): boolean {
    return journalFiles.fstatSync(this.#file).nlink === 0;
  }

  /** Appends what is to follow the last line that was read. Whether it counts, reading tells. */
  append(json: string): Line {
    const line = lineAfter(this.#last.seq, this.#last.sum, json);
    const bytes = Buffer.from(encodeLine(line));
    // Once: the rest of a write that was cut short could land behind a line of another process.
    if (journalFiles.writeSync(this.#file, bytes) !== bytes.length)
      throw new Error(`${this.path}: the disk took half a line`);
    return line;
  }

  /** Content on stable storage. */
  sync(): Promise<void> {
    if (isRestricted) return Promise.resolve();
    return new Promise((resolve, reject) => {
      journalFiles.fdatasync(this.#file, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): void {
    journalFiles.closeSync(this.#file);
  }

  #counts(line: Line): boolean {
    const { seq, sum } = this.#last;
    if (line.seq <= seq) return false;
    // Somebody has read a line that is not there any more.
    if (line.seq !== seq + 1 || line.follows !== sum) throw new DamagedJournalError(this.path, "has lost a line");
    this.#last = line;
    return true;
  }
}
