import { utf8 } from "./bytes.js";
import type { FieldContext } from "./probe.js";
import { LONGEST_WHOLE, LOOK_BEHIND, Scanner, type ScannerOptions, type Sink } from "./scanner.js";
import type { Window } from "./window.js";

/** How text stands in a format: the escapes of JSON strings, the percent-encoding of forms. */
export interface Codec {
  /**
   * Decodes `bytes` from `from` to `to` into `into`, from index `at`; `map[i]` becomes the index in `bytes` where the
   * escape or byte begins that `into[i]` comes from, and `map` at the end where decoding stopped. An escape that is not
   * all there is left, unless `ended`. Returns the index in `into` where it stopped. Never yields more bytes than it reads.
   */
  decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    ended: boolean,
    into: Uint8Array,
    map: Int32Array,
    at: number,
  ): number;
  /** A replacement as it stands in this format. */
  encode(text: string): string;
}

/** Text that stands for itself. */
export const PLAIN: Codec = {
  decode(bytes, from, to, _ended, into, map, at) {
    for (let i = from; i < to; i++) {
      map[at + i - from] = i;
      into[at + i - from] = bytes[i] as number;
    }
    map[at + to - from] = to;
    return at + to - from;
  },
  encode: (text) => text,
};

const NOTHING: Uint8Array = new Uint8Array(0);
const NOWHERE: Int32Array = new Int32Array(0);

/** What a finding is replaced by; counts it. */
export type Replace = (kind: string, vendor: string | undefined, value: Uint8Array | null) => string;

/**
 * One piece of text in the window, scanned as it arrives: directly where bytes stand for themselves, and from the first
 * escape on in a decoded view whose indices lead back.
 */
export class Segment implements Sink {
  readonly #window: Window;
  readonly #codec: Codec;
  readonly #replace: Replace;
  readonly #scanner: Scanner;
  #decoded: Uint8Array = NOTHING;
  #map: Int32Array = NOWHERE;
  #mapped = false;
  #tail: Uint8Array = NOTHING;
  /** Set by whoever reads the format, where it meets an escape. */
  escaped = false;
  /** Everything before this index of the window is decided. */
  undecided = 0;
  /** How often something was found. */
  findings = 0;

  constructor(window: Window, options: ScannerOptions, field: FieldContext, codec: Codec, replace: Replace) {
    this.#window = window;
    this.#codec = codec;
    this.#replace = replace;
    this.#scanner = new Scanner(options, field, this);
  }

  begin(at: number): void {
    this.escaped = false;
    this.undecided = at;
    this.#scanner.begin(at);
  }

  /** The same text goes on at `at`, after a line break that the format swallowed. */
  continueAt(at: number): void {
    this.escaped = false;
    this.undecided = at;
    this.#scanner.continueAt(at);
  }

  /** The text is there up to `to`, where it `ended`, or where the window ends. */
  advance(to: number, ended: boolean): void {
    const scanner = this.#scanner;
    if (!this.escaped) {
      scanner.run(this.#window.bytes, to, ended);
      this.undecided = scanner.hold;
      return;
    }
    const { bytes } = this.#window;
    const start = this.undecided;
    const room = LOOK_BEHIND + to - start + 1;
    if (this.#decoded.length < room) {
      this.#decoded = new Uint8Array(room * 2);
      this.#map = new Int32Array(room * 2);
    }
    const decoded = this.#decoded;
    const map = this.#map;
    decoded.set(bytes.subarray(start - LOOK_BEHIND, start));
    const stop = this.#codec.decode(bytes, start, to, ended, decoded, map, LOOK_BEHIND);
    decoded[stop] = 0;
    scanner.shift(LOOK_BEHIND - start);
    this.#mapped = true;
    scanner.run(decoded, stop, ended);
    this.#mapped = false;
    let hold = scanner.hold;
    // A character that is one escape and several bytes is held as a whole.
    while (hold > LOOK_BEHIND && hold < stop && map[hold] === map[hold - 1]) hold--;
    if (this.#tail === NOTHING) this.#tail = new Uint8Array(LOOK_BEHIND);
    this.#tail.set(decoded.subarray(hold - LOOK_BEHIND, hold));
    this.undecided = map[hold] as number;
    scanner.shift(this.undecided - hold);
  }

  /** The window has moved its bytes by `by`; puts decoded text into the part of it that is only looked at. */
  moved(by: number): void {
    this.undecided += by;
    this.#scanner.shift(by);
    if (this.escaped && this.#tail !== NOTHING) this.#window.bytes.set(this.#tail, this.undecided - LOOK_BEHIND);
  }

  found(
    kind: string,
    vendor: string | undefined,
    bytes: Uint8Array,
    start: number,
    stop: number,
    whole: boolean,
  ): void {
    this.findings++;
    const text = this.#replace(
      kind,
      vendor,
      whole && stop - start < LONGEST_WHOLE ? bytes.subarray(start, stop) : null,
    );
    this.#window.edit(this.#source(start), this.#source(stop), utf8(this.#codec.encode(text)));
  }

  swallowed(start: number, stop: number): void {
    this.#window.edit(this.#source(start), this.#source(stop), NOTHING);
  }

  #source(index: number): number {
    return this.#mapped ? (this.#map[index] as number) : index;
  }
}
