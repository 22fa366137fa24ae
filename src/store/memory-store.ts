import type { ApprovalStore } from "../approval/index.js";
import { type ConfigurationProblem, OptionsError } from "../errors.js";
import { approvalIndex, approvalsIn } from "./approvals.js";
import { memoryTable } from "./documents.js";

/** What the guard keeps between calls, each kind behind its own interface. */
export interface Store {
  readonly approvals: ApprovalStore;
}

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** How many approvals are kept, finished ones included. Default 10,000. */
  readonly maxApprovals?: number;
  /** Is told, once, that this store forgets everything with its process. */
  readonly warn?: (message: string) => void;
}

/**
 * Keeps everything in the memory of this process: for development and tests, and for a guard whose approvals need not
 * survive it. Nothing is shared with other processes.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const problems: ConfigurationProblem[] = [];
  for (const key of Object.keys(options)) {
    if (key !== "maxApprovals" && key !== "warn") problems.push({ pointer: `/${key}`, message: "unknown option" });
  }
  const { maxApprovals = 10_000, warn } = options;
  if (!Number.isSafeInteger(maxApprovals) || maxApprovals < 1) {
    problems.push({ pointer: "/maxApprovals", message: "must be a whole number of at least 1" });
  }
  if (warn !== undefined && typeof warn !== "function")
    problems.push({ pointer: "/warn", message: "must be a function" });
  if (problems.length > 0) throw new OptionsError(problems);
  warn?.("The memory store is for development: approvals are lost when this process ends.");
  return { approvals: approvalsIn(memoryTable(approvalIndex), maxApprovals) };
}
