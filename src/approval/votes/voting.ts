import { ApprovalConsumedError, ApprovalExpiredError, ApprovalNotPendingError } from "../../errors/guard-error.js";
import type { Emit } from "../events.js";
import type { DeskSettings } from "../options.js";
import { THE_RECORD } from "../own-votes.js";
import { type Reading, readApprover, readDecision } from "../read-reply.js";
import { decides } from "../record/counting.js";
import type { ApprovalRecord, ApprovalVote, RecordedVote } from "../record/record.js";
import { about, mismatch, unavailable } from "../refusals.js";
import type { ApprovalStore } from "../store.js";
import type { Timekeeper } from "../timekeeper.js";
import type { ApprovalDecision, Approver } from "../types.js";
import { createBallot } from "./ballot.js";
import { ProvenDecision } from "./proven.js";
import { isFrom, isGroup, personOf } from "./quorum.js";
import { isAgentOf, mayDecide, objectionTo } from "./separation.js";

/** Everything that a person can do to an approval. */
export interface Voting {
  /** Counts an answer of somebody that whoever calls has proved. */
  decide(answer: unknown): Promise<ApprovalRecord>;
  /** Counts a no of somebody whom only the provider knows that was asked to ask them. */
  refuse(answer: unknown): Promise<ApprovalRecord>;
  /** Counts an answer that has to prove itself, where `verify` is there: a token, a decision with its proof, or a channel's own. */
  decideFromOutside(answer: unknown): Promise<ApprovalRecord>;
  /** Takes a question or a yes back for a person, whom whoever calls has proved. */
  takeBack(id: string, by: Approver, verdict: "cancel" | "revoke"): Promise<ApprovalRecord>;
  /** The same for the library itself, which is one of `own-votes.ts`. */
  withdraw(id: string, by: Approver, verdict: "cancel" | "revoke", reason?: string): Promise<ApprovalRecord>;
  /** Reports that the store has taken an approval back for the terms of another call. */
  withdrawn(record: ApprovalRecord): Promise<void>;
  /** The record with those who said yes as the directory knows them now; without those it does not know any more. */
  asOfToday(record: ApprovalRecord): Promise<ApprovalRecord>;
  /** Puts votes into the record that were cast by a tool that keeps none. */
  hear(record: ApprovalRecord, votes: readonly RecordedVote[]): Promise<void>;
}

