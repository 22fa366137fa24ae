import type { ConfigurationProblem } from "../errors/guard-error.js";

/** How much a store keeps. */
export interface StoreSizes {
  /** How many approvals are kept, finished ones included. Default 10,000. */
  readonly maxApprovals?: number;
  /** How many limits are counted at once, one for each agent, principal or session that uses one. Default 100,000. */
  readonly maxLimits?: number;
}

/** The sizes with their defaults; what is wrong with them goes to `problems`. */
export function sizesOf(
  { maxApprovals = 10_000, maxLimits = 100_000 }: StoreSizes,
  problems: ConfigurationProblem[],
): Required<StoreSizes> {
  const sizes = { maxApprovals, maxLimits };
  for (const [key, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || value < 1)
      problems.push({ pointer: `/${key}`, message: "must be a whole number of at least 1" });
  }
  return sizes;
}

/** The members of `options` that nobody knows. */
export const unknownOptions = (options: object, known: readonly string[]): ConfigurationProblem[] =>
  Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => ({ pointer: `/${key}`, message: "unknown option" }));
