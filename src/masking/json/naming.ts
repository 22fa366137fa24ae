import type { Context } from "../reader.js";
import type { KnownNames } from "./names.js";
import { ALONE, HAS_VALUE, NamedPairs, type PairRole } from "./pairs.js";

/** What is known of the value that comes next from its name, and from the name that a member beside it gives. */
export class JsonNaming {
  readonly #context: Context;
  readonly #names: KnownNames;
  readonly #pairs: NamedPairs;
  /** What the name before the value says of the members beside it. */
  role: PairRole = ALONE;

  constructor(context: Context) {
    this.#context = context;
    this.#names = context.scanning.names;
    this.#pairs = new NamedPairs(context.scanning, context.field);
  }

  /** An object or array begins, whose members or elements are at `depth`. */
  open(isObject: boolean, depth: number): void {
    if (isObject) this.#pairs.begin(depth, this.role === HAS_VALUE);
    this.role = ALONE;
  }

  /** A name stands from `from` to `to`, or is so long that only that is looked at. */
  begin(from: number, to: number): void {
    const { window, field } = this.#context;
    this.role = ALONE;
    field.role = "name";
    field.rename(window.bytes, from, to);
  }

  /** Whether nothing was found in this name when it came before; what it says of its value still holds. */
  isKnown(from: number, to: number): boolean {
    const { window, field } = this.#context;
    const slot = this.#names.slot(window.bytes, from, to);
    const rules = slot < 0 ? null : this.#names.rules(slot, window.bytes, from, to);
    if (rules === null) return false;
    if (rules.length > 0) field.rules = rules;
    this.role = this.#names.role(slot);
    return true;
  }

  /** Nothing was found in the name. */
  remember(from: number, to: number): void {
    const { window, field } = this.#context;
    const slot = this.#names.slot(window.bytes, from, to);
    if (slot < 0) return;
    this.#names.remember(slot, window.bytes, from, to, field.rules);
    this.role = this.#names.role(slot);
  }

  /** The object at `depth` says by a member what another one is: the text from `from` to `to`. */
  give(depth: number, from: number, to: number): void {
    this.#pairs.give(depth, from, to);
  }

  /** An object or array ends: what stands behind it has no name by which it is something. */
  close(): void {
    this.role = ALONE;
  }

  /** The window is about to move, at a place that is inside of `depth` objects and arrays. */
  keep(depth: number): void {
    this.#pairs.keep(depth, this.#context.window.bytes);
  }

  /** A value begins in the object or array at `depth`. */
  beginValue(depth: number): void {
    if (this.role === HAS_VALUE) this.#pairs.tell(depth, this.#context.window.bytes);
  }
}
