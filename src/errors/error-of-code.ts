import { ERROR_CODES, type ErrorClass, type ErrorCode } from "./codes.js";
import {
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
  DeniedError,
  GuardError,
  type GuardErrorFields,
} from "./guard-error.js";

type Make = (code: ErrorCode, fields: GuardErrorFields) => GuardError;

const plain: Make = (code, fields) => new GuardError(code, fields);

/** How an error is made from its code alone. Errors of the last two classes list problems, which a code does not tell. */
const MAKE: Readonly<Record<ErrorClass, Make>> = {
  GuardError: plain,
  DeniedError: (code, fields) => new DeniedError(code, fields),
  ApprovalPendingError: (_code, fields) => new ApprovalPendingError({ approvalId: "", ...fields }),
  ApprovalDeniedError: (_code, fields) => new ApprovalDeniedError(fields),
  ApprovalExpiredError: (_code, fields) => new ApprovalExpiredError(fields),
  ApprovalMismatchError: (_code, fields) => new ApprovalMismatchError(fields),
  ApprovalConsumedError: (_code, fields) => new ApprovalConsumedError(fields),
  ApprovalNotPendingError: (_code, fields) => new ApprovalNotPendingError({ state: "unknown", ...fields }),
  ApprovalUnavailableError: (_code, fields) => new ApprovalUnavailableError(fields),
  AlreadySentError: (_code, fields) => new AlreadySentError(fields),
  AuditIncompleteError: (_code, fields) => new AuditIncompleteError(fields),
  AuditUnavailableError: (_code, fields) => new AuditUnavailableError("(unknown)", "UNKNOWN", fields),
  PolicyError: plain,
  OptionsError: plain,
};

/** An error of the class that the table of codes names. */
export const errorOf = (code: ErrorCode, fields: GuardErrorFields): GuardError =>
  MAKE[ERROR_CODES[code].type](code, fields);
