import type { Pins } from "../policy/pins.js";
import { type ApprovalAction, type ApprovalState, isLive, nextState } from "./state.js";
import type { ApprovalDraft, Approver } from "./types.js";
import { personOf, type QuorumEntry, type QuorumState, quorumState } from "./votes/quorum.js";

/** How long things last, in milliseconds; fixed when the approval is opened. */
export interface ApprovalTerms {
  readonly grantTtlMs: number;
  readonly denyCacheMs: number;
  /** How often a yes may be used, one after the other. Default 1. */
  readonly uses?: number;
  /** Where in the body the requests of one yes may differ. */
  readonly vary?: readonly string[];
  /** Default: one yes. */
  readonly quorum?: readonly QuorumEntry[];
  /** Whether one person fills one place of the quorum only. Default true. */
  readonly distinctPeople?: boolean;
  readonly reminders?: ReminderTerms;
}

/** When a person is reminded of a question that is open. After `max` reminders, one more goes to `escalateTo`. */
export interface ReminderTerms {
  readonly firstAfterMs: number;
  /** Default: `firstAfterMs`. */
  readonly everyMs?: number;
  /** Default 3. */
  readonly max?: number;
  /** `group:NAME` or the id of a person, who may then decide as well. */
  readonly escalateTo?: string;
}

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
}

