import type { ErrorCode } from "../errors/codes.js";
import { GuardError, isGuardError } from "../errors/guard-error.js";
import { foldedId } from "../policy/folded-id.js";
import { outsideOf } from "../policy/pins.js";
import { BadReply, createAsking } from "./asking.js";
import { type Call, createCalls } from "./calls.js";
import type { ApprovalDesk, Grant } from "./desk-types.js";
import { type Emit, eventOf } from "./events.js";
import { failClosedStore } from "./fail-closed-store.js";
import { takeGrantFor } from "./granting.js";
import { openingFor, spendingTerms, type Wishes } from "./opening.js";
import { type ApprovalDeskOptions, deskSettings } from "./options.js";
import { isWithdrawnForTerms, THE_POLICY, THE_REVOCATION, THE_SESSION, THE_TERMS } from "./own-votes.js";
import { createPromptBudget } from "./prompt-budget.js";
import { ageRecord } from "./record/ageing.js";
import type { ApprovalRecord } from "./record/record.js";
import { shortfallOf } from "./record/shortfall.js";
import type { SpendingTerms } from "./record/terms.js";
import { mismatch, narrower, refusalOf, unavailable } from "./refusals.js";
import { untilDecided } from "./settled.js";
import { steadyTime } from "./steady-time.js";
import { createTimekeeper } from "./timekeeper.js";
import type { ApprovalDraft } from "./types.js";
import { createVoting } from "./votes/voting.js";

/** How often, and after how long, a question is asked again whose channel failed; each time twice as long. */
const RETRIES = 5;
const RETRY_MS = 30_000;
/** How often one call has people asked anew, where guards with other terms take back what it asked. */
const MOST_ASKED = 4;

