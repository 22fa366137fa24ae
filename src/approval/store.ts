import type { ReserveResult, SettleOutcome } from "./record/grants.js";
import type { Joining } from "./record/joining.js";
import type { ApprovalLease, ApprovalOpening, ApprovalRecord, ApprovalVote } from "./record/record.js";
import type { ApprovalState } from "./record/state.js";

/**
 * Where approvals live. Each of the first five verbs is atomic, also between processes: two callers never both see
 * themselves win. A verb that cannot be done throws; the desk then refuses. Time comes with the arguments.
 */
export interface ApprovalStore {
  /**
   * Does what `joinOrOpen` says of the approval that was opened last for the same call (see `slotOf`): counts the attempt, or
   * opens one. The fingerprint is that of the opening.
   */
  openOrJoin(fingerprint: string, opening: ApprovalOpening): Promise<Joining>;
  /** Appends a vote and answers with the record after it, or undefined where there is no such approval. */
  vote(id: string, vote: ApprovalVote): Promise<ApprovalRecord | undefined>;
  /** approved → reserved, for one winner whose terms (`lease.spending`) are met; see `takeGrant`. */
  reserve(id: string, fingerprint: string, lease: ApprovalLease): Promise<ReserveResult>;
  /** reserved → consumed, unknown, or (nothing was sent) approved again. Does nothing for a lease that is not held. */
  settle(id: string, lease: ApprovalLease, outcome: SettleOutcome): Promise<void>;
  /** Does what time has done, and answers with the approvals it changed: each of them to one caller only. */
  due(now: number): Promise<readonly ApprovalRecord[]>;

  get(id: string): Promise<ApprovalRecord | undefined>;
  /** Newest first. */
  list(filter?: { readonly state?: ApprovalState }): Promise<readonly ApprovalRecord[]>;
  /** Calls `listener` after each change of the approval, whoever made it. Answers with a function that stops it. */
  watch(id: string, listener: () => void): () => void;
}
