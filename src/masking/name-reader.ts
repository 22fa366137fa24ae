import type { FieldContext } from "./probe.js";
import { LOOK_BEHIND, Scanner, type ScannerOptions } from "./scanner.js";

/** Reads a name that stands elsewhere for what it says of its value; what is found in the name is masked where it stands. */
export class NameReader {
  readonly #field: FieldContext;
  readonly #scanner: Scanner;
  #bytes: Uint8Array = new Uint8Array(LOOK_BEHIND + 64);

  constructor(scanning: ScannerOptions, field: FieldContext) {
    this.#field = field;
    this.#scanner = new Scanner(scanning, field, { found: () => undefined, swallowed: () => undefined });
  }

  /** From then on the field has this name, and what detectors of names have to say of its value. */
  read(name: Uint8Array): void {
    const field = this.#field;
    const end = LOOK_BEHIND + name.length;
    if (end >= this.#bytes.length) this.#bytes = new Uint8Array(end + 1);
    const bytes = this.#bytes;
    bytes.set(name, LOOK_BEHIND);
    bytes[end] = 0;
    field.role = "name";
    field.rename(bytes, LOOK_BEHIND, end);
    this.#scanner.begin(LOOK_BEHIND);
    this.#scanner.run(bytes, end, true);
    field.role = "value";
  }
}
