import { isFrom, quorumState } from "../votes/quorum.js";
import { isOneOf, mayDecide, requestersOf } from "../votes/separation.js";
import { countedYeses, usesGranted } from "./counting.js";
import type { ApprovalRecord, RecordedVote } from "./record.js";
import { foldedFrom, isAsStrict, isProvenBy, isSameSet, isSealed, type SpendingTerms } from "./terms.js";

/**
 * Why the yes of a record does not count for a call with these terms, or null where it does: who has said yes is counted again
 * as if they had been asked under them. `at` is when the request is about to be sent.
 */
export function shortfallOf(record: ApprovalRecord, spending: SpendingTerms, at: number): string | null {
  const { terms } = spending;
  if (!isSealed(record.terms, record.approvers)) return "it was asked without the terms under which it is used";
  const { decidedAt = Number.NaN, createdAt } = record;
  if (!(at < decidedAt + terms.grantTtlMs)) return "the approval is older than this guard lets one be used";
  if (terms.pendingTtlMs !== undefined && !(decidedAt <= createdAt + terms.pendingTtlMs))
    return "the answer took longer than this guard waits for one";
  if (usesGranted(record) - (record.usesLeft ?? 1) >= (terms.uses ?? 1))
    return "it was used as often as this guard allows";
  if (!isSameSet(record.terms.vary ?? [], terms.vary ?? [])) return "it is about requests that differ elsewhere";
  return peopleShortfall(record, spending);
}

/** Why a call may not wait for an approval that it found, or null where it may. A no is a no under all terms. */
export function objectionToJoin(record: ApprovalRecord, spending: SpendingTerms, at: number): string | null {
  if (record.state === "approved") return shortfallOf(record, spending, at);
  if (record.state !== "pending" || isAsStrict(record, spending)) return null;
  return "the guard that asks now is stricter than the one that asked";
}

/** Only a yes of somebody who may give it under these terms counts, and only where it is proved as they ask for. */
function peopleShortfall(record: ApprovalRecord, { terms, approvers, requesters }: SpendingTerms): string | null {
  const asking = [...requesters, ...requestersOf(record.subject)];
  const escalatedTo = escalationUnder(record, terms.reminders?.escalateTo);
  const isProven = ({ by, verified }: RecordedVote): boolean =>
    isProvenBy(verified, terms.verify) && (terms.requesterMayApprove === true || !isOneOf(asking, by));
  const proven = countedYeses(record).filter(isProven);
  if (proven.some(({ by, emergency }) => emergency === true && isNamed(terms.emergency, by))) return null;
  const people = proven.map(({ by }) => by).filter((by) => mayDecide(by, { approvers, escalatedTo, terms }));
  const { met } = quorumState(terms.quorum, people, terms.distinctPeople ?? true);
  return met ? null : "those who said yes are not all whom this guard asks for, or have not proved it as it asks for";
}

const isNamed = (from: string | undefined, by: RecordedVote["by"]): boolean => from !== undefined && isFrom(from, by);

/** Whom the record was escalated to, where these terms escalate to them as well. */
function escalationUnder({ escalatedTo }: ApprovalRecord, wanted: string | undefined): string | undefined {
  if (escalatedTo === undefined || wanted === undefined) return undefined;
  return foldedFrom(escalatedTo) === foldedFrom(wanted) ? escalatedTo : undefined;
}
