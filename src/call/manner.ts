import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
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
const ON_DENY: ReadonlySet<unknown> = new Set(["throw", "respond", "slack"] satisfies OnDeny[]);

/** Reads the options of a fetch. @throws OptionsError */
export function mannerOf(options: FetchOptions = {}): Manner {
  const problems: ConfigurationProblem[] = [];
  const problem = (pointer: string, message: string): void => void problems.push({ pointer, message });
  if (typeof options !== "object" || options === null)
    throw new OptionsError([{ pointer: "", message: "must be an object" }]);
  const { onDeny = "throw", wait, ...unknown } = options;
  for (const key of Object.keys(unknown)) problem(`/${key}`, "is not a known option");
  if (!ON_DENY.has(onDeny)) problem("/onDeny", 'must be "throw", "respond" or "slack"');
  if (wait !== undefined && !(typeof wait === "number" && wait >= 0 && wait <= LONGEST_WAIT_MS))
    problem("/wait", "must be a number of milliseconds, at most 24 hours");
  if (problems.length > 0) throw new OptionsError(problems);
  return { onDeny, waitMs: wait };
}
