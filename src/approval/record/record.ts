import type { Pins } from "../../policy/pins.js";
import type { ApprovalDraft, Approver } from "../types.js";
import { type ApprovalAction, type ApprovalState, isLive, nextState } from "./state.js";
import type { ApprovalTerms, SpendingTerms } from "./terms.js";

/** What a store is given to open an approval. Times are epoch milliseconds of a clock that never goes back. */
export interface ApprovalOpening extends ApprovalDraft {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly terms: ApprovalTerms;
  /** SHA-256 of the request as the approver is shown it. */
  readonly shownHash: string;
}

/** Something a person did to an approval. */
export interface ApprovalVote {
  readonly verdict: "approve" | "deny" | "cancel" | "revoke";
  readonly by: Approver;
  /** When it arrived, epoch milliseconds. */
  readonly at: number;
  readonly nonce: string;
  readonly reason?: string;
  /** Asks for a shorter grant. */
  readonly grantTtlMs?: number;
  /** Asks for fewer uses. */
  readonly uses?: number;
  /** What is allowed where requests may differ. */
  readonly pins?: Pins;
  /** A yes that stands alone, whoever else would have to agree. */
  readonly emergency?: true;
  /** Ids of the keys that the guard which took the vote has its answers from outside proved by. Absent: it has none. */
  readonly verified?: readonly string[];
  /** People (see `personOf`) whose earlier yes counts no more: they are not what they were when they gave it. */
  readonly gone?: readonly string[];
  /** Cast by a tool that keeps no record, such as the command line: the next guard that looks puts it into its own. */
  readonly unrecorded?: true;
}

/** A vote in the record: append-only. `counted` is false where it came too late to change anything. */
export interface RecordedVote extends ApprovalVote {
  readonly counted: boolean;
}

/** The right to send one request, held by one call until it says what became of it. */
export interface ApprovalLease {
  readonly id: string;
  readonly at: number;
  /** From then on nobody knows what became of the request. */
  readonly expiresAt: number;
  /** The session whose call holds it. */
  readonly sessionId?: string;
  /** What the call asks of the grant. Without it no grant is had. */
  readonly spending?: SpendingTerms;
}

/** One approval with its whole history. A plain JSON value: stores write it as it is. */
export interface ApprovalRecord extends ApprovalOpening {
  /** Version of this shape. A store refuses to read another one. */
  readonly v: 1;
  readonly state: ApprovalState;
  /** How many calls have asked for it. */
  readonly attempt: number;
  /** Further sessions that have asked for it, of the first that did. */
  readonly joinedBy?: readonly string[];
  readonly votes: readonly RecordedVote[];
  readonly decidedAt?: number;
  readonly decidedBy?: Approver;
  readonly reason?: string;
  readonly grantExpiresAt?: number;
  /** How often the grant may still be used. Absent: once. */
  readonly usesLeft?: number;
  /** What those who said yes allow where requests may differ; a request must be inside all of them. */
  readonly pins?: readonly Pins[];
  /** The yes was given past the quorum, in an emergency. */
  readonly emergency?: true;
  /** How often people were reminded, and when they will be next. */
  readonly reminderNo?: number;
  readonly remindAt?: number;
  /** Who was asked when reminders did not help. */
  readonly escalatedTo?: string;
  /** Until then an identical call gets the same no without a person being asked. */
  readonly stickyUntil?: number;
  readonly lease?: ApprovalLease;
  /** Where in `votes` the first one is that no guard has put into its record. */
  readonly unrecordedFrom?: number;
  /** What the last `due` has done, for whoever called it. */
  readonly news?: ApprovalNews;
}

/** Why `due` gives an approval back: time has ended it, people are to be reminded, or there are votes to be recorded. */
export interface ApprovalNews {
  readonly ended?: true;
  readonly reminded?: true;
  /** Of the votes from there on, those that are `unrecorded`. */
  readonly votesFrom?: number;
}

/** A new approval that waits for a person. */
export const openRecord = (opening: ApprovalOpening): ApprovalRecord => ({
  v: 1,
  ...opening,
  state: "pending",
  attempt: 1,
  votes: [],
  ...(opening.terms.reminders === undefined
    ? {}
    : { reminderNo: 0, remindAt: opening.createdAt + opening.terms.reminders.firstAfterMs }),
});

/**
 * What makes two calls the same: what is sent, for whom, for what purpose, and under which rule of which policy. Not the session
 * and not the run: a later session of the same principal and agent finds the approval. Compared exactly, character by
 * character: another spelling of an id is another principal.
 */
export const slotOf = ({ fingerprint, subject, purpose, why }: ApprovalDraft): string =>
  JSON.stringify([
    fingerprint,
    subject.tenant,
    subject.agent,
    subject.onBehalfOf ?? null,
    subject.issuer ?? null,
    subject.type ?? null,
    subject.delegatedBy ?? [],
    purpose ?? null,
    why.policyDigest,
    why.ruleId,
  ]);

/** Whether an identical call at this time gets this approval (true) or opens another one. The record is up to date. */
export const isJoinable = (record: ApprovalRecord, now: number): boolean =>
  isLive(record.state) || (record.stickyUntil !== undefined && now < record.stickyUntil);

/** The record after an action; the same where the action does nothing. */
export function moved(record: ApprovalRecord, action: ApprovalAction): ApprovalRecord {
  const state = nextState(record.state, action);
  return state === null ? record : { ...record, state };
}
