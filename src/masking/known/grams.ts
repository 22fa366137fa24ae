import { mapDelete, mapForEach, mapGet, mapSet, mapSize } from "../../request/captured.js";
import { GRAM } from "./codes.js";

/** How a gram is written: as it is, as hex, or as base64 with 0, 1 or 2 bytes before it (modulo 3). */
export const PLAIN = 0;
export const HEX = 1;
export const BASE64 = 2;

/** How many bits there are for each gram: of a hundred texts one looks like a gram and is none. */
const BITS_PER_GRAM = 128;
const FEWEST_BITS = 15;
const MOST_BITS = 26;
/** A multiple of four: what stands before the thirty bits of a gram does not count. */
const MULTIPLIER = 0x9e3779b1 * 4;

type Counts = Map<number, number>;

/**
 * The grams that known secrets begin with, in each way they may be written. A table of bits says of most texts at once that
 * none begins there. To add or remove a gram costs the same however many there are, but for the times when the table has
 * to grow.
 */
export class Grams {
  /** How often each gram is there, by the way it is written. */
  readonly #counts: readonly Counts[] = [new Map(), new Map(), new Map(), new Map(), new Map()];
  /** In which ways each is there, as bits. */
  readonly #kinds = new Map<number, number>();
  /** Of whole grams; where each is, {@link placeOf} says. */
  bits: Int32Array = new Int32Array(2 ** (FEWEST_BITS - 5));
  shift: number = 32 - FEWEST_BITS;
  /** Of what they begin with. */
  #beginnings = new Int32Array(2 ** (FEWEST_BITS - 5));
  /** How many are in the table, those that have gone included. */
  #written = 0;

  add(gram: number, kind: number): void {
    const counts = this.#counts[kind] as Counts;
    const count = mapGet(counts, gram) ?? 0;
    mapSet(counts, gram, count + 1);
    if (count > 0) return;
    const kinds = this.kinds(gram);
    mapSet(this.#kinds, gram, kinds | (1 << kind));
    if (kinds === 0) this.#write(gram);
  }

  remove(gram: number, kind: number): void {
    const counts = this.#counts[kind] as Counts;
    const count = mapGet(counts, gram) ?? 0;
    if (count > 1) {
      mapSet(counts, gram, count - 1);
      return;
    }
    mapDelete(counts, gram);
    const kinds = this.kinds(gram) & ~(1 << kind);
    if (kinds !== 0) mapSet(this.#kinds, gram, kinds);
    else mapDelete(this.#kinds, gram);
    if (this.#written > 2 * mapSize(this.#kinds) + 256) this.#rewrite();
  }

  /** Bits of the ways in which this gram is that of a secret. */
  kinds(gram: number): number {
    return mapGet(this.#kinds, gram) ?? 0;
  }

  /** Whether a gram may begin with these `length` codes, fewer than a whole one. */
  mayBegin(codes: number, length: number): boolean {
    const place = this.#placeOfBeginning(codes, length);
    return ((this.#beginnings[place >>> 5] as number) & (1 << (place & 31))) !== 0;
  }

  #placeOfBeginning(codes: number, length: number): number {
    return placeOf(codes ^ Math.imul(length, 0x07d4eb2f), this.shift);
  }

  #write(gram: number): void {
    this.#written++;
    if (this.#written * BITS_PER_GRAM > this.bits.length * 32 && 32 - this.shift < MOST_BITS) {
      this.#rewrite();
      return;
    }
    const place = placeOf(gram, this.shift);
    this.bits[place >>> 5] = (this.bits[place >>> 5] as number) | (1 << (place & 31));
    for (let length = 1; length < GRAM; length++) {
      const beginning = this.#placeOfBeginning(gram >>> (6 * (GRAM - length)), length);
      this.#beginnings[beginning >>> 5] = (this.#beginnings[beginning >>> 5] as number) | (1 << (beginning & 31));
    }
  }

  #rewrite(): void {
    const size = mapSize(this.#kinds);
    let bits = FEWEST_BITS;
    // Twice as large as it has to be: the next time is as far away as there are grams.
    while (bits < MOST_BITS && size * BITS_PER_GRAM * 2 > 2 ** bits) bits++;
    this.shift = 32 - bits;
    this.bits = new Int32Array(2 ** (bits - 5));
    this.#beginnings = new Int32Array(2 ** (bits - 5));
    this.#written = 0;
    mapForEach(this.#kinds, (_kinds, gram) => this.#write(gram));
  }
}

/** Where a gram is in {@link Grams.bits}. */
export const placeOf = (gram: number, shift: number): number => Math.imul(gram, MULTIPLIER) >>> shift;
