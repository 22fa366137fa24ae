import { utf8 } from "../bytes.js";
import { JSON_STRING } from "../json/codec.js";
import { FieldContext } from "../probe.js";
import { LONGEST_WHOLE, LOOK_BEHIND, Scanner, type ScannerOptions, type Sink } from "../scanner.js";
import type { Replace } from "../segment.js";
import type { HeldEvent } from "./held-event.js";

/** A piece of the lane's text: where it is kept, and where it stands in its event. */
interface Piece {
  readonly event: HeldEvent;
  from: number;
  to: number;
  readonly source: number;
  /** Where each of its bytes comes from, if it is written with escapes. */
  readonly map: Int32Array | null;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** One text that comes in pieces, each in an event of its own, scanned as if it were in one piece. */
export class Lane implements Sink {
  readonly owner: string;
  readonly #options: ScannerOptions;
  readonly #replace: Replace;
  readonly #scanner: Scanner;
  #bytes: Uint8Array = new Uint8Array(LOOK_BEHIND + 256);
  #end: number = LOOK_BEHIND;
  /** Those that are not decided. */
  #pieces: Piece[] = [];
  /** How many events of others have come since its own last one. */
  quiet = 0;

  constructor(owner: string, options: ScannerOptions, replace: Replace) {
    this.owner = owner;
    this.#options = options;
    this.#replace = replace;
    this.#scanner = new Scanner(options, new FieldContext(), this);
    this.#scanner.begin(LOOK_BEHIND);
  }

  get isDecided(): boolean {
    return this.#pieces.length === 0;
  }

  /** Whether its end is part of a finding that goes on. */
  get isOpen(): boolean {
    return this.#scanner.isSwallowing;
  }

  /** The text goes on with what stands in `event` from `from` to `to`, between the quotes. */
  append(event: HeldEvent, from: number, to: number): void {
    this.quiet = 0;
    if (from === to) return;
    this.#reserve(to - from + 1);
    const start = this.#end;
    const escaped = event.bytes.subarray(from, to).includes(0x5c);
    let map: Int32Array | null = null;
    if (escaped) {
      const decoded = new Uint8Array(to - from + 1);
      map = new Int32Array(to - from + 1);
      const length = JSON_STRING.decode(event.bytes, from, to, true, decoded, map, 0);
      this.#bytes.set(decoded.subarray(0, length), start);
      this.#end = start + length;
    } else {
      this.#bytes.set(event.bytes.subarray(from, to), start);
      this.#end = start + to - from;
    }
    this.#pieces.push({ event, from: start, to: this.#end, source: from, map });
    event.undecided++;
    this.#run(false);
  }

  /** Nothing more comes. */
  end(): void {
    this.#run(true);
  }

  /**
   * What is not decided goes out now, masked as if the text ended here. If it goes on after all, what it goes on with is
   * still seen together with this.
   */
  letGo(): void {
    const { hold } = this.#scanner;
    const asItIs = new Scanner(this.#options, new FieldContext(), this);
    asItIs.begin(hold);
    asItIs.run(this.#bytes, this.#end, true);
    this.#release(this.#end);
  }

  found(
    kind: string,
    vendor: string | undefined,
    bytes: Uint8Array,
    start: number,
    stop: number,
    whole: boolean,
  ): void {
    const value = whole && stop - start < LONGEST_WHOLE ? bytes.subarray(start, stop) : null;
    const text = this.#replace(kind, vendor, value);
    this.#edit(start, stop, utf8(JSON_STRING.encode(text)));
  }

  swallowed(start: number, stop: number): void {
    this.#edit(start, stop, NOTHING);
  }

  #run(final: boolean): void {
    this.#bytes[this.#end] = 0;
    this.#scanner.run(this.#bytes, this.#end, final);
    const { hold } = this.#scanner;
    this.#release(hold);
    const by = LOOK_BEHIND - hold;
    if (by === 0) return;
    this.#bytes.copyWithin(0, -by, this.#end);
    this.#end += by;
    this.#scanner.shift(by);
    for (const piece of this.#pieces) {
      piece.from += by;
      piece.to += by;
    }
  }

  #release(until: number): void {
    while (this.#pieces[0] !== undefined && this.#pieces[0].to <= until) {
      this.#pieces[0].event.undecided--;
      this.#pieces.shift();
    }
  }

  /** The first piece gets the replacement; of the others, what was found goes. */
  #edit(start: number, stop: number, replacement: Uint8Array): void {
    let bytes = replacement;
    for (const piece of this.#pieces) {
      const from = Math.max(start, piece.from);
      const to = Math.min(stop, piece.to);
      if (from >= to) continue;
      piece.event.edit(sourceOf(piece, from), sourceOf(piece, to), bytes);
      bytes = NOTHING;
    }
  }

  #reserve(further: number): void {
    if (this.#end + further < this.#bytes.length) return;
    const larger = new Uint8Array((this.#end + further) * 2);
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

const sourceOf = ({ from, source, map }: Piece, index: number): number =>
  map === null ? source + index - from : (map[index - from] as number);
