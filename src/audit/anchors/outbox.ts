import type { Clock } from "../../clock.js";
import type { Warn } from "../warnings.js";

/** Where an outbox delivers to, and what becomes of what cannot be delivered. */
export interface Destination<Item> {
  /** In warnings. */
  readonly name: string;
  /** Delivers one item. What rejects, or has not settled when `signal` aborts, is tried again. */
  send(item: Item, options: { readonly signal: AbortSignal }): void | Promise<void>;
  /** What of a backlog that is too long is kept. The first may be under way, and must stay. */
  thin(backlog: readonly Queued<Item>[]): readonly Queued<Item>[];
  /** After so many tries an item is given up. Default: never. */
  readonly attempts?: number;
  /** Told of an item that was given up. */
  givenUp?(item: Item): void;
}

export interface Queued<Item> {
  readonly item: Item;
  /** On the monotonic clock. */
  readonly since: number;
}

const DEADLINE_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** Between tries while closing. */
const LAST_PAUSE_MS = 250;
const LAG_MS = 60_000;
const LONGEST_BACKLOG = 4_096;

/** Delivers to one destination: in order, with a deadline, again and again. Nothing in here is waited for by a request. */
export class Outbox<Item> {
  readonly #to: Destination<Item>;
  readonly #clock: Clock;
  readonly #warn: Warn;
  #backlog: Queued<Item>[] = [];
  #underWay: Promise<void> | undefined;
  #tries = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #cancelPause: (() => void) | undefined;
  #closing = false;

  constructor(to: Destination<Item>, clock: Clock, warn: Warn) {
    this.#to = to;
    this.#clock = clock;
    this.#warn = warn;
  }

  add(item: Item): void {
    this.#backlog.push({ item, since: this.#clock.monotonic() });
    if (this.#backlog.length > LONGEST_BACKLOG) this.#thin();
    if (this.#cancelPause === undefined) this.#start();
  }

  /** Goes on trying for as long as one deadline lasts. What is left then is lost to the destination, and told. */
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
    if (left > 0) this.#warn(`outbox ${this.#to.name}`, `${left} entries never reached ${this.#to.name}.`);
    for (const { item } of this.#backlog.splice(0)) this.#giveUp(item);
  }

  #start(): void {
    // Later, so that not even a destination that answers at once is part of whoever adds.
    this.#underWay ??= Promise.resolve()
      .then(() => this.#drain())
      .finally(() => {
        this.#underWay = undefined;
      });
  }

  async #drain(): Promise<void> {
    for (let [next] = this.#backlog; next !== undefined; [next] = this.#backlog) {
      const failure = await this.#send(next.item);
      // Closing may have given everything up meanwhile.
      if (this.#backlog[0] !== next) return;
      this.#tries++;
      if (failure === undefined || this.#tries >= (this.#to.attempts ?? Number.POSITIVE_INFINITY)) {
        this.#backlog.shift();
        this.#tries = 0;
        this.#pauseMs = FIRST_PAUSE_MS;
        if (failure !== undefined) this.#giveUp(next.item);
        continue;
      }
      this.#tellLag(next, failure);
      if (!this.#closing) return this.#startLater();
      await this.#pause(LAST_PAUSE_MS);
    }
  }

  #tellLag({ since }: Queued<Item>, failure: string): void {
    const late = this.#clock.monotonic() - since;
    if (late < LAG_MS) return;
    const seconds = Math.round(late / 1000);
    this.#warn(`outbox ${this.#to.name}`, `${this.#to.name} is ${seconds} s behind (${failure}).`);
  }

  #giveUp(item: Item): void {
    try {
      this.#to.givenUp?.(item);
    } catch {
      // There is nobody left to tell.
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

  /** Answers what went wrong, in a word. A destination that never answers is left alone after the deadline. */
  async #send(item: Item): Promise<string | undefined> {
    const abort = new AbortController();
    let cancel = (): void => {};
    const deadline = new Promise<string>((resolve) => {
      cancel = this.#clock.schedule(DEADLINE_MS, () => {
        abort.abort();
        resolve("no answer");
      });
    });
    try {
      const attempt = Promise.resolve(this.#to.send(item, { signal: abort.signal }));
      return await Promise.race([attempt.then(() => undefined), deadline]);
    } catch (error) {
      return error instanceof Error ? error.name : "failed";
    } finally {
      cancel();
    }
  }

  #thin(): void {
    this.#backlog = [...this.#to.thin(this.#backlog)];
  }
}