/** Opens a desk. @throws OptionsError */
export function createApprovalDesk(options: ApprovalDeskOptions): ApprovalDesk {
  const settings = deskSettings(options);
  const { clock, randomId } = settings;
  const store = failClosedStore(settings.store);
  const now = steadyTime(clock);
  const calls = createCalls();
  const retries = new Map<string, number>();
  let closed = false;

  const emit: Emit = (type, record, details) => {
    try {
      settings.onEvent(eventOf(type, record, now(), details));
    } catch {
      throw unavailable("the step could not be recorded", record);
    }
  };

  const isRecording = options.onEvent !== undefined;
  const isWatching = isRecording || options.request !== undefined;
  const time = createTimekeeper(
    store,
    clock,
    now,
    {
      over: (id) => {
        retries.delete(id);
        asking?.withdraw(id);
      },
      ended: (record) => emit(record.state === "unknown" ? "unknown" : "expired", record),
      reminded: (record) => {
        emit("reminded", record);
        asking?.remind(record);
      },
      told: (record, votes) => voting.hear(record, votes),
    },
    isWatching,
  );
  const verified = settings.verify === undefined ? undefined : (settings.verify.keyIds ?? [`only here: ${randomId()}`]);
  const voting = createVoting({ store, time, now, randomId, emit, settings, verified, isRecording });
  const prompts = createPromptBudget(settings.prompts);
  const granting = { store, time, now, randomId, emit };

  const asking =
    settings.request === undefined
      ? undefined
      : createAsking(settings.request, {
          now,
          randomId,
          answered: async (record, decision, isRefused) => {
            if (decision.approvalId === record.id) return isRefused ? voting.refuse(decision) : voting.decide(decision);
            emit("mismatch", record, { verdict: decision.verdict, approver: decision.by });
            throw mismatch("the answer is about another approval than the one asked about", record);
          },
          unheld: (record) => calls.refuse({ approvalId: record.id }, refusalOf({ ...record, state: "pending" })),
          failed: (record, error) => {
            const refusal = refusalFor(error, record);
            calls.refuse({ approvalId: record.id }, refusal);
            emit("failed", record, { reason: refusal.message });
            tryAgainLater(record.id);
          },
        });

  /** Asks, and takes the question back as soon as the approval is decided in another way, also by another process. */
  const ask = (record: ApprovalRecord): void => {
    const signal = asking?.ask(record);
    if (signal === undefined) return;
    const forEver = Number.POSITIVE_INFINITY;
    const seen = ({ unrecordedFrom }: ApprovalRecord): void => {
      if (unrecordedFrom !== undefined) void time.lookAgain(record.id);
    };
    untilDecided(record.id, { store, clock, now, signal, waitMs: forEver, seen }).then(
      () => time.lookAgain(record.id),
      () => undefined,
    );
  };

  /** Finds or opens the approval of a call, and sees to it that somebody is asked. */
  const join = async (
    draft: ApprovalDraft,
    spending: SpendingTerms,
    wishes: Wishes,
    call: Call,
  ): Promise<ApprovalRecord> => {
    await time.sweep();
    const times = { id: `ap_${randomId()}`, createdAt: now(), expiresMs: wishes.expiresMs ?? settings.pendingTtlMs };
    const opening = openingFor(draft, spending, times);
    const { record, created, withdrawn } = await store.openOrJoin(draft.fingerprint, opening);
    if (withdrawn !== undefined) await voting.withdrawn(withdrawn);
    call.approvalId = record.id;
    time.follow(record);
    if (created) {
      const tooMany = prompts.spend(draft, now());
      if (tooMany !== null) {
        await voting.withdraw(record.id, THE_SESSION, "cancel", tooMany);
        throw unavailable(tooMany, record);
      }
      asking?.postpone(record.id);
    }
    emit(created ? "requested" : "joined", record, { caller: call });
    if (created && call.signal.aborted) await voting.withdraw(record.id, THE_SESSION, "cancel");
    call.signal.throwIfAborted();
    if (record.state === "pending" && asking?.isDue(record.id) === true) ask(record);
    return record;
  };

  /** The channel may be away for a moment: whoever asked has been refused, and the question stands. */
  const tryAgainLater = (id: string): void => {
    const tries = (retries.get(id) ?? 0) + 1;
    if (closed || tries > RETRIES) return;
    retries.set(id, tries);
    clock.schedule(RETRY_MS * 2 ** (tries - 1), async () => {
      const record = closed ? undefined : await store.get(id).catch(() => undefined);
      if (record === undefined) return;
      if (ageRecord(record, now()).state !== "pending") retries.delete(id);
      else if (asking?.isDue(id) === true) ask(record);
    });
  };

  const enter = (draft: ApprovalDraft, signal: AbortSignal): Call => {
    if (closed) throw new GuardError("GUARD_CLOSED");
    if (asking === undefined) throw unavailable("nobody is configured to be asked");
    return calls.enter(draft, signal);
  };

  const decided = async (id: string, call: Call, waitMs: number): Promise<ApprovalRecord> => {
    const waited = waitMs > 0 ? await untilDecided(id, { store, clock, now, signal: call.signal, waitMs }) : undefined;
    const record = waited ?? (await store.get(id));
    if (record === undefined) throw unavailable("the approval is gone from the store");
    if (record.unrecordedFrom === undefined) return ageRecord(record, now());
    // An answer that nobody has recorded yet is recorded before it is acted upon.
    await time.sweep();
    return ageRecord((await store.get(id)) ?? record, now());
  };

  return {
    async obtain(draft, wishes): Promise<Grant> {
      const call = enter(draft, wishes.signal);
      const spending = spendingTerms(settings, verified, draft, wishes);
      const endsAt = clock.monotonic() + (wishes.waitMs ?? settings.waitMs);
      try {
        for (let asked = 0; asked < MOST_ASKED; asked++) {
          const { id } = await join(draft, spending, wishes, call);
          const record = await decided(id, call, endsAt - clock.monotonic());
          if (isWithdrawnForTerms(record)) continue;
          if (record.state !== "approved") throw refusalOf(record);
          const outside = (record.pins ?? []).flatMap((pins) => outsideOf(pins, wishes.vary?.body));
          if (outside.length > 0) throw narrower(record, outside);
          const problem = shortfallOf(await voting.asOfToday(record), spending, now());
          const grant = problem === null ? await takeGrantFor(record, call, spending, granting) : null;
          if (grant !== null) return grant;
          const reason = problem ?? "the yes does not meet the terms under which it is used";
          await voting.withdraw(record.id, THE_TERMS, "revoke", reason);
        }
        throw unavailable("the approval is asked again and again under other terms, by another guard");
      } catch (error) {
        throw isGuardError(error) || call.signal.aborted ? error : unavailable("the desk failed");
      } finally {
        call.leave();
      }
    },
    async open(draft, wishes) {
      const call = enter(draft, wishes.signal);
      try {
        const record = await join(draft, spendingTerms(settings, verified, draft, wishes), wishes, call);
        return ageRecord(record, now());
      } catch (error) {
        throw isGuardError(error) || call.signal.aborted ? error : unavailable("the desk failed");
      } finally {
        call.leave();
      }
    },
    decide: (decision) => voting.decideFromOutside(decision),
    async get(id) {
      await time.sweep();
      const record = await store.get(id);
      return record === undefined ? undefined : ageRecord(record, now());
    },
    async list(filter) {
      await time.sweep();
      if (isWatching) return store.list(filter);
      const all = (await store.list()).map((record) => ageRecord(record, now()));
      return filter?.state === undefined ? all : all.filter(({ state }) => state === filter.state);
    },
    cancel: (id, by) => voting.takeBack(id, by, "cancel"),
    revoke: (id, by) => voting.takeBack(id, by, "revoke"),
    outdate: (id) => voting.withdraw(id, THE_POLICY, "revoke"),
    async wait(id, { signal = new AbortController().signal } = {}) {
      const record = await untilDecided(id, { store, clock, now, signal, waitMs: Number.POSITIVE_INFINITY });
      if (record === undefined) throw mismatch("there is no approval with this id");
      return record;
    },
    resume: () => time.resume(),
    closeSession(sessionId) {
      prompts.forget(sessionId);
      calls.refuse({ sessionId }, new GuardError("SESSION_CLOSED"));
    },
    async withdraw(of) {
      for (const state of ["pending", "approved"] as const) {
        for (const record of await store.list({ state })) {
          if (!isOf(record, of) || ("sessionId" in of && calls.hasOther(record.id, of.sessionId))) continue;
          const by = "agent" in of ? THE_REVOCATION : THE_SESSION;
          await voting.withdraw(record.id, by, state === "pending" ? "cancel" : "revoke");
        }
      }
    },
    async close() {
      closed = true;
      calls.refuse({}, new GuardError("GUARD_CLOSED"));
      asking?.withdrawAll();
      time.stop();
    },
  };
}

/** Whether the approval is one of these. An agent's are also those of tasks that it handed on, however its id is spelled. */
function isOf(record: ApprovalRecord, of: { readonly sessionId: string } | { readonly agent: string }): boolean {
  const { sessionId, joinedBy = [], subject } = record;
  if ("sessionId" in of) return sessionId === of.sessionId || joinedBy.includes(of.sessionId);
  return [subject.agent, ...(subject.delegatedBy ?? [])].some((id) => foldedId(id) === foldedId(of.agent));
}

const OWN_CODES: ReadonlySet<string> = new Set([
  "APPROVAL_UNAVAILABLE",
  "APPROVAL_MISMATCH",
  "APPROVAL_EXPIRED",
  "APPROVAL_CONSUMED",
] satisfies ErrorCode[]);

/** A callback's own exception is not passed on: it may carry the address and the token of a chat. */
function refusalFor(error: unknown, record: ApprovalRecord): GuardError {
  if (isGuardError(error) && OWN_CODES.has(error.code)) return error;
  return unavailable(error instanceof BadReply ? error.message : "asking a person failed", record);
}
