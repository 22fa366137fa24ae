import { THE_TERMS } from "../own-votes.js";
import { requestersOf } from "../votes/separation.js";
import { ageRecord } from "./ageing.js";
import { addVote } from "./counting.js";
import { type ApprovalOpening, type ApprovalRecord, isJoinable, openRecord } from "./record.js";
import { objectionToJoin } from "./shortfall.js";

/** What a store does for a call that asks. */
export interface Joining {
  /** The approval that the call waits for, as it is to be kept. */
  readonly record: ApprovalRecord;
  /** Whether it is a new one. */
  readonly created: boolean;
  /** The earlier approval, where it was taken back because it does not meet the terms of the call; to be kept as well. */
  readonly withdrawn?: ApprovalRecord;
}

/**
 * Joins the approval that was opened last for the same call (see `slotOf`), or opens one. An approval that could not lead to a
 * grant which meets the terms of the call is taken back in the same step: otherwise whoever waits for it would ask for it again
 * before the new one is there.
 */
export function joinOrOpen(earlier: ApprovalRecord | undefined, opening: ApprovalOpening): Joining {
  const now = opening.createdAt;
  const current = earlier === undefined ? undefined : ageRecord(earlier, now);
  if (current === undefined || !isJoinable(current, now)) return { record: openRecord(opening), created: true };
  const { terms, approvers, subject } = opening;
  const requesters = requestersOf(subject);
  const spending = approvers === undefined ? { terms, requesters } : { terms, approvers, requesters };
  const reason = objectionToJoin(current, spending, now);
  if (reason === null) return { record: joinedBy(current, opening.sessionId), created: false };
  const verdict = current.state === "pending" ? "cancel" : "revoke";
  const vote = { verdict, by: THE_TERMS, at: now, nonce: `terms ${opening.id}`, reason } as const;
  return { record: openRecord(opening), created: true, withdrawn: addVote(current, vote) };
}

/** More sessions than this are in the audit record, and not in the approval. */
const MOST_JOINED = 32;

function joinedBy(record: ApprovalRecord, sessionId: string): ApprovalRecord {
  const { joinedBy: sessions = [], attempt } = record;
  const isKnown = sessionId === record.sessionId || sessions.includes(sessionId) || sessions.length >= MOST_JOINED;
  return { ...record, attempt: attempt + 1, ...(isKnown ? {} : { joinedBy: [...sessions, sessionId] }) };
}
