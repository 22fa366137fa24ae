import { type Members, whole } from "../shapes/index.js";

/** How much a store keeps. */
export interface StoreSizes {
  /** How many approvals are kept, finished ones included. Default 10,000. */
  readonly maxApprovals?: number;
  /** How many limits are counted at once, one for each agent, principal or session that uses one. Default 100,000. */
  readonly maxLimits?: number;
}

/** How they must look. */
export const SIZES: Members<StoreSizes> = { maxApprovals: whole(1), maxLimits: whole(1) };

/** The sizes with their defaults. */
export const sizesOf = ({ maxApprovals = 10_000, maxLimits = 100_000 }: StoreSizes): Required<StoreSizes> => ({
  maxApprovals,
  maxLimits,
});
