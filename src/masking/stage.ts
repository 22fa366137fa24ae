import { joined } from "./bytes.js";
import { FieldContext } from "./probe.js";
import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND } from "./scanner.js";
import { LARGEST_PART, Window } from "./window.js";

/** Bytes in, masked bytes out, in order. */
export interface Stage {
  push(chunk: Uint8Array): Uint8Array;
  /** The rest, at the end. */
  flush(): Uint8Array;
  /** {@link push} and {@link flush} of all there is. */
  whole(body: Uint8Array): Uint8Array;
  /** How many bytes are held back. */
  readonly held: number;
}

/** What a stage has in common with the others of its body. */
export type StageContext = Omit<Context, "window" | "field">;

const NOTHING: Uint8Array = new Uint8Array(0);

/** One reader over a window of its own. */
export class ReaderStage implements Stage {
  readonly #window = new Window();
  readonly #reader: Reader;

  constructor(context: StageContext, read: (context: Context) => Reader) {
    const { scanning, paths, replace, replaceField, malformed } = context;
    const field = new FieldContext();
    this.#reader = read({ scanning, paths, replace, replaceField, malformed, window: this.#window, field });
  }

  get held(): number {
    return this.#window.held;
  }

  push(chunk: Uint8Array): Uint8Array {
    return chunk.length === 0 ? NOTHING : this.#rounds(chunk, false);
  }

  flush(): Uint8Array {
    return this.#round(NOTHING, true);
  }

  whole(body: Uint8Array): Uint8Array {
    return this.#rounds(body, true);
  }

  /** All of it; the last part may be the end. */
  #rounds(chunk: Uint8Array, final: boolean): Uint8Array {
    if (chunk.length <= LARGEST_PART) return this.#round(chunk, final);
    const parts: Uint8Array[] = [];
    let at = 0;
    for (; chunk.length - at > LARGEST_PART; at += LARGEST_PART)
      parts.push(this.#round(chunk.subarray(at, at + LARGEST_PART), false));
    parts.push(this.#round(chunk.subarray(at), final));
    return joined(parts);
  }

  #round(chunk: Uint8Array, final: boolean): Uint8Array {
    const window = this.#window;
    const reader = this.#reader;
    window.load(chunk);
    reader.run(window.end, final);
    const { hold } = reader;
    if (hold < LOOK_BEHIND || hold > window.end || (final && hold !== window.end))
      throw new RangeError("a reader lost its place");
    const out = window.take(hold, chunk);
    reader.moved(LOOK_BEHIND - hold);
    return out;
  }
}
