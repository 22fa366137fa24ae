import {
  ApprovalConsumedError,
  ApprovalDeniedError,
  ApprovalExpiredError,
  ApprovalMismatchError,
  ApprovalPendingError,
  ApprovalUnavailableError,
  type GuardError,
} from "../errors/guard-error.js";
import type { ApprovalRecord } from "./record/record.js";
import { visible } from "./visible.js";

/** What a refused call is told about its approval. */
export const about = (record: ApprovalRecord): { approvalId: string; rule: string; target: string } => ({
  approvalId: record.id,
  rule: record.why.ruleId,
  target: `${record.http.method} ${record.http.origin}${record.http.path}`,
});

const WAITING =
  "it is waiting for a person, who has been asked and has not answered yet; nothing is sent by a late answer, call again then";

/** Why a call that found its approval in this state, or could not take the grant, is refused. */
export function refusalOf(record: ApprovalRecord): GuardError {
  switch (record.state) {
    case "pending":
      return new ApprovalPendingError({ ...about(record), modelReason: WAITING });
    case "denied":
    case "revoked":
      return deniedBy(record);
    case "expired":
      return new ApprovalExpiredError(about(record));
    case "cancelled":
      return unavailable("the approval was cancelled before anybody decided", record);
    case "approved":
    case "reserved":
    case "consumed":
    case "unknown":
      return new ApprovalConsumedError(about(record));
  }
}

function deniedBy(record: ApprovalRecord): ApprovalDeniedError {
  const said =
    record.state === "revoked" ? "a person took the approval of this request back" : "a person said no to this request";
  const reason = record.reason === undefined ? "" : `: ${visible(record.reason.slice(0, 300))}`;
  return new ApprovalDeniedError({
    ...about(record),
    message: `${capital(said)}${reason}`,
    modelReason: `${said}${reason}`,
  });
}

/** Nobody could be asked, or the answer cannot count. */
export function unavailable(why: string, record?: ApprovalRecord): ApprovalUnavailableError {
  const refusal = new ApprovalUnavailableError({
    ...(record === undefined ? {} : about(record)),
    message: `No approval: ${why}.`,
    modelReason: `approval is needed, and ${why}`,
  });
  reasons.set(refusal, why);
  return refusal;
}

const reasons = new WeakMap<object, string>();

/** Why nobody could be asked, in our own words; undefined for an error that was not made here. */
export const unavailabilityOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null ? reasons.get(error) : undefined;

/** The answer is about something else. */
export const mismatch = (why: string, record?: ApprovalRecord): ApprovalMismatchError =>
  new ApprovalMismatchError({ ...(record === undefined ? {} : about(record)), message: `${capital(why)}.` });

/** The yes is to other values than the request has where it may differ. */
export const narrower = (record: ApprovalRecord, outside: readonly string[]): ApprovalMismatchError => {
  const why = `a person said yes to less than this: ${visible(outside.join("; ").slice(0, 600))}`;
  return new ApprovalMismatchError({ ...about(record), message: `${capital(why)}.`, modelReason: why });
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
