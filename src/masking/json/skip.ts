import { BACKSLASH, CLOSE_ARRAY, CLOSE_OBJECT, KINDS, OPEN_ARRAY, OPEN_OBJECT, QUOTE, WAIT } from "./syntax.js";

export type Skipped = "string" | "word" | "container";

/** Goes over a value that does not go out: a string from behind its quote, a word, a container from its bracket. */
export class ValueSkipper {
  #what: Skipped = "word";
  #depth = 0;
  #inString = false;
  /** The byte before was a backslash in a string. */
  #escape = false;

  begin(what: Skipped): void {
    this.#what = what;
    this.#depth = 0;
    this.#inString = what === "string";
    this.#escape = false;
  }

  /** Whether something else may stand here: between the tokens of a container. */
  get betweenTokens(): boolean {
    return this.#what === "container" && !this.#inString;
  }

  /** The index behind the value, or WAIT if it goes on after `to`. */
  run(bytes: Uint8Array, from: number, to: number, final: boolean): number {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number;
      if (this.#what === "word") {
        if (KINDS[byte] !== 0) return i;
      } else if (this.#escape) this.#escape = false;
      else if (this.#inString) {
        if (byte === BACKSLASH) this.#escape = true;
        else if (byte === QUOTE) {
          if (this.#what === "string") return i + 1;
          this.#inString = false;
        }
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#depth++;
      else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && --this.#depth === 0) return i + 1;
    }
    return final && this.#what === "word" ? to : WAIT;
  }
}
