import type { Clock } from "../../clock.js";

/** When a line was written. */
export interface Moment {
  readonly epochMs: number;
  /** The same as ISO 8601 text. */
  readonly time: string;
  /** Microseconds since the writer began; never goes back. */
  readonly monoUs: number;
}

/** A wall clock that moves this much against the monotonic one was set, and the record says so. */
const STEP_MS = 2000;

/** Tells the time of lines, and when the wall clock was set between two of them. */
export class LineClock {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #second: { readonly number: number; readonly text: string } = { number: Number.NaN, text: "" };
  #last: { readonly epochMs: number; readonly time: string } = { epochMs: Number.NaN, time: "" };
  /** Wall clock minus monotonic clock at the last line, in milliseconds. */
  #offset: number | undefined;

  /** `startedAt` is on the monotonic clock, in milliseconds. */
  constructor(clock: Clock, startedAt: number) {
    this.#clock = clock;
    this.#startedAt = startedAt;
  }

  now(): Moment {
    const epochMs = this.#clock.now();
    if (epochMs !== this.#last.epochMs) this.#last = { epochMs, time: this.#textOf(epochMs) };
    const monoUs = Math.max(0, Math.round((this.#clock.monotonic() - this.#startedAt) * 1000));
    return { epochMs, time: this.#last.time, monoUs };
  }

  /** By how many milliseconds the wall clock was set since the last moment that was asked about; 0 where it just ran. */
  stepAt({ epochMs, monoUs }: Moment): number {
    const offset = epochMs - monoUs / 1000;
    const step = this.#offset === undefined ? 0 : Math.round(offset - this.#offset);
    this.#offset = offset;
    return Math.abs(step) >= STEP_MS ? step : 0;
  }

  /** Only the milliseconds are written anew within a second. */
  #textOf(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.#second.number) {
      this.#second = { number: second, text: new Date(second * 1000).toISOString().slice(0, -4) };
    }
    return `${this.#second.text}${String(Math.floor(epochMs) - second * 1000).padStart(3, "0")}Z`;
  }
}
