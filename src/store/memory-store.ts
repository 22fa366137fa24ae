import type { ApprovalStore } from "../approval/index.js";
import type { CredentialStore } from "../broker/index.js";
import { callable, object, readOptions, type Shape } from "../shapes/index.js";
import { approvalIndex, approvalsIn } from "./approvals.js";
import { credentialsIn, leaseIndex } from "./credentials.js";
import { memoryTable } from "./documents.js";
import { type LimitStore, limitIndex, limitsIn } from "./limits.js";
import { type SentStore, sentIn, sentIndex } from "./sent.js";
import { SIZES, type StoreSizes, sizesOf } from "./sizes.js";

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

const OPTIONS: Shape<MemoryStoreOptions> = object<MemoryStoreOptions>({ ...SIZES, warn: callable() });

/**
 * Keeps everything in the memory of this process: for development and tests, and for a guard whose approvals and limits need
 * not survive it. Nothing is shared with other processes.
 *
 * @throws OptionsError
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const { warn, ...sizes } = readOptions(options, OPTIONS);
  const { maxApprovals, maxLimits } = sizesOf(sizes);
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
