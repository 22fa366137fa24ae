import { fromUtf8 } from "./bytes.js";
import type { FieldContext } from "./probe.js";
import { Scanner, type ScannerOptions, type Sink } from "./scanner.js";
import type { Replace } from "./segment.js";

/** Scans a short text that is all there, such as a JSON number, whose replacement must be written in another way. */
export class WordScanner implements Sink {
  readonly #replace: Replace;
  readonly #field: FieldContext;
  readonly #scanner: Scanner;
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0;
  #text: string | null = null;

  constructor(options: ScannerOptions, field: FieldContext, replace: Replace) {
    this.#replace = replace;
    this.#field = field;
    this.#scanner = new Scanner(options, field, this);
  }

  /** The masked text, or null where there is nothing to mask. */
  mask(bytes: Uint8Array, from: number, to: number): string | null {
    this.#bytes = bytes;
    this.#from = from;
    this.#text = null;
    this.#field.unquoted = true;
    this.#scanner.begin(from);
    this.#scanner.run(bytes, to, true);
    this.#field.unquoted = false;
    return this.#text === null ? null : this.#text + fromUtf8(bytes.subarray(this.#from, to));
  }

  found(kind: string, vendor: string | undefined, bytes: Uint8Array, start: number, stop: number): void {
    const before = fromUtf8(this.#bytes.subarray(this.#from, start));
    this.#text = (this.#text ?? "") + before + this.#replace(kind, vendor, bytes.subarray(start, stop));
    this.#from = stop;
  }

  swallowed(_start: number, stop: number): void {
    this.#from = stop;
  }
}
