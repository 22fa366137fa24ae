import type { Context } from "../reader.js";
import { Segment } from "../segment.js";
import { JSON_STRING } from "./codec.js";
import { BACKSLASH, QUOTE, WAIT } from "./syntax.js";

/** The strings of a document, one after the other, read to their closing quotes and scanned. */
export class JsonText {
  readonly #context: Context;
  readonly #segment: Segment;
  /** The byte before the window's was a backslash. */
  #escape = false;
  /** Whether {@link closing} met an escape. */
  sawEscape = false;

  constructor(context: Context) {
    const { window, scanning, field, replace } = context;
    this.#context = context;
    this.#segment = new Segment(window, scanning, field, JSON_STRING, replace);
  }

  get findings(): number {
    return this.#segment.findings;
  }

  /** Everything before this index of the window is decided. */
  get undecided(): number {
    return this.#segment.undecided;
  }

  moved(by: number): void {
    this.#segment.moved(by);
  }

  /** A string begins behind its quote, at `from`. */
  begin(from: number): void {
    this.#segment.begin(from);
    this.#escape = false;
  }

  /** Scans on from `i`; index of the closing quote, or WAIT. */
  scan(i: number, to: number, final: boolean): number {
    const from = this.#escape ? Math.min(i + 1, to) : i;
    if (this.#escape && from > i) this.#escape = false;
    const end = this.closing(from, to);
    if (this.sawEscape) this.#segment.escaped = true;
    // While a dropped member is muted, nothing in it needs to be found.
    this.#segment.advance(end === WAIT ? to : end, end !== WAIT || final);
    return end;
  }

  /** Scans the string from `from` to its closing quote at `end`, right after {@link closing} found that. */
  scanWhole(from: number, end: number): void {
    this.begin(from);
    if (this.sawEscape) this.#segment.escaped = true;
    this.#segment.advance(end, true);
  }

  /** Index of the closing quote, or WAIT; notes whether there was an escape, and whether it is cut by the end. */
  closing(from: number, to: number): number {
    const { bytes } = this.#context.window;
    this.sawEscape = false;
    let i = from;
    while (i < to) {
      const byte = bytes[i] as number;
      if (byte === QUOTE) return i;
      if (byte === BACKSLASH) {
        this.sawEscape = true;
        i++;
      }
      i++;
    }
    if (i > to) this.#escape = true;
    return WAIT;
  }
}
