import { UTF8_BEGINNINGS } from "./bytes.js";
import { CODES, GRAM, GRAM_MASK, SPECIAL } from "./codes.js";
import { type EscapeReader, MORE } from "./escapes.js";
import { placeOf } from "./grams.js";
import type { SecretIndex } from "./secret-index.js";
import { SecretProbe } from "./secret-probe.js";

/** What a text may cost for each of its bytes: no text comes near that, unless it is written to cost it. */
const WORK_PER_BYTE = 64;
const LEAST_WORK = 64 * 1024;
/** How much is one place, at most, where secrets overlap. */
const LONGEST_REGION = 64 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const NONE = 2 ** 30;

/** Finds the known secrets in a text, in whatever way they are written. Overlapping ones are one region. */
export class SecretFinder {
  readonly #index: SecretIndex;
  readonly #probe: SecretProbe;
  /** The regions of the last {@link run}, in order: where each begins and ends. */
  readonly starts: number[] = [];
  readonly stops: number[] = [];
  count = 0;
  #reader: EscapeReader | null = null;
  #from = 0;
  #final = false;
  /** Where the text is not decided. */
  #gate = NONE;
  /** The last five codes of the text as it stands. */
  #raw = 0;
  /** The same of the text with its escapes undone, and where each begins; only behind an escape is it another one. */
  #undone = 0;
  readonly #places = new Int32Array(GRAM);
  /** How many there have been: the places are those of the last ones. */
  #last = 0;
  #fresh = 0;

  constructor(index: SecretIndex) {
    this.#index = index;
    this.#probe = new SecretProbe(index);
  }

  /**
   * Looks at the text from `from` to `end`. Gives the index before which all is decided; what is behind it may be the
   * beginning of a secret, as long as the text is not `final`. Throws for a text that costs too much.
   */
  run(bytes: ArrayLike<number>, from: number, end: number, final: boolean, foldCase: boolean = false): number {
    this.count = 0;
    this.#reader = this.#probe.read(bytes, end, final, foldCase);
    this.#probe.budget = LEAST_WORK + WORK_PER_BYTE * (end - from);
    this.#from = from;
    this.#final = final;
    this.#gate = NONE;
    this.#raw = 0;
    this.#fresh = 0;
    const { grams } = this.#index;
    const { bits, shift } = grams;
    let raw = 0;
    for (let i = from; i < end; ) {
      const code = CODES[bytes[i] as number] as number;
      if (code >= SPECIAL) {
        this.#raw = raw;
        i = this.#special(bytes, i, end);
        if (this.#gate !== NONE) break;
        raw = this.#raw;
        continue;
      }
      raw = (raw << 6) | code;
      i++;
      const place = placeOf(raw, shift);
      if (((bits[place >>> 5] as number) & (1 << (place & 31))) === 0) continue;
      this.#look(raw & GRAM_MASK, i - GRAM);
      if (this.#gate !== NONE) break;
    }
    this.#raw = raw;
    if (this.#gate === NONE) this.#lookAtEnd(end);
    this.#drop();
    return this.#gate === NONE ? end : this.#gate;
  }

  /** An escape begins at `i`, or a line ends: the text is read both ways until they are the same again. */
  #special(bytes: ArrayLike<number>, i: number, end: number): number {
    this.#undone = this.#raw & GRAM_MASK;
    for (let k = 0; k < GRAM; k++) this.#places[(i + k) % GRAM] = i - GRAM + k;
    this.#last = i + GRAM - 1;
    this.#fresh = GRAM;
    /** Where the next character of the text without escapes begins. */
    let next = i;
    let at = i;
    for (; at < end && this.#gate === NONE && this.#fresh > 0; at++) {
      const byte = bytes[at] as number;
      const code = CODES[byte] as number;
      this.#raw = ((this.#raw << 6) | (code & 63)) & GRAM_MASK;
      if (at !== next) this.#lookIf(this.#raw, at + 1 - GRAM);
      else if (code < SPECIAL) {
        this.#fresh--;
        next = at + 1;
        this.#push(byte, at);
        this.#lookIf(this.#raw, at + 1 - GRAM);
      } else next = this.#escape(byte, at);
    }
    return at;
  }

  /** The escape, or what looks like one, that begins at `at`; where the next character begins. */
  #escape(byte: number, at: number): number {
    const reader = this.#reader as EscapeReader;
    this.#lookIf(this.#raw, at + 1 - GRAM);
    if (byte === LF || byte === CR) {
      // Base64 goes on over a line end.
      this.#fresh = GRAM - 1;
      return at + 1;
    }
    const code = reader.read(at);
    if (code === MORE) {
      // It may be any of the first characters of a secret.
      this.#wait(this.#placeOf(GRAM - 2), 1);
      return at + 1;
    }
    const { next } = reader;
    this.#probe.budget -= next - at;
    if (next === at + 1) this.#fresh--;
    else this.#fresh = GRAM - 1;
    if (code === LF || code === CR) return next;
    if (reader.isPoint && code >= 0x80) this.#pushPoint(code, at);
    else this.#push(code, at);
    return next;
  }

  #pushPoint(code: number, at: number): void {
    const further = code < 0x800 ? 1 : code < 0x1_0000 ? 2 : 3;
    this.#push((UTF8_BEGINNINGS[further] as number) | (code >> (6 * further)), at);
    for (let i = further - 1; i >= 0; i--) this.#push(0x80 | ((code >> (6 * i)) & 0x3f), at);
  }