/** One approval with its whole history. A plain JSON value: stores write it as it is. */
export interface ApprovalRecord extends ApprovalOpening {
  /** Version of this shape. A store refuses to read another one. */
  readonly v: 1;
  readonly state: ApprovalState;
  /** How many calls have asked for it. */
  readonly attempt: number;
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

/** More votes than this on one approval are not kept, but for one that ends it: a channel that is flooded does not fill the store. */
const MAX_VOTES = 64;

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
 * What makes two calls the same: what is sent, for whom, and under which rule of which policy. Not the session and not the
 * run: a retry after a restart finds its answer.
 */
export const slotOf = ({ fingerprint, subject, why }: ApprovalDraft): string =>
  JSON.stringify([
    fingerprint,
    subject.tenant,
    subject.agent,
    subject.onBehalfOf ?? null,
    why.policyDigest,
    why.ruleId,
  ]);

/** Whether an identical call at this time gets this approval (true) or opens another one. The record is up to date. */
export const isJoinable = (record: ApprovalRecord, now: number): boolean =>
  isLive(record.state) || (record.stickyUntil !== undefined && now < record.stickyUntil);

/** How far the clocks of two processes may be apart. */
const SKEW_MS = 60_000;

/** Given by the clock in the future: it was set back meanwhile, and how old the yes is can no longer be told. */
const isFromTheFuture = ({ state, decidedAt }: ApprovalRecord, now: number): boolean =>
  state === "approved" && decidedAt !== undefined && decidedAt - now > SKEW_MS;

/** Does what time has done: an unanswered question, an unused grant and a lease nobody came back for. */
export function ageRecord(record: ApprovalRecord, now: number): ApprovalRecord {
  const end = endOf(record);
  if (end === undefined || (now < end && !isFromTheFuture(record, now))) return record;
  return record.state === "reserved" ? moved(record, "lose") : moved(record, "expire");
}

/** When time will next do something to the record. */
export function endOf(record: ApprovalRecord): number | undefined {
  if (record.state === "pending") return record.expiresAt;
  if (record.state === "approved") return record.grantExpiresAt;
  return record.state === "reserved" ? record.lease?.expiresAt : undefined;
}

/**
 * Does what time has done, counts a reminder that is due, and hands over votes that are in nobody's record. Only for `due`:
 * whoever gets the record says so, reminds, and records.
 */
export function dueRecord(before: ApprovalRecord, now: number): ApprovalRecord {
  const aged = ageRecord(before, now);
  const reminded = remindedRecord(aged, now);
  if (reminded === before && before.unrecordedFrom === undefined) return before;
  const { unrecordedFrom, news: _, ...rest } = reminded;
  return {
    ...rest,
    news: {
      ...(aged === before ? {} : { ended: true }),
      ...(reminded === aged ? {} : { reminded: true }),
      ...(unrecordedFrom === undefined ? {} : { votesFrom: unrecordedFrom }),
    },
  };
}

function remindedRecord(record: ApprovalRecord, now: number): ApprovalRecord {
  const { remindAt, terms } = record;
  if (record.state !== "pending" || remindAt === undefined || now < remindAt || terms.reminders === undefined) {
    return record;
  }
  const { firstAfterMs, everyMs = firstAfterMs, max = 3, escalateTo } = terms.reminders;
  const { remindAt: _, ...rest } = record;
  const reminderNo = (record.reminderNo ?? 0) + 1;
  if (reminderNo > max) return { ...rest, ...(escalateTo === undefined ? {} : { escalatedTo: escalateTo }) };
  const more = reminderNo < max || escalateTo !== undefined;
  return { ...rest, reminderNo, ...(more ? { remindAt: now + everyMs } : {}) };
}

/** When `dueRecord` will next change the record. */
export function dueAt(record: ApprovalRecord): number | undefined {
  if (record.unrecordedFrom !== undefined) return 0;
  const end = endOf(record);
  if (record.state !== "pending" || record.remindAt === undefined) return end;
  return Math.min(record.remindAt, end ?? record.remindAt);
}

/** Who has said yes so far, and whether that is enough. */
export function quorumOf({ terms, votes }: Pick<ApprovalRecord, "terms" | "votes">): QuorumState {
  const gone = new Set(votes.at(-1)?.gone ?? []);
  const yeses = votes.filter(({ verdict, counted, by }) => verdict === "approve" && counted && !gone.has(personOf(by)));
  return quorumState(
    terms.quorum,
    yeses.map(({ by }) => by),
    terms.distinctPeople ?? true,
  );
}

/** Adds a vote. The same vote delivered again changes nothing; one that comes too late is kept and not counted. */
export function addVote(before: ApprovalRecord, vote: ApprovalVote): ApprovalRecord {
  const record = ageRecord(before, vote.at);
  if (record.votes.some((earlier) => isSameVote(earlier, vote))) return record;
  const counted = nextState(record.state, vote.verdict) !== null;
  // A flood of yeses must not keep a no out.
  const ends = counted && vote.verdict !== "approve";
  if (record.votes.length >= MAX_VOTES && !ends) return record;
  const voted: ApprovalRecord = {
    ...record,
    votes: [...record.votes, { ...vote, counted }],
    ...(vote.unrecorded === true && record.unrecordedFrom === undefined ? { unrecordedFrom: record.votes.length } : {}),
  };
  if (!counted) return voted;
  if (!decides(voted)) return voted;
  return {
    ...moved(voted, vote.verdict),
    decidedAt: vote.at,
    decidedBy: vote.by,
    ...(vote.reason === undefined ? {} : { reason: vote.reason }),
    ...(vote.verdict === "deny" ? { stickyUntil: vote.at + record.terms.denyCacheMs } : {}),
    ...(vote.verdict === "approve" ? grantTerms(voted, vote) : {}),
  };
}

/** Whether the last vote, which counted, was the one that settled it. */
export function decides(record: Pick<ApprovalRecord, "terms" | "votes">): boolean {
  const vote = record.votes.at(-1);
  return vote?.verdict !== "approve" || vote.emergency === true || quorumOf(record).met;
}

const isSameVote = (a: ApprovalVote, b: ApprovalVote): boolean =>
  a.nonce === b.nonce && a.verdict === b.verdict && personOf(a.by) === personOf(b.by) && a.by.idp === b.by.idp;

/** What the yes is good for: the least that the terms and anybody who said yes allow. */
function grantTerms(
  { terms, votes }: ApprovalRecord,
  vote: ApprovalVote,
): Pick<ApprovalRecord, "grantExpiresAt" | "usesLeft" | "pins" | "emergency"> {
  const yeses = votes.filter(({ verdict, counted }) => verdict === "approve" && counted);
  const ttl = Math.min(terms.grantTtlMs, ...yeses.map(({ grantTtlMs = terms.grantTtlMs }) => grantTtlMs));
  const most = terms.uses ?? 1;
  const uses = Math.min(most, ...yeses.map((yes) => yes.uses ?? most));
  const pins = yeses.flatMap((yes) => (yes.pins === undefined ? [] : [yes.pins]));
  return {
    grantExpiresAt: vote.at + ttl,
    ...(uses > 1 ? { usesLeft: uses } : {}),
    ...(pins.length === 0 ? {} : { pins }),
    ...(vote.emergency === true ? { emergency: true as const } : {}),
  };
}

/** How an attempt to take a grant ended. */
export type ReserveResult = "ok" | "gone" | "mismatch";

/** Takes the grant for one call: the first one wins. */
export function takeGrant(
  before: ApprovalRecord,
  fingerprint: string,
  lease: ApprovalLease,
): { readonly result: ReserveResult; readonly record: ApprovalRecord } {
  const record = ageRecord(before, lease.at);
  if (record.fingerprint !== fingerprint) return { result: "mismatch", record };
  if (nextState(record.state, "reserve") === null) return { result: "gone", record };
  return { result: "ok", record: { ...moved(record, "reserve"), lease } };
}

/** What became of the request that held the lease. */
export type SettleOutcome = "consumed" | "released" | "unknown";

const SETTLING = { consumed: "consume", released: "release", unknown: "lose" } as const;

/** Ends a lease. Only its holder can, and only once. */
export function settleGrant(record: ApprovalRecord, leaseId: string, outcome: SettleOutcome): ApprovalRecord {
  if (record.state !== "reserved" || record.lease?.id !== leaseId) return record;
  const { usesLeft = 1 } = record;
  const more = outcome === "consumed" && usesLeft > 1;
  const { lease: _, ...rest } = moved(record, more ? "spend" : SETTLING[outcome]);
  return more ? { ...rest, usesLeft: usesLeft - 1 } : rest;
}

function moved(record: ApprovalRecord, action: ApprovalAction): ApprovalRecord {
  const state = nextState(record.state, action);
  return state === null ? record : { ...record, state };
}
