import { CLASS, DIGIT, LETTER } from "../bytes.js";
import { NameReader } from "../name-reader.js";
import type { FieldContext } from "../probe.js";
import type { ScannerOptions } from "../scanner.js";

/** A longer text is no name. */
export const LONGEST_GIVEN = 48;
/** Objects deeper than this share the places of those above them. */
const LEVELS = 32;

/** Words, and what stands between them in a name. What a mask left behind (`[…]`, `*`) is none. */
const MADE: Uint8Array = CLASS.map((flags, code) =>
  (flags & (LETTER | DIGIT)) !== 0 || " _-./".includes(String.fromCharCode(code)) ? 1 : 0,
);

/** What a member's name says of the member beside it. */
export const ALONE = 0;
export const GIVES_NAME = 1;
export const HAS_VALUE = 2;
export type PairRole = 0 | 1 | 2;

const NAMES = /^(?:name|key|field|label|header|variable|var|param|parameter|property)$/i;
const VALUES = /^(?:[a-z_]{0,24}value|val)$/i;

export const pairRole = (name: string): PairRole =>
  NAMES.test(name) ? GIVES_NAME : VALUES.test(name) ? HAS_VALUE : ALONE;

/**
 * Pairs such as `{"name": "DB_PASSWORD", "value": "…"}`, in which environments, headers and settings are written: what
 * goes by the name `value` is judged by the name beside it, if that comes first.
 */
export class NamedPairs {
  readonly #scanning: ScannerOptions;
  readonly #field: FieldContext;
  /** Made when they are first needed: most bodies are short, and have no pairs. */
  #names: NameReader | null = null;
  #bytes: Uint8Array | null = null;
  readonly #lengths: number[] = [];
  /** Where in the window the names stand, or -1 for those that {@link keep} has taken from there. */
  readonly #starts: number[] = [];
  #inWindow = false;

  constructor(scanning: ScannerOptions, field: FieldContext) {
    this.#scanning = scanning;
    this.#field = field;
  }

  /** An object begins at `depth`; it `inherits` where it is the value of a pair: `"value": {"stringValue": "…"}`. */
  begin(depth: number, inherits: boolean): void {
    const to = depth % LEVELS;
    if (!inherits) {
      this.#lengths[to] = 0;
      return;
    }
    const from = (depth - 1) % LEVELS;
    this.#lengths[to] = this.#lengths[from] ?? 0;
    this.#starts[to] = this.#starts[from] ?? -1;
    this.#bytes?.copyWithin(to * LONGEST_GIVEN, from * LONGEST_GIVEN, from * LONGEST_GIVEN + LONGEST_GIVEN);
  }

  /** The object at `depth` has a name, which stands in the window from `from` to `to`. */
  give(depth: number, from: number, to: number): void {
    const place = depth % LEVELS;
    this.#lengths[place] = to - from > LONGEST_GIVEN ? 0 : to - from;
    this.#starts[place] = from;
    this.#inWindow = true;
  }

  /** The window is about to move: takes the names of the objects down to `depth`, which are still open, out of it. */
  keep(depth: number, bytes: Uint8Array): void {
    if (!this.#inWindow) return;
    this.#inWindow = false;
    for (let place = Math.min(depth, LEVELS - 1); place >= 0; place--) {
      const length = this.#lengths[place] ?? 0;
      const start = this.#starts[place] ?? -1;
      if (length === 0 || start < 0) continue;
      this.#bytes ??= new Uint8Array(LEVELS * LONGEST_GIVEN);
      this.#bytes.set(bytes.subarray(start, start + length), place * LONGEST_GIVEN);
      this.#starts[place] = -1;
    }
  }

  /** Tells the field of the value that begins now what its object is named, if it is. */
  tell(depth: number, window: Uint8Array): void {
    const place = depth % LEVELS;
    const length = this.#lengths[place] ?? 0;
    if (length === 0) return;
    const start = this.#starts[place] ?? -1;
    const bytes = start < 0 ? this.#bytes : window;
    if (bytes === null) return;
    const from = start < 0 ? place * LONGEST_GIVEN : start;
    for (let i = from; i < from + length; i++) if (MADE[bytes[i] as number] !== 1) return;
    this.#read(bytes, from, from + length);
  }

  #read(bytes: Uint8Array, from: number, to: number): void {
    const { names } = this.#scanning;
    const slot = names.slot(bytes, from, to);
    const rules = names.rules(slot, bytes, from, to);
    if (rules !== null) {
      this.#field.rename(bytes, from, to);
      if (rules.length > 0) this.#field.rules = rules;
      return;
    }
    this.#names ??= new NameReader(this.#scanning, this.#field);
    this.#names.read(bytes.subarray(from, to));
    // Nothing was found in it where it stood. Names of members come more often, and keep their places.
    if (names.isFree(slot)) names.remember(slot, bytes, from, to, this.#field.rules);
  }
}
