import { AuditUnavailableError } from "../../errors/guard-error.js";
import { type AuditFileSystem, systemCode } from "../file-system.js";

/** How much of the machine may fail without losing a line: the process (`os`), or the power (`group`, `strict`). */
export type SyncMode = "os" | "group" | "strict";

/**
 * How long a look at the file holds, in microseconds: a look costs as much as writing the line. What is removed or cut is
 * noticed by the first line after that, and at once by an intent, on whose record a request waits, and by whatever is signed
 * or synced.
 */
const LOOK_HOLDS_US = 1000;

/**
 * One file of whole lines. A write that fails half way is undone, so that the next line starts clean; where even that
 * fails, nothing more is written until it succeeds.
 */
export class Segment {
  readonly path: string;
  readonly #fs: AuditFileSystem;
  readonly #file: number;
  #bytes = 0;
  #lines = 0;
  #halfLine = false;
  #failed: string | undefined;
  #syncedBytes = 0;
  #lookedAtUs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #flights = new Set<Promise<void>>();

  constructor(path: string, fs: AuditFileSystem) {
    this.path = path;
    this.#fs = fs;
    this.#file = this.#attempt(() => fs.createFile(path));
  }

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Appends whole lines, newlines included: all of them, or an error and nothing of them. `nowUs` is monotonic. */
  append(lines: Uint8Array, nowUs: number, count: number): void {
    this.#refuseAfterLoss();
    if (this.#halfLine) this.#removeHalfLine();
    if (!(nowUs - this.#lookedAtUs < LOOK_HOLDS_US)) this.checkPresence(nowUs);
    try {
      for (let done = 0; done < lines.length; ) {
        const written = this.#fs.write(this.#file, done === 0 ? lines : lines.subarray(done));
        // A device that takes nothing and reports nothing would hold this loop for ever.
        if (!(written > 0)) throw Object.assign(new Error("wrote nothing"), { code: "EIO" });
        done += written;
      }
    } catch (error) {
      this.#halfLine = true;
      try {
        this.#removeHalfLine();
      } catch {
        // Tried again before the next line; the first error is the one to report.
      }
      throw this.#unavailable(error);
    }
    this.#bytes += lines.length;
    this.#lines += count;
  }

  /** Notices that the file was removed, cut or written to by somebody else: writing on would be writing into the void. */
  checkPresence(nowUs: number = this.#lookedAtUs): void {
    this.#lookedAtUs = nowUs;
    const { size, links } = this.#attempt(() => this.#fs.stat(this.#file, this.path, this.#bytes));
    if (links === 0) this.#failed = "ENOENT";
    else if (size !== this.#bytes) this.#failed = "ETAMPERED";
    this.#refuseAfterLoss();
  }

  /** Resolves once every line appended so far is on stable storage (not for `os`). */
  sync(mode: SyncMode): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(new AuditUnavailableError(this.path, this.#failed));
    if (mode === "os") return Promise.resolve();
    try {
      this.checkPresence();
    } catch (error) {
      return Promise.reject(error);
    }
    if (mode === "strict") return this.#startSync();
    if (this.#syncedBytes === this.#bytes) return Promise.resolve();
    if (this.#running === undefined) return this.#startShared();
    // The sync under way may have begun before the caller's line: everybody waits for the one after it, together.
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  syncNow(): void {
    const bytes = this.#bytes;
    this.#attempt(() => this.#fs.syncNow(this.#file), true);
    this.#syncedBytes = bytes;
  }

  /** Closes the file once no sync is under way on it: a descriptor is reused at once by the next open. */
  close(): void {
    const closeFile = (): void => {
      try {
        this.#fs.close(this.#file);
      } catch {
        // Nothing is lost: what had to be on disk was synced before.
      }
    };
    if (this.#flights.size === 0) closeFile();
    else void Promise.allSettled([...this.#flights]).then(closeFile);
  }

  #startShared(): Promise<void> {
    const flight = this.#startSync().finally(() => {
      if (this.#running === flight) this.#running = undefined;
    });
    this.#running = flight;
    return flight;
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    this.#running = undefined;
    return this.#startShared();
  }

  #startSync(): Promise<void> {
    const bytes = this.#bytes;
    const flight: Promise<void> = this.#fs
      .sync(this.#file)
      .then(
        () => {
          this.#syncedBytes = Math.max(this.#syncedBytes, bytes);
        },
        (error: unknown) => {
          // After a failed sync the kernel may call the lost pages clean: a second try would report success.
          this.#failed = systemCode(error);
          throw this.#unavailable(error);
        },
      )
      .finally(() => this.#flights.delete(flight));
    this.#flights.add(flight);
    return flight;
  }

  #removeHalfLine(): void {
    this.#attempt(() => this.#fs.truncate(this.#file, this.#bytes));
    this.#halfLine = false;
  }

  #refuseAfterLoss(): void {
    if (this.#failed !== undefined) throw new AuditUnavailableError(this.path, this.#failed);
  }

  #attempt<Value>(action: () => Value, fatal = false): Value {
    try {
      return action();
    } catch (error) {
      if (fatal) this.#failed = systemCode(error);
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): AuditUnavailableError {
    return new AuditUnavailableError(this.path, systemCode(error));
  }
}
