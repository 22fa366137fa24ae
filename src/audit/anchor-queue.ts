import type { Clock } from "../clock.js";
import type { Warn } from "./warnings.js";

/** A place elsewhere that keeps signed heads: what a thief of the key cannot take back. */
export interface AnchorSink {
  /** In warnings. */
  readonly name: string;
  /**
   * Publishes a signed note (https://c2sp.org/signed-note). Called with one note at a time, in order; a note whose
   * promise rejects, or is not settled when `signal` aborts, is published again later.
   */
  publish(note: string, options: { readonly signal: AbortSignal }): Promise<void>;
}

const DEADLINE_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Between tries while closing. */
const LAST_PAUSE_MS = 250;
const LAG_MS = 60_000;
/** More than this are thinned out: an older head of a log says nothing that a newer one does not. */
const LONGEST_BACKLOG = 4_096;

/** Publishes to one sink: in order, with a deadline, again and again. Nothing in here is waited for by a request. */
export class AnchorQueue {
  readonly #sink: AnchorSink;
  readonly #clock: Clock;
  readonly #warn: Warn;
  #backlog: { readonly note: string; readonly since: number }[] = [];
  #underWay: Promise<void> | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #cancelPause: (() => void) | undefined;
  #closing = false;

  constructor(sink: AnchorSink, clock: Clock, warn: Warn) {
    this.#sink = sink;
    this.#clock = clock;
    this.#warn = warn;
  }

  add(note: string): void {
    this.#backlog.push({ note, since: this.#clock.monotonic() });
    if (this.#backlog.length > LONGEST_BACKLOG) this.#thin();
    if (this.#cancelPause === undefined) this.#start();
  }

  /** Goes on trying for as long as one deadline lasts. What is left then is lost to the sink, and told. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stopPausing();
    this.#start();
    let cancel = (): void => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#clock.schedule(DEADLINE_MS, resolve);
    });
    // The clock's timers let a process end; this one must not end before the promise does.
    const awake = setTimeout(() => {}, DEADLINE_MS);
    await Promise.race([this.#underWay, deadline]);
    clearTimeout(awake);
    cancel();
    this.#stopPausing();
    const left = this.#backlog.length;
    if (left > 0) this.#warn(`anchor ${this.#sink.name}`, `${left} signed heads never reached ${this.#sink.name}.`);
  }

  #start(): void {
    this.#underWay ??= this.#drain().finally(() => {
      this.#underWay = undefined;
    });
  }

  async #drain(): Promise<void> {
    for (let [next] = this.#backlog; next !== undefined; [next] = this.#backlog) {
      const failure = await this.#publish(next.note);
      if (failure === undefined) {
        this.#backlog.shift();
        this.#pauseMs = FIRST_PAUSE_MS;
        continue;
      }
      const late = this.#clock.monotonic() - next.since;
      if (late >= LAG_MS) {
        const seconds = Math.round(late / 1000);
        this.#warn(`anchor ${this.#sink.name}`, `${this.#sink.name} is ${seconds} s behind (${failure}).`);
      }
      if (!this.#closing) return this.#startLater();
      await this.#pause(LAST_PAUSE_MS);
    }
  }

  #stopPausing(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }

  #startLater(): void {
    void this.#pause(this.#pauseMs).then(() => this.#start());
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#cancelPause = this.#clock.schedule(ms, () => {
        this.#cancelPause = undefined;
        resolve();
      });
    });
  }

  /** Answers what went wrong, in a word. A sink that never answers is left alone after the deadline. */
  async #publish(note: string): Promise<string | undefined> {
    const abort = new AbortController();
    let cancel = (): void => {};
    const deadline = new Promise<string>((resolve) => {
      cancel = this.#clock.schedule(DEADLINE_MS, () => {
        abort.abort();
        resolve("no answer");
      });
    });
    try {
      const attempt = Promise.resolve(this.#sink.publish(note, { signal: abort.signal }));
      return await Promise.race([attempt.then(() => undefined), deadline]);
    } catch (error) {
      return error instanceof Error ? error.name : "failed";
    } finally {
      cancel();
    }
  }

  /** Keeps the newest head of each log, in order. */
  #thin(): void {
    const newest = new Map(this.#backlog.map((entry) => [entry.note.slice(0, entry.note.indexOf("\n")), entry]));
    const kept = new Set(newest.values());
    // The first one may be under way, and is taken off by whoever published it.
    this.#backlog = this.#backlog.filter((entry, index) => index === 0 || kept.has(entry));
  }
}
