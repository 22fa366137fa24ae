import { isWord, latin1 } from "./bytes.js";

/** Nothing here, whatever follows. */
export const NONE = 0;
/** A finding from `start` to `stop`, whatever follows. */
export const MATCH = 1;
/** It depends on bytes that have not come yet; asked again, at the same place, when they have. */
export const MORE = 2;
/** A finding from `start`; it goes on over all bytes that `swallow` says. */
export const OPEN = 3;

export type Verdict = 0 | 1 | 2 | 3;

/** Where swallowing ends: at the first byte whose entry is 0, or at the `-----END …-----` line of a PEM block. */
export type Swallow = Uint8Array | "pem";

/** A detector's own look at a value whose field's name calls for it. */
export type ValueRule = (at: Probe) => Verdict;

/** The name that a value goes by, remembered without building a string. */
export class FieldContext {
  /** What is being scanned. */
  role: "text" | "name" | "value" = "text";
  /** Whether a value is a number or a word of JSON, and no text. */
  unquoted = false;
  /** Rules that the name called for while it was scanned. */
  rules: ValueRule[] = [];
  readonly #bytes = new Uint8Array(LONGEST_NAME);
  #length = 0;
  #text: string | undefined;

  /** A new name; of a longer one the end counts. */
  rename(bytes: Uint8Array, from: number, to: number): void {
    const start = Math.max(from, to - LONGEST_NAME);
    for (let i = start; i < to; i++) this.#bytes[i - start] = bytes[i] as number;
    this.#length = to - start;
    this.#text = undefined;
    if (this.rules.length > 0) this.rules = [];
  }

  /** The name in lower case. */
  name(): string {
    this.#text ??= latin1(this.#bytes, 0, this.#length).toLowerCase();
    return this.#text;
  }
}

const LONGEST_NAME = 64;

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * What a detector sees: a window of bytes, and where in it a candidate may lie. The same window answers the same
 * question again and again, so results are fields and not objects. A detector must give the verdict that it would give
 * with all bytes of the stream in sight, or say {@link MORE}: that makes the output the same for every chunking.
 */
export class Probe {
  bytes: Uint8Array = NOTHING;
  /** Bytes at and after this index are not there (yet). */
  end = 0;
  /** Whether nothing follows `end`: the text, the JSON string or the line is over. */
  final = false;
  /** No finding begins before this: the segment begins here, or the finding before ends here. */
  floor = 0;
  /** Words before this are not context: a finding ended here, and its replacement must not become context either. */
  contextFloor = 0;
  /** What is known of the field that the segment is the name or the value of. */
  readonly field: FieldContext;
  /** Where the segment begins; -1 when that is no longer in sight. */
  segmentStart = 0;
  kind = "";
  vendor: string | undefined = undefined;
  start = 0;
  stop = 0;
  swallow: Swallow | undefined = undefined;

  constructor(field: FieldContext) {
    this.field = field;
  }

  match(kind: string, start: number, stop: number): Verdict {
    this.kind = kind;
    this.vendor = undefined;
    this.start = start;
    this.stop = stop;
    return MATCH;
  }

  open(kind: string, start: number, stop: number, swallow: Swallow): Verdict {
    this.match(kind, start, stop);
    this.swallow = swallow;
    return OPEN;
  }

  /** {@link MORE}, or {@link NONE} if there is no more; everything from `start` on is held back. */
  more(start: number): Verdict {
    this.start = start;
    return this.final ? NONE : MORE;
  }

  /** Whether a token may begin at `index`: no letter, digit or `_` before it, other than of an escape such as `\n`. */
  edge(index: number): boolean {
    if (index <= this.floor) return true;
    const before = this.bytes[index - 1];
    if (!isWord(before)) return true;
    // `\n`, `\r` and `\t` as two characters, in JSON or source code that is read as text
    const mayBeEscape = before === 0x6e || before === 0x72 || before === 0x74;
    return mayBeEscape && index - 2 >= this.floor && this.bytes[index - 2] === 0x5c;
  }

  /** Whether one of the words that `pattern` (on lower case) knows stands within 40 bytes before, or in the name of the field. */
  context(start: number, pattern: RegExp): boolean {
    if (this.field.role === "value" && pattern.test(this.field.name())) return true;
    const from = Math.max(start - 40, this.contextFloor, 0);
    const before = latin1(this.bytes, from, start).toLowerCase();
    // What a mask left behind (`[REDACTED:US_SSN]`, `***-**-1234`) is no context: masking twice must change nothing.
    return pattern.test(before.slice(Math.max(before.lastIndexOf("]"), before.lastIndexOf("*")) + 1));
  }
}

/** One thing to look for. `probe` is called where one of the `literals` has just been read. */
export interface Detector {
  /** Byte strings, one character per byte; the rarer the cheaper. */
  readonly literals: readonly string[];
  /** `literalStart` and `literalEnd` are where the literal stands in `at.bytes`. */
  probe(at: Probe, literalStart: number, literalEnd: number): Verdict;
}
