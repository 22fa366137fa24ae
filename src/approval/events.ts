import type { Pins } from "../policy/pins.js";
import { endOf } from "./record/ageing.js";
import type { ApprovalRecord } from "./record/record.js";
import type { ApprovalTerms } from "./record/terms.js";
import type { ApprovalSubject, Approver } from "./types.js";

/**
 * What happened to an approval. `voted`: one yes of several that are needed. `overridden`: the quorum was passed over in an
 * emergency; `decided` follows. `mismatch`: an answer about something else. `refused`: an answer of somebody who may not
 * give it, or that is malformed. `failed`: asking failed. `late`: an answer or revocation that could change nothing.
 */
export type ApprovalEventType =
  | "requested"
  | "joined"
  | "voted"
  | "decided"
  | "overridden"
  | "reminded"
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
  /** The session and the request that took this step; of what people and time do, those that opened the approval. */
  readonly sessionId: string;
  readonly requestId?: string;
  /** The run and the tool call of that request. */
  readonly runId?: string;
  readonly toolCallId?: string;
  /** The session that opened the approval, which another one may join. */
  readonly openedBy: string;
  /** The request, without its query. */
  readonly http: { readonly method: string; readonly origin: string; readonly path: string };
  readonly fingerprint: string;
  readonly ruleId: string;
  readonly state: ApprovalRecord["state"];
  /** How many calls have asked for this approval. */
  readonly attempt: number;
  readonly shownHash: string;
  /** Digest of the terms it was asked under, or, of `reserved`, under which it is spent. */
  readonly termsHash?: string;
  /** Of `requested`: the terms. */
  readonly terms?: ApprovalTerms;
  readonly requestedAt: number;
  /** When it will expire by itself, where it still can. */
  readonly expiresAt?: number;
  readonly verdict?: "approve" | "deny";
  readonly approver?: Approver;
  readonly reason?: string;
  /** Of a yes to less than the rule gives: how often it may be used, and what it allows where requests may differ. */
  readonly uses?: number;
  readonly pins?: Pins;
  /** From the question to the answer. */
  readonly latencyMs?: number;
  /** Of `reminded`: how often, and whether somebody else is asked now. */
  readonly reminderNo?: number;
  readonly escalatedTo?: string;
}

type Answer = "verdict" | "approver" | "reason" | "uses" | "pins" | "latencyMs";

export type EventDetails = Partial<Pick<ApprovalEvent, Answer>> & {
  readonly caller?: CallerOf | undefined;
};

/** The call that takes a step. */
export interface CallerOf {
  readonly sessionId: string;
  readonly requestId?: string | undefined;
  readonly subject: Pick<ApprovalSubject, "runId" | "toolCallId">;
}

/** Reports a step. Throws where it cannot be recorded. */
export type Emit = (type: ApprovalEventType, record: ApprovalRecord, details?: EventDetails) => void;

/** Describes what happened to the record as it is now. */
export function eventOf(
  type: ApprovalEventType,
  record: ApprovalRecord,
  at: number,
  { caller = record, ...details }: EventDetails = {},
): ApprovalEvent {
  const expiresAt = endOf(record);
  const { method, origin, path } = record.http;
  return {
    type,
    at,
    approvalId: record.id,
    sessionId: caller.sessionId,
    ...(caller.subject.runId === undefined ? {} : { runId: caller.subject.runId }),
    ...(caller.subject.toolCallId === undefined ? {} : { toolCallId: caller.subject.toolCallId }),
    openedBy: record.sessionId,
    ...(caller.requestId === undefined ? {} : { requestId: caller.requestId }),
    http: { method, origin, path },
    fingerprint: record.fingerprint,
    ruleId: record.why.ruleId,
    state: record.state,
    attempt: record.attempt,
    shownHash: record.shownHash,
    ...termsOf(type, record),
    requestedAt: record.createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(type === "reminded" ? { reminderNo: record.reminderNo ?? 0 } : {}),
    ...(type !== "reminded" || record.escalatedTo === undefined ? {} : { escalatedTo: record.escalatedTo }),
    ...details,
  };
}

function termsOf(
  type: ApprovalEventType,
  { terms, lease }: ApprovalRecord,
): Pick<ApprovalEvent, "terms" | "termsHash"> {
  const digest = type === "reserved" ? lease?.spending?.terms.digest : terms.digest;
  return {
    ...(digest === undefined ? {} : { termsHash: digest }),
    ...(type === "requested" ? { terms } : {}),
  };
}
