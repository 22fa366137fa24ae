import { latin1, utf8 } from "../bytes.js";
import type { Context } from "../reader.js";
import type { Strategy } from "../strategies.js";
import { JSON_STRING } from "./codec.js";

const quoted = (text: string): Uint8Array => utf8(JSON.stringify(text));

/** Puts something else in the place of values that a path rule names, and keeps back members that are dropped. */
export class JsonFields {
  readonly #context: Context;
  /** Nothing goes out until {@link endMute}: it is replaced already, or dropped. */
  muted = false;

  constructor(context: Context) {
    this.#context = context;
  }

  mute(i: number): void {
    this.#context.window.mute(i);
    this.muted = true;
  }

  endMute(i: number): void {
    if (!this.muted) return;
    this.#context.window.unmute(i);
    this.muted = false;
  }

  /** Whatever the value that begins at `i` is, it goes, and a text stands in its place. */
  replaceAll(strategy: Strategy, i: number): void {
    if (this.muted) return;
    const { window, replaceField } = this.#context;
    window.edit(i, i, quoted(replaceField(strategy, null)));
    this.mute(i);
  }

  /** The string between its quotes at `i` and `end` goes. */
  replaceString(strategy: Strategy, i: number, end: number): void {
    const { window, replaceField } = this.#context;
    const into = new Uint8Array(end - i + 1);
    const stop = JSON_STRING.decode(window.bytes, i + 1, end, true, into, new Int32Array(end - i + 1), 0);
    window.edit(i, end + 1, quoted(replaceField(strategy, into.subarray(0, stop))));
  }

  /** The number or word from `i` to `end` goes; what is nothing stays that. */
  replaceScalar(strategy: Strategy, i: number, end: number): void {
    const { window, replaceField } = this.#context;
    const isNull = end - i === 4 && latin1(window.bytes, i, end) === "null";
    if (!this.muted && !isNull) window.edit(i, end, quoted(replaceField(strategy, window.bytes.subarray(i, end))));
  }

  /** A text stands for the number or word from `i` to `end`, in which something was found. */
  write(text: string, i: number, end: number): void {
    this.#context.window.edit(i, end, quoted(text));
  }
}
