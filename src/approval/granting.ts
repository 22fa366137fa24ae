import { ApprovalConsumedError } from "../errors/guard-error.js";
import type { Call } from "./calls.js";
import type { Grant } from "./desk-types.js";
import type { CallerOf, Emit } from "./events.js";
import type { SettleOutcome } from "./record/grants.js";
import type { ApprovalLease, ApprovalRecord } from "./record/record.js";
import { shortfallOf } from "./record/shortfall.js";
import type { SpendingTerms } from "./record/terms.js";
import { about, mismatch, refusalOf } from "./refusals.js";
import type { ApprovalStore } from "./store.js";
import type { Timekeeper } from "./timekeeper.js";

/** How long a call may take to say what became of its request. */
const LEASE_MS = 15 * 60_000;

interface Tools {
  readonly store: ApprovalStore;
  readonly time: Timekeeper;
  readonly now: () => number;
  readonly randomId: () => string;
  readonly emit: Emit;
}

const callerOf = ({ sessionId, requestId, subject }: Call): CallerOf => ({ sessionId, requestId, subject });

/** Takes the grant of an approved request for one call; null where it does not meet the terms. Throws why it cannot be had. */
export async function takeGrantFor(
  record: ApprovalRecord,
  call: Call,
  spending: SpendingTerms,
  tools: Tools,
): Promise<Grant | null> {
  const { store, time, now, randomId, emit } = tools;
  const at = now();
  const lease: ApprovalLease = { id: randomId(), at, expiresAt: at + LEASE_MS, sessionId: call.sessionId, spending };
  const result = await store.reserve(record.id, record.fingerprint, lease);
  if (result === "mismatch") throw mismatch("the approval is for another request", record);
  if (result === "terms") return null;
  const after = (await store.get(record.id)) ?? record;
  if (result === "gone") {
    // Approved again: the winner has already given back what this call did not get.
    throw after.state === "approved" ? new ApprovalConsumedError(about(after)) : refusalOf(after);
  }
  const caller = callerOf(call);
  const grant = grantOf(after, lease, caller, tools);
  time.follow(after);
  // Once more here: a store of somebody else's may not look at terms.
  if (shortfallOf(after, spending, at) !== null) {
    await grant.settle("released");
    return null;
  }
  try {
    // An abort that came while the grant was being taken: nothing is sent after it.
    call.signal.throwIfAborted();
    emit("reserved", after, { ...answeredBy(after), caller });
  } catch (error) {
    await grant.settle("released");
    throw error;
  }
  return grant;
}

function grantOf(record: ApprovalRecord, lease: ApprovalLease, caller: CallerOf, { store, time, emit }: Tools): Grant {
  const settle = async (outcome: SettleOutcome): Promise<void> => {
    await store.settle(record.id, lease, outcome);
    const after = (await store.get(record.id)) ?? record;
    time.follow(after);
    try {
      emit(outcome, after, { ...answeredBy(after), caller });
    } catch {
      // The outcome of the request itself is recorded next, and fails in words that fit.
    }
  };
  let settling: Promise<void> | undefined;
  return {
    approvalId: record.id,
    approver: { id: record.decidedBy?.id ?? "", idp: record.decidedBy?.idp ?? "" },
    shownHash: record.shownHash,
    decidedAt: new Date(record.decidedAt ?? 0).toISOString(),
    settle(outcome) {
      settling ??= settle(outcome);
      return settling;
    },
  };
}

const answeredBy = ({ decidedBy }: ApprovalRecord): { readonly approver?: NonNullable<typeof decidedBy> } =>
  decidedBy === undefined ? {} : { approver: decidedBy };
