import { SecretFinder } from "./secret-finder.js";
import type { SecretIndex } from "./secret-index.js";

/**
 * Known secrets in a text that arrives in pieces. Everything before {@link gate} is decided: what other detectors find is
 * of that part alone, so that it is the same however the text is cut.
 */
export class SecretSearch {
  readonly finder: SecretFinder;
  readonly #index: SecretIndex;
  /** The first index that is not decided. */
  gate = 0;
  /** How far the text was there when it was looked at last. */
  #seen = 0;

  constructor(index: SecretIndex) {
    this.#index = index;
    this.finder = new SecretFinder(index);
  }

  begin(at: number): void {
    this.gate = at;
    this.#seen = at;
    this.finder.count = 0;
  }

  shift(by: number): void {
    this.gate += by;
    this.#seen += by;
  }

  /** Looks on; the finder then has the regions up to the new gate. */
  run(bytes: Uint8Array, end: number, final: boolean): void {
    const { finder } = this;
    finder.count = 0;
    // Most strings of a document are shorter than any credential.
    if (final && end - this.gate < this.#index.shortest) {
      this.gate = end;
      return;
    }
    // What is held back is looked at again only when there is notably more of it: one byte at a time must not cost its square.
    if (!final && end - this.#seen < (this.#seen - this.gate) >> 3) return;
    this.gate = finder.run(bytes, this.gate, end, final);
    this.#seen = end;
  }
}