export function createVoting(tools: {
  readonly store: ApprovalStore;
  readonly time: Timekeeper;
  readonly now: () => number;
  readonly randomId: () => string;
  readonly emit: Emit;
  readonly settings: Pick<DeskSettings, "separation" | "emergency" | "verify" | "directory">;
  /** Ids of the keys that answers from outside are proved by here. */
  readonly verified: readonly string[] | undefined;
  /** Whether `emit` puts anything into a record. */
  readonly isRecording: boolean;
}): Voting {
  const { store, time, now, emit } = tools;
  const ballot = createBallot<ApprovalRecord>();

  const { verify, directory, separation, emergency } = tools.settings;
  const { verified } = tools;

  /** A person with the groups that they have now; null where there is no such person any more. */
  const today = async (by: Approver): Promise<Approver | null> => {
    if (directory === undefined) return by;
    try {
      const groups = await directory(by);
      return groups === null ? null : { ...by, groups: [...groups] };
    } catch {
      throw unavailable("the directory of approvers could not be asked");
    }
  };

  /** Those whose earlier yes counts no more. Asked when a yes arrives, which may be the last one that is needed. */
  const gone = async (record: ApprovalRecord, voter: Approver): Promise<readonly string[]> => {
    if (directory === undefined) return [];
    const earlier = record.votes.filter(({ verdict, by }) => verdict === "approve" && personOf(by) !== personOf(voter));
    const people = [...new Map(earlier.map(({ by }) => [personOf(by), by])).values()];
    const now = await Promise.all(people.map(async (by) => ({ by, current: await today(by) })));
    return now
      .filter(({ by, current }) => current === null || !mayDecide(current, record) || lostPlace(by, current, record))
      .map(({ by }) => personOf(by));
  };

  const judge = async (given: ApprovalDecision, isRefused: boolean): Promise<ApprovalRecord> => {
    await time.sweep();
    const { approvalId, verdict, nonce } = given;
    const reason = given.reason === undefined ? {} : { reason: given.reason };
    const record = await store.get(approvalId);
    if (record === undefined) throw mismatch("there is no approval with the id of the answer");
    if (record.fingerprint !== given.fingerprint) {
      emit("mismatch", record, { verdict, approver: given.by, ...reason });
      throw mismatch("the answer is about another request than the one asked about", record);
    }
    const known = await today(given.by);
    const by = ownGroups(known ?? given.by, record, emergency?.from);
    const decision = { ...given, by };
    const isUnnamedNo = isRefused && given.verdict === "deny";
    const objection = isUnnamedNo
      ? null
      : known === null
        ? "the directory does not know the person who answered"
        : objectionTo(decision, record, { separation, emergency, verified });
    if (objection !== null) {
      emit("refused", record, { verdict, approver: by, reason: objection });
      throw unavailable(objection, record);
    }
    if (verdict === "approve" && (record.state === "consumed" || record.state === "unknown")) {
      emit("late", record, { verdict, approver: by, ...reason });
      throw new ApprovalConsumedError(about(record));
    }
    const terms = decision.grant === undefined ? {} : grantTerms(decision.grant);
    const absent = verdict === "approve" ? await gone(record, by) : [];
    const after = await cast(record, {
      verdict,
      by,
      at: now(),
      nonce,
      ...reason,
      ...terms,
      ...(decision.emergency === true && verdict === "approve" ? { emergency: true as const } : {}),
      ...(absent.length === 0 ? {} : { gone: absent }),
      ...(verified === undefined || verdict !== "approve" ? {} : { verified }),
    });
    if (verdict === "approve" && after.state === "expired") throw new ApprovalExpiredError(about(after));
    return after;
  };

  /** Casts a vote and reports it, unless it had been cast before. */
  const cast = async (before: ApprovalRecord, vote: ApprovalVote): Promise<ApprovalRecord> => {
    const after =
      (await store.vote(before.id, tools.isRecording ? vote : { ...vote, unrecorded: true as const })) ?? before;
    time.follow(after);
    const last = after.votes.at(-1);
    if (last === undefined || last.nonce !== vote.nonce || after.votes.length === before.votes.length) return after;
    await report(after, last);
    return after;
  };

  /** Puts a vote into the record. */
  const report = async (record: ApprovalRecord, vote: RecordedVote): Promise<void> => {
    const { verdict, by: approver, counted } = vote;
    const details = {
      approver,
      ...(vote.reason === undefined ? {} : { reason: vote.reason }),
      ...(vote.uses === undefined ? {} : { uses: vote.uses }),
      ...(vote.pins === undefined ? {} : { pins: vote.pins }),
    };
    if (verdict === "cancel" || verdict === "revoke") {
      emit(counted ? HAPPENED[verdict] : "late", record, details);
      return;
    }
    const votes = record.votes.slice(0, record.votes.indexOf(vote) + 1);
    const step = !counted ? "late" : decides({ ...record, votes }) ? "decided" : "voted";
    const timed = counted ? { latencyMs: vote.at - record.createdAt } : {};
    try {
      if (counted && vote.emergency === true) emit("overridden", record, { verdict, ...details });
      emit(step, record, { verdict, ...details, ...timed });
    } catch (error) {
      // A yes that is not on record is taken back before anybody can use it.
      if (counted && verdict === "approve") {
        await store.vote(record.id, { verdict: "revoke", by: THE_RECORD, at: now(), nonce: tools.randomId() });
      }
      throw error;
    }
  };

  const known = async (id: string): Promise<ApprovalRecord> => {
    await time.sweep();
    const record = await store.get(id);
    if (record === undefined) throw mismatch("there is no approval with this id");
    return record;
  };

  /** Counts a decision, after the signature that it may carry is verified. */
  const count = async (decision: ApprovalDecision, isRefused: boolean = false): Promise<ApprovalRecord> => {
    if (decision.proof !== undefined) {
      if (verify === undefined)
        throw unavailable("a signed decision came, and nothing is configured to verify it with");
      const problem = await verify.proof(decision);
      if (problem !== null) throw unavailable(problem);
    }
    return ballot.cast(decision.approvalId, decision.verdict === "deny", () => judge(decision, isRefused));
  };

  const fromToken = async (token: string): Promise<ApprovalDecision> => {
    if (verify === undefined) throw unavailable("a token came, and nothing is configured to verify it with");
    return whole(await verify.token(token, now()));
  };

  const voting: Voting = {
    decide: async (answer) => count(whole(readDecision(answer))),
    refuse: async (answer) => count(whole(readDecision(answer)), true),
    async decideFromOutside(answer) {
      // Read once: what is looked at for its proof is what is counted.
      const decision = typeof answer === "string" ? await fromToken(answer) : whole(readDecision(answer));
      const isProven = typeof answer === "string" || decision.proof !== undefined || ProvenDecision.is(answer);
      if (verify !== undefined && !isProven) throw unavailable("the decision is not signed");
      const after = await count(decision);
      const { nonce, verdict } = decision;
      const vote = after.votes.findLast((one) => one.nonce === nonce && one.verdict === verdict);
      if (vote?.counted === false) throw new ApprovalNotPendingError({ ...about(after), state: after.state });
      return after;
    },
    async takeBack(id, by, verdict) {
      const person = readApprover(by);
      if (!person.ok) throw unavailable(person.problem);
      const record = await known(id);
      if (verdict === "cancel" && isAgentOf(record, person.value))
        throw unavailable("an agent cannot take back its own question", record);
      return cast(record, { verdict, by: person.value, at: now(), nonce: tools.randomId() });
    },
    async withdraw(id, by, verdict, reason) {
      const why = reason === undefined ? {} : { reason };
      return cast(await known(id), { verdict, by, at: now(), nonce: tools.randomId(), ...why });
    },
    async withdrawn(record) {
      time.follow(record);
      const vote = record.votes.at(-1);
      if (vote !== undefined) await report(record, vote);
    },
    async asOfToday(record) {
      if (directory === undefined) return record;
      const yeses = record.votes.filter(({ verdict }) => verdict === "approve");
      const people = new Map(yeses.map(({ by }) => [personOf(by), by]));
      const now = new Map<string, Approver | null>();
      for (const [person, by] of people) now.set(person, await today(by));
      const votes = record.votes.flatMap((vote) => {
        const by = vote.verdict === "approve" ? now.get(personOf(vote.by)) : vote.by;
        return by === null || by === undefined ? [] : [{ ...vote, by }];
      });
      return { ...record, votes };
    },
    async hear(record, votes) {
      for (const vote of votes) await report(record, vote);
    },
  };
  return voting;
}

