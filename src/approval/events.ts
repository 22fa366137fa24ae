import { type ApprovalRecord, endOf } from "./record.js";
import type { Approver } from "./types.js";

/**
 * What happened to an approval. `mismatch`: an answer about something else. `refused`: an answer of somebody who may not
 * give it, or that is malformed. `failed`: asking failed. `late`: an answer or revocation that could change nothing.
 */
export type ApprovalEventType =
  | "requested"
  | "joined"
  | "decided"
  | "expired"
  | "cancelled"
  | "revoked"
  | "reserved"
  | "consumed"
  | "released"
  | "unknown"
  | "mismatch"
  | "refused"
  | "failed"
  | "late";

/** For the audit log. Holds nothing of the request but its fingerprint. Times are epoch milliseconds. */
export interface ApprovalEvent {
  readonly type: ApprovalEventType;
  readonly at: number;
  readonly approvalId: string;
  /** The session that opened the approval. */
  readonly sessionId: string;
  readonly fingerprint: string;
  readonly ruleId: string;
  readonly state: ApprovalRecord["state"];
  /** How many calls have asked for this approval. */
  readonly attempt: number;
  readonly shownHash: string;
  readonly requestedAt: number;
  /** When it will expire by itself, where it still can. */
  readonly expiresAt?: number;
  readonly verdict?: "approve" | "deny";
  readonly approver?: Approver;
  readonly reason?: string;
  /** From the question to the answer. */
  readonly latencyMs?: number;
}

export type EventDetails = Partial<Pick<ApprovalEvent, "verdict" | "approver" | "reason">>;

/** Reports a step. Throws where it cannot be recorded. */
export type Emit = (type: ApprovalEventType, record: ApprovalRecord, details?: EventDetails) => void;

/** Describes what happened to the record as it is now. */
export function eventOf(
  type: ApprovalEventType,
  record: ApprovalRecord,
  at: number,
  details: EventDetails = {},
): ApprovalEvent {
  const expiresAt = endOf(record);
  return {
    type,
    at,
    approvalId: record.id,
    sessionId: record.sessionId,
    fingerprint: record.fingerprint,
    ruleId: record.why.ruleId,
    state: record.state,
    attempt: record.attempt,
    shownHash: record.shownHash,
    requestedAt: record.createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(type === "decided" ? { latencyMs: at - record.createdAt } : {}),
    ...details,
  };
}
