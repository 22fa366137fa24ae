import { latin1 } from "../bytes.js";
import type { ValueRule } from "../probe.js";
import { ALONE, type PairRole, pairRole } from "./pairs.js";

/** Longer names are not remembered. */
const LONGEST = 48;
const SLOTS = 256;
const NO_RULES: ValueRule[] = [];

/**
 * Names in which nothing was found, with the rules that they call for: names come again and again, in a body and in the next
 * one, and what a name says depends on nothing but its bytes and what is looked for. As many as there are slots, the last
 * one of each.
 */
export class KnownNames {
  /** Made for the first name: not every masker meets JSON. */
  #bytes: Uint8Array | null = null;
  readonly #lengths: number[] = [];
  readonly #rules: ValueRule[][] = [];
  readonly #roles: PairRole[] = [];

  /** Index of the slot that the name from `from` to `to` belongs to, or -1. */
  slot(bytes: Uint8Array, from: number, to: number): number {
    if (to - from > LONGEST) return -1;
    let hash = to - from;
    for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
    return (hash ^ (hash >>> 8)) & (SLOTS - 1);
  }

  /** The rules of the name, if it is the one in this slot. */
  rules(slot: number, bytes: Uint8Array, from: number, to: number): ValueRule[] | null {
    const known = this.#bytes;
    if (known === null || this.#lengths[slot] !== to - from) return null;
    for (let i = from, k = slot * LONGEST; i < to; i++, k++) if (bytes[i] !== known[k]) return null;
    return this.#rules[slot] ?? null;
  }

  /** What the name in this slot says of the member beside it. */
  role(slot: number): PairRole {
    return this.#roles[slot] ?? ALONE;
  }

  /** Whether no name is remembered in this slot. */
  isFree(slot: number): boolean {
    return this.#lengths[slot] === undefined;
  }

  remember(slot: number, bytes: Uint8Array, from: number, to: number, rules: ValueRule[]): void {
    this.#bytes ??= new Uint8Array(SLOTS * LONGEST);
    this.#bytes.set(bytes.subarray(from, to), slot * LONGEST);
    this.#lengths[slot] = to - from;
    this.#roles[slot] = pairRole(latin1(bytes, from, to));
    // An empty list is still open to what the next name calls for.
    this.#rules[slot] = rules.length === 0 ? NO_RULES : rules;
  }
}
