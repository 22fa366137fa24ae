interface Edit {
  readonly start: number;
  readonly stop: number;
  readonly bytes: Uint8Array;
}

/** An event, or what stands between two of them, that goes out once everything in it is decided. */
export class HeldEvent {
  readonly bytes: Uint8Array;
  readonly #edits: Edit[] = [];
  /** How many pieces in it are not decided. */
  undecided = 0;

  /** `bytes` are kept, and not copied. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** `bytes` go out instead of what is there from `start` to `stop`. */
  edit(start: number, stop: number, bytes: Uint8Array): void {
    this.#edits.push({ start, stop, bytes });
  }

  /** What goes out, in pieces. */
  *masked(): Generator<Uint8Array> {
    let at = 0;
    for (const { start, stop, bytes } of this.#edits.sort((a, b) => a.start - b.start)) {
      yield this.bytes.subarray(at, start);
      yield bytes;
      at = stop;
    }
    yield this.bytes.subarray(at);
  }
}
