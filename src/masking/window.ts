import { LOOK_BEHIND } from "./scanner.js";

const NOTHING: Uint8Array = new Uint8Array(0);

const SLAB = 64 * 1024;
const LARGEST_SHARE = 4 * 1024;

/**
 * Zeroed bytes that nobody had before. An array buffer of its own costs more than masking what is in a short answer, so they
 * are cut from a larger one, which is never used twice: nothing of one body can be seen in another.
 */
const share = ((): ((size: number) => Uint8Array) => {
  let slab = new ArrayBuffer(0);
  let used = 0;
  return (size) => {
    if (size > LARGEST_SHARE) return new Uint8Array(size);
    if (used + size > slab.byteLength) {
      slab = new ArrayBuffer(SLAB);
      used = 0;
    }
    const bytes = new Uint8Array(slab, used, size);
    used += size;
    return bytes;
  };
})();

/** Larger chunks are taken in parts of this size, so that memory does not follow the caller's chunk size. */
export const LARGEST_PART: number = 64 * 1024;

/**
 * The bytes in sight: what is held back of earlier chunks, then the new chunk; before them, {@link LOOK_BEHIND} bytes
 * that are long gone and may only be looked at. Collects what goes out, and copies nothing where nothing was changed.
 */
export class Window {
  /** Made for the first chunk: a short answer needs no more than its own length. */
  bytes: Uint8Array = NOTHING;
  end: number = LOOK_BEHIND;
  #held = 0;
  /** Everything before this index has gone out, or been cut. */
  #gone: number = LOOK_BEHIND;
  #muted = false;
  #edited = false;
  #out: Uint8Array = NOTHING;
  #outLength = 0;

  /** How many bytes are held back. */
  get held(): number {
    return this.#held;
  }

  load(chunk: Uint8Array): void {
    this.#held = this.end - LOOK_BEHIND;
    const size = this.end + chunk.length;
    if (size >= this.bytes.length) {
      // The first one fits; a second one means that more will come.
      const larger = this.bytes === NOTHING ? share(size + 1) : new Uint8Array(size * 2);
      larger.set(this.bytes.subarray(0, this.end));
      this.bytes = larger;
    }
    this.bytes.set(chunk, this.end);
    // Detectors look at the byte after the last one: never one of an earlier round.
    this.bytes[size] = 0;
    this.end = size;
    this.#gone = LOOK_BEHIND;
    this.#outLength = 0;
    this.#edited = this.#muted;
  }

  /** `bytes` go out instead of what is there from `start` to `stop`. */
  edit(start: number, stop: number, bytes: Uint8Array): void {
    this.#edited = true;
    this.#send(start);
    if (!this.#muted) this.#append(bytes, 0, bytes.length);
    this.#gone = stop;
  }

  /** From `start` on nothing goes out. */
  mute(start: number): void {
    this.#edited = true;
    this.#send(start);
    this.#muted = true;
  }

  /** From `stop` on everything goes out again. */
  unmute(stop: number): void {
    this.#send(stop);
    this.#muted = false;
  }

  /** Ends the round: hands out what is decided, keeps what begins at `hold`. `chunk` is what {@link load} was given. */
  take(hold: number, chunk: Uint8Array): Uint8Array {
    let result: Uint8Array;
    if (this.#edited) {
      this.#send(hold);
      result = this.#out.slice(0, this.#outLength);
    } else if (this.#held > 0) result = this.bytes.slice(LOOK_BEHIND, hold);
    else result = hold === this.end ? chunk : chunk.subarray(0, hold - LOOK_BEHIND);
    this.bytes.copyWithin(0, hold - LOOK_BEHIND, this.end);
    this.end -= hold - LOOK_BEHIND;
    this.#held = this.end - LOOK_BEHIND;
    return result;
  }

  #send(until: number): void {
    if (until <= this.#gone) return;
    if (!this.#muted) this.#append(this.bytes, this.#gone, until);
    this.#gone = until;
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const size = this.#outLength + to - from;
    if (size > this.#out.length) {
      const larger = new Uint8Array(size * 2);
      larger.set(this.#out.subarray(0, this.#outLength));
      this.#out = larger;
    }
    this.#out.set(bytes.subarray(from, to), this.#outLength);
    this.#outLength = size;
  }
}
