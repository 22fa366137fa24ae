import type { PathState } from "../paths.js";

/** Deeper documents are refused: the reader keeps a few bytes per level. */
export const DEEPEST = 1024;

/** The arrays and objects that a place in a document is inside of. */
export class Containers {
  depth = 0;
  readonly #isObject: boolean[] = [];
  readonly #kept: boolean[] = [];
  readonly #index: number[] = [];
  readonly #states: (PathState | null)[] = [];

  get isObject(): boolean {
    return this.depth > 0 && this.#isObject[this.depth] === true;
  }

  /** Where in the path rules the innermost container is. */
  get state(): PathState | null {
    return this.depth === 0 ? null : (this.#states[this.depth] ?? null);
  }

  /** Whether a member of the innermost container has gone out, so that the next one needs its comma. */
  get kept(): boolean {
    return this.#kept[this.depth] === true;
  }

  keep(): void {
    this.#kept[this.depth] = true;
  }

  /** False if that is too deep. */
  open(isObject: boolean, state: PathState | null): boolean {
    const depth = ++this.depth;
    this.#isObject[depth] = isObject;
    this.#kept[depth] = false;
    this.#index[depth] = -1;
    this.#states[depth] = state;
    return depth <= DEEPEST;
  }

  close(): void {
    this.depth--;
  }

  /** The index of the element that begins now. */
  nextIndex(): number {
    const index = (this.#index[this.depth] as number) + 1;
    this.#index[this.depth] = index;
    return index;
  }
}