  /** One more byte of the text without escapes, which comes from what stands at `at`. */
  #push(byte: number, at: number): void {
    this.#undone = ((this.#undone << 6) | ((CODES[byte & 0xff] as number) & 63)) & GRAM_MASK;
    this.#last++;
    this.#places[this.#last % GRAM] = at;
    this.#lookIf(this.#undone, this.#placeOf(GRAM - 1));
  }

  /** Where the byte that was pushed `before` others stands. */
  #placeOf(before: number): number {
    return this.#places[(this.#last - before) % GRAM] as number;
  }

  #lookIf(gram: number, start: number): void {
    const { bits, shift } = this.#index.grams;
    const place = placeOf(gram, shift);
    if (((bits[place >>> 5] as number) & (1 << (place & 31))) !== 0) this.#look(gram, start);
  }

  /** Something like the beginning of a secret stands at `start`. */
  #look(gram: number, start: number): void {
    if (start < this.#from) return;
    const kinds = this.#index.grams.kinds(gram);
    if (kinds === 0) return;
    const last = this.count - 1;
    const isInside = last >= 0 && start < (this.stops[last] as number);
    if (isInside && (this.stops[last] as number) - (this.starts[last] as number) >= LONGEST_REGION) return;
    const stop = this.#probe.stopOf(start, kinds);
    if (this.#probe.isOpen && !this.#final) this.#wait(start, 1);
    else if (stop > 0) this.#found(start, stop);
  }

  #found(start: number, stop: number): void {
    const last = this.count - 1;
    if (last < 0 || start >= (this.stops[last] as number)) {
      this.starts[this.count] = start;
      this.stops[this.count++] = stop;
      return;
    }
    // Read without escapes, one that begins further ahead may be seen later.
    this.starts[last] = Math.min(start, this.starts[last] as number);
    this.stops[last] = Math.max(stop, this.stops[last] as number);
  }

  /** At the end of what is there, the first characters of a gram may stand. */
  #lookAtEnd(end: number): void {
    if (this.#final) return;
    const { grams } = this.#index;
    for (let length = GRAM - 1; length > 0; length--) {
      const mask = 2 ** (6 * length) - 1;
      if (grams.mayBegin(this.#raw & mask, length)) this.#wait(end - length, 1);
      if (this.#fresh > 0 && grams.mayBegin(this.#undone & mask, length)) this.#wait(this.#placeOf(length - 1), 1);
    }
  }

  /** Nothing is decided from `at` on, nor `before` characters before it: base64 is read from the digit before. */
  #wait(at: number, before: number): void {
    if (!this.#final) this.#gate = Math.max(this.#from, Math.min(this.#gate, at - before));
  }

  /** Regions that reach beyond what is decided are found again, when more is there. */
  #drop(): void {
    while (this.count > 0 && (this.stops[this.count - 1] as number) > this.#gate) {
      const start = this.starts[this.count - 1] as number;
      const stop = this.stops[this.count - 1] as number;
      if (stop - start >= LONGEST_REGION && start < this.#gate) {
        this.#gate = stop;
        return;
      }
      this.count--;
      this.#gate = Math.min(this.#gate, start);
    }
  }
}
