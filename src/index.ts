// The public face. Providers, channels, detectors and sinks have entry points of their own: sallyport/broker,
// sallyport/approval, sallyport/masking, sallyport/audit, sallyport/identity, sallyport/policy, sallyport/store.

export type { FetchOptions } from "./call/manner.js";
export type { ApprovalPreview } from "./call/request-approval.js";
export type { OnDeny } from "./call/respond.js";
export type { RunOptions } from "./call/tool-run.js";
// The guard and its sessions
export { createClient, guardedFetch } from "./client/ambient.js";
export { type AxiosLike, assertAxiosGuarded } from "./client/assert-axios-guarded.js";
export type { Client } from "./client/create-client.js";
// What the parts have in common
export type { Clock } from "./clock.js";
// Errors
export { type Advice, ERROR_CODES, type ErrorClass, type ErrorCode, type ErrorCodeEntry } from "./errors/codes.js";
export { findGuardError } from "./errors/find-guard-error.js";
export {
  AlreadySentError,
  ApprovalConsumedError,
  ApprovalDeniedError,
  ApprovalExpiredError,
  ApprovalMismatchError,
  ApprovalNotPendingError,
  ApprovalPendingError,
  ApprovalUnavailableError,
  AuditIncompleteError,
  AuditUnavailableError,
  type ConfigurationProblem,
  DeniedError,
  GuardError,
  type GuardErrorFields,
  isGuardError,
  OptionsError,
  PolicyError,
  type Problem,
} from "./errors/guard-error.js";
export {
  isAlreadySent,
  isApprovalConsumed,
  isApprovalDenied,
  isApprovalExpired,
  isApprovalMismatch,
  isApprovalNotPending,
  isApprovalPending,
  isApprovalUnavailable,
  isAuditIncomplete,
  isAuditUnavailable,
  isDenied,
  isOptionsError,
  isPolicyError,
} from "./errors/guards.js";
export { createGuard, type Guard } from "./guard.js";
export type { OperationalLog } from "./operational-log.js";
export type { GuardOptions, SessionOptions } from "./options.js";
export type { Agent, Decision, PolicyDocument, Principal } from "./policy/index.js";
export { definePolicy } from "./policy/index.js";
export type { CloseOptions, Session } from "./session.js";
// Left out on purpose: the parts themselves, so that nothing can be taken from a guard and used without it.
