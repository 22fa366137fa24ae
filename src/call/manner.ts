import { number, object, oneOf, readOptions, type Shape } from "../shapes/index.js";
import type { OnDeny } from "./respond.js";

/** How the calls of one fetch are treated. */
export interface Manner {
  readonly onDeny: OnDeny;
  /** How long a call may be held for a person, in milliseconds; undefined: as the rule or the guard says. */
  readonly waitMs: number | undefined;
}

/** Options of `session.createFetch`. */
export interface FetchOptions {
  /** What a refusal is to the caller. Default `throw`. */
  readonly onDeny?: OnDeny;
  /**
   * How long a call of this fetch is held for a person, in milliseconds; 0 never holds. Default: what the rule says, and
   * otherwise `approvals.waitMs`.
   */
  readonly wait?: number;
}

/** What is held longer is nobody's intention: an approval outlives its call. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

const OPTIONS: Shape<FetchOptions> = object<FetchOptions>({
  onDeny: oneOf<OnDeny>("throw", "respond", "slack"),
  wait: number(0, LONGEST_WAIT_MS, "must be a number of milliseconds, at most 24 hours"),
});

/** Reads the options of a fetch. @throws OptionsError */
export function mannerOf(options: FetchOptions = {}): Manner {
  const { onDeny = "throw", wait } = readOptions(options, OPTIONS);
  return { onDeny, waitMs: wait };
}
