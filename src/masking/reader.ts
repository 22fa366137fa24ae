import type { GuardError } from "../errors/guard-error.js";
import type { PathRules } from "./paths.js";
import type { FieldContext } from "./probe.js";
import type { ScannerOptions } from "./scanner.js";
import type { Replace } from "./segment.js";
import type { Strategy } from "./strategies.js";
import type { Window } from "./window.js";

/**
 * Reads one format in a window: finds the texts in it and has them scanned, and applies path rules. It sees every byte
 * once, in whatever pieces they come, and builds no values.
 */
export interface Reader {
  /** Reads up to index `to`, where the window ends; `final`: nothing follows. */
  run(to: number, final: boolean): void;
  /** After {@link run}: everything before this index is decided. */
  readonly hold: number;
  /** The window has moved its bytes by `by`. */
  moved(by: number): void;
}

/** What a reader works with. */
export interface Context {
  readonly window: Window;
  readonly scanning: ScannerOptions;
  readonly field: FieldContext;
  readonly replace: Replace;
  /** Replaces and counts what a path rule names; `value` is null if it is too long, or not one text. */
  readonly replaceField: (strategy: Strategy, value: Uint8Array | null) => string;
  readonly paths: PathRules | null;
  readonly malformed: (what: string) => GuardError;
}
