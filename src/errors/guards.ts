import { ERROR_CODES, type ErrorCode } from "./codes.js";
import {
  type AlreadySentError,
  type ApprovalConsumedError,
  type ApprovalDeniedError,
  type ApprovalExpiredError,
  type ApprovalMismatchError,
  type ApprovalNotPendingError,
  type ApprovalPendingError,
  type ApprovalUnavailableError,
  type AuditIncompleteError,
  type AuditUnavailableError,
  type DeniedError,
  isGuardError,
  type OptionsError,
  type PolicyError,
} from "./guard-error.js";

// One guard per class. They read the brand and the code, not the prototype: an error of another copy of the package is
// recognized as well. Each is true for the error itself only; `findGuardError` looks into what other libraries wrapped.

const has = (error: unknown, code: ErrorCode): boolean => isGuardError(error) && error.code === code;

/** Whether the request was denied before anything was sent: by the canonical form, the policy, a limit or a redirect. */
export const isDenied = (error: unknown): error is DeniedError =>
  isGuardError(error) && ERROR_CODES[error.code]?.type === "DeniedError";

/** Whether a person has been asked and has not decided yet; `approvalId` names the approval. */
export const isApprovalPending = (error: unknown): error is ApprovalPendingError => has(error, "APPROVAL_PENDING");

/** Whether a person denied the request. */
export const isApprovalDenied = (error: unknown): error is ApprovalDeniedError => has(error, "APPROVAL_DENIED");

/** Whether nobody decided, or nobody used the grant, in time. */
export const isApprovalExpired = (error: unknown): error is ApprovalExpiredError => has(error, "APPROVAL_EXPIRED");

/** Whether the decision was about another request. */
export const isApprovalMismatch = (error: unknown): error is ApprovalMismatchError => has(error, "APPROVAL_MISMATCH");

/** Whether the one-time grant is already used. */
export const isApprovalConsumed = (error: unknown): error is ApprovalConsumedError => has(error, "APPROVAL_CONSUMED");

/** Whether a decision came for an approval that is no longer pending; `state` says how it stands. */
export const isApprovalNotPending = (error: unknown): error is ApprovalNotPendingError =>
  has(error, "APPROVAL_NOT_PENDING");

/** Whether nobody can be asked, or asking failed. */
export const isApprovalUnavailable = (error: unknown): error is ApprovalUnavailableError =>
  has(error, "APPROVAL_UNAVAILABLE");

/** Whether an earlier execution of the tool call has sent the request; `response` is what came back, where it was kept. */
export const isAlreadySent = (error: unknown): error is AlreadySentError => has(error, "ALREADY_SENT");

/** Whether nothing was sent because the record cannot be written. */
export const isAuditUnavailable = (error: unknown): error is AuditUnavailableError => has(error, "AUDIT_UNAVAILABLE");

/** Whether the request was sent and its outcome cannot be recorded. */
export const isAuditIncomplete = (error: unknown): error is AuditIncompleteError => has(error, "AUDIT_INCOMPLETE");

/** Whether a policy does not load; `problems` lists why. */
export const isPolicyError = (error: unknown): error is PolicyError => has(error, "POLICY_INVALID");

/** Whether options are wrong; `problems` lists which. */
export const isOptionsError = (error: unknown): error is OptionsError => has(error, "OPTIONS_INVALID");
