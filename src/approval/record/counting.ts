import { personOf, type QuorumState, quorumState } from "../votes/quorum.js";
import { ageRecord } from "./ageing.js";
import { type ApprovalRecord, type ApprovalVote, moved, type RecordedVote } from "./record.js";
import { nextState } from "./state.js";

/** More votes than this on one approval are not kept, but for one that ends it: a channel that is flooded does not fill the store. */
const MAX_VOTES = 64;

/** Who has said yes so far, and whether that is enough. */
export function quorumOf({ terms, votes }: Pick<ApprovalRecord, "terms" | "votes">): QuorumState {
  const people = countedYeses({ votes }).map(({ by }) => by);
  return quorumState(terms.quorum, people, terms.distinctPeople ?? true);
}

/** Every yes that counts: not of somebody who is no longer what they were when they gave it. */
export function countedYeses({ votes }: Pick<ApprovalRecord, "votes">): readonly RecordedVote[] {
  const gone = new Set(votes.findLast(({ verdict }) => verdict === "approve")?.gone ?? []);
  return votes.filter(({ verdict, counted, by }) => verdict === "approve" && counted && !gone.has(personOf(by)));
}

/** How often the yes could be used in all: as often as the terms and everybody who said yes allow. */
export function usesGranted({ terms, votes }: Pick<ApprovalRecord, "terms" | "votes">): number {
  const most = terms.uses ?? 1;
  const yeses = votes.filter(({ verdict, counted }) => verdict === "approve" && counted);
  return Math.min(most, ...yeses.map(({ uses = most }) => uses));
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
  const uses = usesGranted({ terms, votes });
  const pins = yeses.flatMap((yes) => (yes.pins === undefined ? [] : [yes.pins]));
  return {
    grantExpiresAt: vote.at + ttl,
    ...(uses > 1 ? { usesLeft: uses } : {}),
    ...(pins.length === 0 ? {} : { pins }),
    ...(vote.emergency === true ? { emergency: true as const } : {}),
  };
}
