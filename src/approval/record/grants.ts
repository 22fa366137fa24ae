import { ageRecord } from "./ageing.js";
import { type ApprovalLease, type ApprovalRecord, moved } from "./record.js";
import { shortfallOf } from "./shortfall.js";
import { nextState } from "./state.js";

/** How an attempt to take a grant ended. `terms`: the yes does not meet the terms of the call. */
export type ReserveResult = "ok" | "gone" | "mismatch" | "terms";

/** Takes the grant for one call: the first one wins, of those whose terms it meets. */
export function takeGrant(
  before: ApprovalRecord,
  fingerprint: string,
  lease: ApprovalLease,
): { readonly result: ReserveResult; readonly record: ApprovalRecord } {
  const record = ageRecord(before, lease.at);
  if (record.fingerprint !== fingerprint) return { result: "mismatch", record };
  if (nextState(record.state, "reserve") === null) return { result: "gone", record };
  if (lease.spending === undefined || shortfallOf(record, lease.spending, lease.at) !== null)
    return { result: "terms", record };
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
