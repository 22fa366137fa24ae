import type { Clock } from "../../clock.js";
import type { LineClock, Moment } from "./line-clock.js";
import type { LineFields } from "./log-parts.js";

/** What lies between two lines of a log, where it was more than time: lines that could not be written, and a clock that was set. */
export class Interruptions {
  readonly #clock: Clock;
  readonly #time: LineClock;
  #missed: { count: number; readonly from: number; to: number } | undefined;

  constructor(clock: Clock, time: LineClock) {
    this.#clock = clock;
    this.#time = time;
  }

  /** A line could not be written. */
  noteMissed(): void {
    const now = this.#clock.now();
    this.#missed ??= { count: 0, from: now, to: now };
    this.#missed.count++;
    this.#missed.to = now;
  }

  /** Gives `write` the lines that say so, before the line of this moment. What could not be written is told again next time. */
  tell(at: Moment, write: (type: string, fields: LineFields) => void): void {
    const missed = this.#missed;
    if (missed !== undefined) {
      write("log.gap", { gap: missed });
      this.#missed = undefined;
    }
    const step = this.#time.stepAt(at);
    if (step !== 0) write("clock.stepped", { step_ms: step });
  }
}
