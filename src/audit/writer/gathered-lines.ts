import type { ChainLog } from "./chain-log.js";
import type { GatheredLine } from "./log-parts.js";

/** Taken at load: what is replaced later must not decide when the record is written. */
const afterThisTurn = setImmediate;

interface Waiting extends GatheredLine {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lines of one log that wait to be written together: those that come until the event loop has looked once at every
 * connection. With many calls under way, writing is dearer than the lines are.
 */
export class GatheredLines {
  readonly #log: ChainLog;
  readonly #onLost: (line: GatheredLine) => void;
  #waiting: Waiting[] = [];

  /** `onLost` is told of each line that could not be written. */
  constructor(log: ChainLog, onLost: (line: GatheredLine) => void) {
    this.#log = log;
    this.#onLost = onLost;
  }

  /** Resolves once the line is on disk; rejects, as `append` throws, where it cannot be, and then nothing of it is. */
  add(line: GatheredLine): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) afterThisTurn(() => this.flush());
      this.#waiting.push({ ...line, resolve, reject });
    });
  }

  /** Writes what waits. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    const done = this.#log.appendTogether(waiting);
    for (let position = 0; position < waiting.length; position++) {
      const line = waiting[position] as Waiting;
      try {
        if (position >= done) this.#log.append(line.type, line.fields, line.risky);
        line.resolve();
      } catch (error) {
        this.#onLost(line);
        line.reject(error);
      }
    }
  }

  /** Writes what waits, and gives those who waited a turn to go on; nothing to wait for where nobody did. */
  drained(): Promise<void> | undefined {
    if (this.#waiting.length === 0) return undefined;
    this.flush();
    return new Promise((resolve) => afterThisTurn(() => resolve()));
  }
}