function whole(reading: Reading<ApprovalDecision>): ApprovalDecision {
  if (!reading.ok) throw unavailable(reading.problem);
  return reading.value;
}

const grantTerms = ({
  ttlMs,
  uses,
  pins,
}: NonNullable<ApprovalDecision["grant"]>): Pick<ApprovalVote, "grantTtlMs" | "uses" | "pins"> => ({
  grantTtlMs: ttlMs,
  uses,
  ...(pins === undefined ? {} : { pins }),
});

/** Without the groups that decide nothing here: a person may be in a thousand, and a record has room for many votes. */
function ownGroups(by: Approver, record: ApprovalRecord, emergency: string | undefined): Approver {
  if (by.groups === undefined) return by;
  const named = [
    ...(record.approvers ?? []),
    ...(record.terms.quorum ?? []).map(({ from }) => from),
    record.escalatedTo,
    emergency,
  ];
  return {
    ...by,
    groups: by.groups.filter((group) => named.some((from) => from !== undefined && isGroup(from, group))),
  };
}

/** Whether somebody has left a group for which their yes was counted. */
const lostPlace = (before: Approver, now: Approver, { terms }: ApprovalRecord): boolean =>
  (terms.quorum ?? []).some(({ from }) => from !== undefined && isFrom(from, before) && !isFrom(from, now));

const HAPPENED = { cancel: "cancelled", revoke: "revoked" } as const;
