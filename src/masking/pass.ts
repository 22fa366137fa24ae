import { GuardError } from "../errors/guard-error.js";
import type { KnownSecrets } from "./known/known-secrets.js";
import type { Media } from "./media.js";
import { type Opaque, openStage } from "./open-stage.js";
import type { PathRules } from "./paths.js";
import type { ScannerOptions } from "./scanner.js";
import type { Replace } from "./segment.js";
import type { Stage } from "./stage.js";
import type { Mint, Strategy } from "./strategies.js";

/** Texts of six characters or more that must not appear, in any common encoding: a list, or a set that is kept up to date. */
export type Secrets = readonly string[] | KnownSecrets;

/** What body it is. */
export interface OpenOptions {
  readonly contentType: string | null;
  /** Fields to mask besides the masker's own, in the same form. */
  readonly paths?: readonly string[];
  /** Live credentials. */
  readonly secrets?: Secrets;
  /** Makes the placeholders of the `tokenise` strategy, such as `mint` of a vault for the origin of the answer. */
  readonly mint?: Mint;
  /** What becomes of parts of a multipart body that cannot be masked: `refuse` withholds the rest. Default `refuse`. */
  readonly unmaskable?: "pass" | "refuse";
}

/** One body on its way. */
export interface MaskingPass {
  /**
   * Takes the next chunk and returns what can go out, which may be the chunk itself, or nothing. Throws MASKING_FAILED if
   * anything goes wrong; from then on it always throws, and nothing more goes out.
   */
  push(chunk: Uint8Array): Uint8Array;
  /** Returns the rest. Call it once, at the end of a complete body only. */
  flush(): Uint8Array;
  /** {@link push} and {@link flush} of a body that is there as a whole. Call it instead of them, once. */
  whole(body: Uint8Array): Uint8Array;
  /** Findings so far, by kind; `FIELD` for path rules. */
  readonly counts: Record<string, number>;
  /** How many bytes are held back at the moment. */
  readonly held: number;
}

export interface PassParts {
  readonly media: Media;
  readonly scanning: ScannerOptions;
  readonly paths: PathRules | null;
  readonly replace: Replace;
  readonly replaceField: (strategy: Strategy, value: Uint8Array | null) => string;
  /** Without it, parts that cannot be masked are refused. */
  readonly opaque?: Opaque | undefined;
}

export function openPass(parts: PassParts): MaskingPass {
  const counts: Record<string, number> = {};
  const count = (kind: string): void => {
    counts[kind] = (counts[kind] ?? 0) + 1;
  };
  // Member by member, here and where a stage is opened: short bodies are done sooner than a spread is.
  const stage = openStage(parts.media, parts.opaque, {
    scanning: parts.scanning,
    paths: parts.paths,
    replace: (kind, vendor, value) => {
      count(kind);
      return parts.replace(kind, vendor, value);
    },
    replaceField: (strategy, value) => {
      count("FIELD");
      return parts.replaceField(strategy, value);
    },
    malformed: (what) =>
      new GuardError("MASKING_FAILED", { message: `The answer is ${what}, so it could not be masked.`, sent: true }),
  });
  return new GuardedPass(stage, counts);
}

/**
 * Whatever goes wrong, the rest is withheld: the error of a detector might quote what it looked at. A class, since an object
 * with a getter of its own costs more to make than a short body to mask.
 */
class GuardedPass implements MaskingPass {
  readonly counts: Record<string, number>;
  readonly #stage: Stage;
  #failure: GuardError | null = null;
  #ended = false;

  constructor(stage: Stage, counts: Record<string, number>) {
    this.#stage = stage;
    this.counts = counts;
  }

  get held(): number {
    return this.#stage.held;
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#guarded(() => this.#stage.push(chunk), false);
  }

  flush(): Uint8Array {
    return this.#guarded(() => this.#stage.flush(), true);
  }

  whole(body: Uint8Array): Uint8Array {
    return this.#guarded(() => this.#stage.whole(body), true);
  }

  #guarded(work: () => Uint8Array, isLast: boolean): Uint8Array {
    if (this.#failure !== null) throw this.#failure;
    try {
      if (this.#ended) throw new RangeError("the pass has ended");
      const out = work();
      this.#ended = isLast;
      return out;
    } catch (error) {
      this.#failure = error instanceof GuardError ? error : new GuardError("MASKING_FAILED", { sent: true });
      throw this.#failure;
    }
  }
}

// Any code may make a pass of its own, and through it reach what the guard's passes run on.
Object.freeze(GuardedPass.prototype);
