import { ApprovalConsumedError, ApprovalExpiredError } from "../errors.js";
import { createBallot } from "./ballot.js";
import type { Emit } from "./events.js";
import { readApprover, readDecision } from "./read-reply.js";
import type { ApprovalRecord, ApprovalVote } from "./record.js";
import { about, mismatch, unavailable } from "./refusals.js";
import { objectionTo, type Separation } from "./separation.js";
import type { ApprovalStore } from "./store.js";
import type { Timekeeper } from "./timekeeper.js";
import type { ApprovalDecision, Approver } from "./types.js";

/** Everything that a person can do to an approval. */
export interface Voting {
  decide(answer: unknown): Promise<ApprovalRecord>;
  takeBack(id: string, by: Approver, verdict: "cancel" | "revoke"): Promise<ApprovalRecord>;
}

export function createVoting(tools: {
  readonly store: ApprovalStore;
  readonly time: Timekeeper;
  readonly now: () => number;
  readonly randomId: () => string;
  readonly emit: Emit;
  readonly separation: Separation;
}): Voting {
  const { store, time, now, emit } = tools;
  const ballot = createBallot<ApprovalRecord>();

  const judge = async (decision: ApprovalDecision): Promise<ApprovalRecord> => {
    await time.sweep();
    const { approvalId, verdict, by, nonce } = decision;
    const reason = decision.reason === undefined ? {} : { reason: decision.reason };
    const record = await store.get(approvalId);
    if (record === undefined) throw mismatch("there is no approval with the id of the answer");
    if (record.fingerprint !== decision.fingerprint) {
      emit("mismatch", record, { verdict, approver: by, ...reason });
      throw mismatch("the answer is about another request than the one asked about", record);
    }
    const objection = objectionTo(by, verdict, record, tools.separation);
    if (objection !== null) {
      emit("refused", record, { verdict, approver: by, reason: objection });
      throw unavailable(objection, record);
    }
    if (verdict === "approve" && (record.state === "consumed" || record.state === "unknown")) {
      emit("late", record, { verdict, approver: by, ...reason });
      throw new ApprovalConsumedError(about(record));
    }
    const grantTtl = decision.grant === undefined ? {} : { grantTtlMs: decision.grant.ttlMs };
    const after = await cast(record, { verdict, by, at: now(), nonce, ...reason, ...grantTtl });
    if (verdict === "approve" && after.state === "expired") throw new ApprovalExpiredError(about(after));
    return after;
  };

  /** Casts a vote and reports it, unless it had been cast before. */
  const cast = async (before: ApprovalRecord, vote: ApprovalVote): Promise<ApprovalRecord> => {
    const after = (await store.vote(before.id, vote)) ?? before;
    time.follow(after);
    const last = after.votes.at(-1);
    if (last === undefined || last.nonce !== vote.nonce || after.votes.length === before.votes.length) return after;
    const { verdict, by: approver } = vote;
    const reason = vote.reason === undefined ? {} : { reason: vote.reason };
    if (verdict === "cancel" || verdict === "revoke") {
      emit(last.counted ? HAPPENED[verdict] : "late", after, { approver, ...reason });
      return after;
    }
    try {
      emit(last.counted ? "decided" : "late", after, { verdict, approver, ...reason });
    } catch (error) {
      // A yes that is not on record is taken back before anybody can use it.
      if (last.counted && verdict === "approve") {
        await store.vote(after.id, { verdict: "revoke", by: UNRECORDED, at: now(), nonce: tools.randomId() });
      }
      throw error;
    }
    return after;
  };

  return {
    async decide(answer) {
      const decision = readDecision(answer);
      if (!decision.ok) throw unavailable(decision.problem);
      const { approvalId, verdict } = decision.value;
      return ballot.cast(approvalId, verdict === "deny", () => judge(decision.value));
    },
    async takeBack(id, by, verdict) {
      const person = readApprover(by);
      if (!person.ok) throw unavailable(person.problem);
      await time.sweep();
      const record = await store.get(id);
      if (record === undefined) throw mismatch("there is no approval with this id");
      return cast(record, { verdict, by: person.value, at: now(), nonce: tools.randomId() });
    },
  };
}

const UNRECORDED: Approver = { id: "unrecorded", idp: "sallyport" };
const HAPPENED = { cancel: "cancelled", revoke: "revoked" } as const;
