import type { ApprovalStore } from "../approval/index.js";
import type { CredentialStore } from "../broker/index.js";
import { OptionsError } from "../errors/guard-error.js";
import { approvalIndex, approvalsIn } from "./approvals.js";
import { credentialsIn, leaseIndex } from "./credentials.js";
import { memoryTable } from "./documents.js";
import { type LimitStore, limitIndex, limitsIn } from "./limits.js";
import { type SentStore, sentIn, sentIndex } from "./sent.js";
import { type StoreSizes, sizesOf, unknownOptions } from "./sizes.js";

/** What the guard keeps between calls, each kind behind its own interface. */
export interface Store {
  readonly approvals: ApprovalStore;
  readonly limits: LimitStore;
  /** What the next start revokes if this process dies. Default: nothing is kept, and nothing revoked. */
  readonly credentials?: CredentialStore;
  /** What tool calls have sent. Default: kept in the memory of the guard. */
  readonly sent?: SentStore;
}

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions extends StoreSizes {
  /** Is told, once, that this store forgets everything with its process. */
  readonly warn?: (message: string) => void;
}

/**
 * Keeps everything in the memory of this process: for development and tests, and for a guard whose approvals and limits need
 * not survive it. Nothing is shared with other processes.
 *
 * @throws OptionsError
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const problems = unknownOptions(options, ["maxApprovals", "maxLimits", "warn"]);
  const { maxApprovals, maxLimits } = sizesOf(options, problems);
  const { warn } = options;
  if (warn !== undefined && typeof warn !== "function")
    problems.push({ pointer: "/warn", message: "must be a function" });
  if (problems.length > 0) throw new OptionsError(problems);
  warn?.("The memory store is for development: approvals and limits are lost when this process ends.");
  return {
    approvals: approvalsIn(memoryTable(approvalIndex), maxApprovals),
    limits: limitsIn(memoryTable(limitIndex), maxLimits, ({ monotonic }) => monotonic),
    credentials: credentialsIn(memoryTable(leaseIndex)),
    sent: memorySent(),
  };
}

/** What tool calls have sent, in the memory of this process. */
export const memorySent = (): SentStore => sentIn(memoryTable(sentIndex));
