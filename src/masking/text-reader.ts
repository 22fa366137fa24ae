import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND } from "./scanner.js";
import { PLAIN, Segment } from "./segment.js";

/** Plain text, and what is treated as such: XML, HTML, CSV. One segment from beginning to end. */
export class TextReader implements Reader {
  readonly #segment: Segment;

  constructor({ window, scanning, field, replace }: Context) {
    this.#segment = new Segment(window, scanning, field, PLAIN, replace);
    this.#segment.begin(LOOK_BEHIND);
  }

  get hold(): number {
    return this.#segment.undecided;
  }

  run(to: number, final: boolean): void {
    this.#segment.advance(to, final);
  }

  moved(by: number): void {
    this.#segment.moved(by);
  }
}
