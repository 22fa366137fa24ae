import { utf8 } from "../bytes.js";
import type { Stage } from "../stage.js";

const NOTHING: Uint8Array = new Uint8Array(0);

/** A part that a path rule names: whatever it is, a text stands in its place. */
export class FieldStage implements Stage {
  readonly #text: Uint8Array;
  readonly held: number = 0;

  constructor(text: string) {
    this.#text = utf8(text);
  }

  push(): Uint8Array {
    return NOTHING;
  }

  flush(): Uint8Array {
    return this.#text;
  }

  whole(): Uint8Array {
    return this.#text;
  }
}
