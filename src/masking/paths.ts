import { latin1, utf8 } from "./bytes.js";
import type { Strategy } from "./strategies.js";

/** Longer names in a document match wildcards only, and no rule may ask for one. In bytes. */
export const LONGEST_NAME = 256;

/** What a path rule does to the value it names. */
export interface PathRule {
  /** JSON Pointer (RFC 6901) in which `*` stands for one name or index and `**` for any number of them, also none. */
  readonly path: string;
  readonly strategy: Strategy;
}

/** What is wrong with a path, or null. */
export function pathProblem(path: unknown): string | null {
  if (typeof path !== "string") return "must be a text";
  if (!path.startsWith("/") && !path.startsWith("**/")) return 'must begin with "/" or "**/"';
  if (/~(?![01])/.test(path)) return 'must write "~" as "~0" and "/" as "~1" (RFC 6901)';
  const names = split(path);
  if (names.length > 64) return "must have at most 64 steps";
  if (names.at(-1) === "**") return 'must not end with "**": name what is to be masked';
  return names.some((name) => name.length > LONGEST_NAME)
    ? `must not have names longer than ${LONGEST_NAME} bytes`
    : null;
}

/** The steps of a path, one character per byte. */
function split(path: string): string[] {
  const text = path.startsWith("/") ? path.slice(1) : path;
  return text.split("/").map((step) => {
    const bytes = utf8(step.replaceAll("~1", "/").replaceAll("~0", "~"));
    return latin1(bytes, 0, bytes.length);
  });
}

/** Where in the rules a place in a document is: the rules that may still match below it, and the one that matches it. */
export interface PathState {
  /** What happens to the value here. */
  readonly strategy: Strategy | null;
  /** Whether something below may be dropped: then a comma has to wait for what follows it. */
  readonly mayDrop: boolean;
  readonly next: Map<string, PathState>;
  /** The state of all names that are in no rule, once it was asked for: those are most names of a document. */
  other: PathState | null;
  readonly positions: readonly Position[];
}

interface Position {
  readonly steps: readonly string[];
  readonly at: number;
  readonly strategy: Strategy;
}

/** States are made when they are first met; a policy that would make very many of them is slower, not larger. */
const MOST_STATES = 4096;
/** Stands for every name that is in no rule; no name of one character per byte. */
export const OTHER = "\u0100";

/** Rules as an automaton over names: one look-up per member, however many rules there are. Null if there are none. */
export class PathRules {
  readonly root: PathState;
  readonly #rules: readonly PathRule[];
  readonly #names: ReadonlySet<string>;
  /** Whether some rule names an element by its index. */
  readonly #hasIndexes: boolean;
  /** By first byte and length (modulo 64): whether some rule has such a name. Most names of a document are none. */
  readonly #shapes: Uint8Array = new Uint8Array(64 * 256);
  #states = 0;

  /** `root`: where in the rules the document stands, if it is a part of a larger one. */
  constructor(rules: readonly PathRule[], root?: PathState) {
    this.#rules = rules;
    const positions = rules.map(({ path, strategy }) => ({ steps: split(path), at: 0, strategy }));
    this.#names = new Set(positions.flatMap(({ steps }) => steps));
    this.#hasIndexes = [...this.#names].some((name) => /^[0-9]+$/.test(name));
    for (const name of this.#names) this.#shapes[((name.length & 63) << 8) | name.charCodeAt(0)] = 1;
    this.root = root ?? this.#state(positions);
  }

  /** The rules for a document that stands as the member `name` of this one. */
  under(name: string): PathRules {
    return new PathRules(this.#rules, this.step(this.root, name));
  }

  /** {@link step} for the name that stands in `bytes`, without building a text for names that are in no rule. */
  stepOver(state: PathState, bytes: Uint8Array, from: number, to: number): PathState {
    const length = to - from;
    const known = length > 0 && this.#shapes[((length & 63) << 8) | (bytes[from] as number)] === 1;
    return this.step(state, known || length === 0 ? latin1(bytes, from, to) : OTHER);
  }

  /** The state of the member `name` (one character per byte), or of the element with that index, of the value at `state`. */
  step(state: PathState, name: string): PathState {
    if (name !== OTHER) return this.#step(state, name);
    state.other ??= state.next.get(OTHER) ?? null;
    return state.other ?? this.#step(state, name);
  }

  /** The state of the element with that index. */
  stepInto(state: PathState, index: number): PathState {
    return this.#hasIndexes ? this.step(state, String(index)) : this.step(state, OTHER);
  }

  #step(state: PathState, name: string): PathState {
    const key = this.#names.has(name) ? name : OTHER;
    let next = state.next.get(key);
    if (next === undefined) {
      next = this.#state(state.positions.flatMap((position) => advance(position, key)));
      if (this.#states < MOST_STATES) {
        this.#states++;
        state.next.set(key, next);
      }
    }
    return next;
  }

  #state(positions: readonly Position[]): PathState {
    const unique = [
      ...new Map(positions.map((position) => [`${position.steps.join("/")} ${position.at}`, position])).values(),
    ];
    // The last rule that names a place wins, as the caller's own rules come after the masker's.
    const here = unique.findLast(({ steps, at }) => at === steps.length);
    const open = unique.filter(({ steps, at }) => at < steps.length);
    return {
      strategy: here?.strategy ?? null,
      mayDrop: open.some(({ strategy }) => strategy === "drop"),
      next: new Map(),
      other: null,
      positions: open,
    };
  }
}

function advance({ steps, at, strategy }: Position, name: string): Position[] {
  const step = steps[at];
  if (step === "**") return [{ steps, at, strategy }, ...advance({ steps, at: at + 1, strategy }, name)];
  return step === "*" || step === name ? [{ steps, at: at + 1, strategy }] : [];
}
