import type { BodySource } from "./transport.js";

/** What the queue does to its peer. */
export interface Valve {
  pause(): void;
  resume(): void;
  /** The reader has given up early: stop, and close the connection. */
  stop(): void;
  /** Nobody will ask for more: read to the end, broken off, or given up. Called once. */
  settled(): void;
}

/** How much waits for a reader before the peer is made to wait. One socket read more can be on its way. */
const HIGH_WATER_BYTES = 64 * 1024;

/**
 * Turns pushed chunks into a pulled body. A chunk that is there when it is asked for costs one resolved promise, and a body
 * that arrives in one piece is complete, and its connection free again, before anybody has read it.
 */
export class ChunkQueue implements BodySource {
  readonly #valve: Valve;
  #chunks: Uint8Array[] = [];
  #next = 0;
  #bytes = 0;
  #paused = false;
  /** `ended`: all has arrived, not all has been read. */
  #state: "open" | "ended" | "failed" | "settled" = "open";
  #error: unknown;
  #hasBeenRead = false;
  #onBroken: ((error: unknown) => void) | undefined;
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(error: unknown): void } | undefined;

  constructor(valve: Valve) {
    this.#valve = valve;
  }

  push(chunk: Uint8Array): void {
    if (this.#state !== "open" || chunk.byteLength === 0) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes >= HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#valve.pause();
    }
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    if (this.#waiting !== undefined) this.#settle(null);
  }

  /** What was buffered is dropped: a body that broke off, or was aborted, must not look whole to a slow reader. */
  fail(error: unknown): void {
    if (this.#state !== "open" && this.#state !== "ended") return;
    this.#state = "failed";
    this.#error = error;
    this.#drop();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#valve.settled();
    if (waiting !== undefined) waiting.reject(error);
    else this.#onBroken?.(error);
  }

  onBroken(listener: (error: unknown) => void): void {
    if (this.#state === "failed") listener(this.#error);
    else this.#onBroken = listener;
  }

  arrived(): Uint8Array | null {
    if (this.#state !== "ended" || this.#hasBeenRead) return null;
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
    this.#drop();
    this.#settle(null);
    return whole;
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#chunks[this.#next];
    this.#hasBeenRead = true;
    if (chunk !== undefined) {
      this.#take(chunk);
      return Promise.resolve(chunk);
    }
    if (this.#state === "failed") return Promise.reject(this.#error);
    if (this.#state === "ended") this.#settle(null);
    if (this.#state === "settled") return Promise.resolve(null);
    if (this.#waiting !== undefined) return Promise.reject(new TypeError("The body is already being read"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  cancel(): void {
    if (this.#state === "failed" || this.#state === "settled") return;
    const isArriving = this.#state === "open";
    this.#drop();
    this.#settle(null);
    if (isArriving) this.#valve.stop();
  }

  #take(chunk: Uint8Array): void {
    this.#next++;
    this.#bytes -= chunk.byteLength;
    if (this.#next === this.#chunks.length) {
      this.#chunks = [];
      this.#next = 0;
    }
    if (this.#paused && this.#bytes < HIGH_WATER_BYTES && this.#state === "open") {
      this.#paused = false;
      this.#valve.resume();
    }
  }

  #settle(last: null): void {
    this.#state = "settled";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(last);
    this.#valve.settled();
  }

  #drop(): void {
    this.#chunks = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
