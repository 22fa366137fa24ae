import { AuditUnavailableError } from "../../errors/guard-error.js";
import type { AuditEvent } from "../event.js";
import type { Warn } from "../warnings.js";

/**
 * What happens when a line cannot be written. `deny`: the error is the caller's, and nothing is sent. `buffer`: up to 1,024
 * lines are kept in memory and written later, after a line that says since when; then as `deny`. `dangerously-allow`: as
 * `buffer`, and what does not fit is dropped and only counted.
 */
export type FailureMode = "deny" | "buffer" | "dangerously-allow";

/** The number of a line that is not written yet, and may never be. */
export const NOT_WRITTEN = -1;
const LONGEST = 1024;

/** Lines of one session that could not be written yet. */
export class Backlog {
  readonly #mode: FailureMode;
  readonly #write: (event: AuditEvent) => number;
  readonly #warn: Warn;
  readonly #events: AuditEvent[] = [];

  constructor(mode: FailureMode, write: (event: AuditEvent) => number, warn: Warn) {
    this.#mode = mode;
    this.#write = write;
    this.#warn = warn;
  }

  /** Writes what waits, then `event`; answers its number, or {@link NOT_WRITTEN}. */
  append(event: AuditEvent): number {
    try {
      this.flush();
      return this.#write(event);
    } catch (error) {
      if (this.#mode === "deny" || !(error instanceof AuditUnavailableError) || error.systemCode === "CLOSED")
        throw error;
      if (this.#events.length >= LONGEST && this.#mode === "buffer") throw error;
      this.#warn("unwritten", `The record cannot be written (${error.systemCode}), and requests go on: ${this.#mode}.`);
      // A copy: callers fill in their events further.
      if (this.#events.length < LONGEST) this.#events.push(structuredClone(event));
      return NOT_WRITTEN;
    }
  }

  /** Writes what waits. @throws {AuditUnavailableError} where that is still not possible. */
  flush(): void {
    for (let [next] = this.#events; next !== undefined; [next] = this.#events) {
      this.#write(next);
      this.#events.shift();
    }
  }

  /** Waits for the disk; where requests may go on without it, they do not wait for a broken one. */
  async settled(sync: Promise<void>): Promise<void> {
    if (this.#mode === "deny") return sync;
    await sync.catch((error: unknown) => {
      const why = error instanceof AuditUnavailableError ? error.systemCode : "UNKNOWN";
      this.#warn("unsynced", `The record is not sure of the disk (${why}), and requests go on: ${this.#mode}.`);
    });
  }
}
