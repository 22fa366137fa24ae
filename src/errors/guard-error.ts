import { type Advice, ERROR_CODES, type ErrorCode } from "./codes.js";

/** Two copies of the package in one process recognize each other's errors by this brand. */
const BRAND = Symbol.for("sallyport.GuardError");

/** What a {@link GuardError} is made of. No field may hold a secret, a body, a matched value or a query string. */
export interface GuardErrorFields {
  /** For the operator: what happened to which thing, and what to do. Default: the code's meaning and remedy. */
  readonly message?: string;
  /** For the model: what happened, discreetly, as the part of a sentence. Default: the code's meaning. */
  readonly modelReason?: string;
  /** `METHOD url-without-query` of the request, where there is one. */
  readonly target?: string;
  /** Id of the rule that decided. */
  readonly rule?: string;
  /** Id of the approval that the caller waits for or was refused. */
  readonly approvalId?: string;
  /** When to call again at the earliest, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Whether the request had left when the error occurred; absent where there is no request. */
  readonly sent?: boolean;
  /** Never an error that could carry a credential. */
  readonly cause?: unknown;
}

/** A problem document (RFC 9457) with our `code` as an extension member. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly approvalId?: string;
  readonly retryAfterMs?: number;
}

const NEXT_STEP: Record<Advice, string> = {
  stop: "Do not retry this request; tell the user.",
  change: "Do not retry it unchanged; use a request that is allowed, or tell the user.",
  wait: "Do not repeat it in a loop; tell the user what it waits for.",
  retry: "The fault is temporary; retry later, a few times at most.",
};

/** A sentence without its full stop, and without the capital of an ordinary first word, as the end of another sentence. */
const sentencePart = (sentence: string): string =>
  sentence.replace(/\.$/, "").replace(/^(?:An?|The|No|Nobody|Options) /, (word) => word.toLowerCase());

let note: (error: GuardError, lead: string) => void;

/**
 * The base of every error of this library. Whatever fails, the request is refused, with a stable `code`, a text for the
 * operator (`message`) and a text for the model (`toModelText()`). Network faults of a service are not among them: they are
 * the `TypeError: fetch failed` that every fetch throws.
 */
export class GuardError extends Error {
  override readonly name: string = "GuardError";
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly target: string | undefined;
  readonly rule: string | undefined;
  readonly approvalId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly sent: boolean | undefined;
  #modelReason: string | undefined;

  constructor(code: ErrorCode, fields: GuardErrorFields = {}) {
    const { meaning, remedy, advice } = ERROR_CODES[code];
    super(
      `${fields.message ?? `${meaning} ${remedy}`}${fields.target === undefined ? "" : ` (${fields.target})`} [${code}]`,
      fields.cause === undefined ? undefined : { cause: fields.cause },
    );
    this.code = code;
    // One error can be thrown to many calls (a session's end, a remembered refusal), and the code of each goes into the record.
    Object.defineProperty(this, "code", { value: code, enumerable: true, writable: false, configurable: false });
    this.retryable = advice === "retry";
    this.target = fields.target;
    this.rule = fields.rule;
    this.approvalId = fields.approvalId;
    this.retryAfterMs = fields.retryAfterMs;
    this.sent = fields.sent;
    this.#modelReason = fields.modelReason;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What happened and whether to retry, wait or stop; safe to show to a model. */
  toModelText(): string {
    const { meaning, advice } = ERROR_CODES[this.code];
    const what = this.target === undefined ? "The request" : `The request ${this.target}`;
    const outcome = this.sent === true ? "was sent, but its response is withheld" : "was not sent";
    const approval = this.approvalId === undefined ? "" : ` Approval: ${this.approvalId}.`;
    return `${what} ${outcome}: ${this.#modelReason ?? sentencePart(meaning)} (${this.code}).${approval} ${NEXT_STEP[advice]}`;
  }

  static {
    note = (error, lead) => {
      if (error.sent === true) return;
      (error as { sent: boolean | undefined }).sent = true;
      error.#modelReason = `${lead}: ${error.#modelReason ?? sentencePart(ERROR_CODES[error.code].meaning)}`;
    };
  }

  /** The same as a problem document (RFC 9457), for those who send it over HTTP. */
  toProblem(): Problem {
    return {
      type: `urn:sallyport:error:${this.code}`,
      title: ERROR_CODES[this.code].meaning,
      status: ERROR_CODES[this.code].status,
      detail: this.toModelText(),
      code: this.code,
      retryable: this.retryable,
      ...(this.approvalId === undefined ? {} : { approvalId: this.approvalId }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }

  /** JSON of an error is its problem document: never the stack, never the cause. */
  toJSON(): Problem {
    return this.toProblem();
  }
}

/** Notes that the request had been sent before this refusal, and why that was not enough: the error must not say otherwise. */
export function sentBefore(error: GuardError, lead: string): void {
  note(error, lead);
}

/** One thing wrong with a document or an options object, and where. */
export interface ConfigurationProblem {
  /** JSON Pointer (RFC 6901) to the offending place; `""` is the whole document. */
  readonly pointer: string;
  readonly message: string;
}

const listing = (problems: readonly ConfigurationProblem[]): string =>
  problems.map(({ pointer, message }) => `\n  ${pointer === "" ? "(document)" : pointer}: ${message}`).join("");

/** Thrown at load time with every problem of a policy document at once. */
export class PolicyError extends GuardError {
  override readonly name: string = "PolicyError";
  declare readonly code: "POLICY_INVALID";
  readonly problems: readonly ConfigurationProblem[];
  constructor(problems: readonly ConfigurationProblem[]) {
    super("POLICY_INVALID", {
      message: `The policy has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:${listing(problems)}\n`,
      modelReason: "the policy does not load, so everything is denied",
    });
    this.problems = problems;
  }
}

/** Thrown at construction with every wrong option at once. */
export class OptionsError extends GuardError {
  override readonly name: string = "OptionsError";
  declare readonly code: "OPTIONS_INVALID";
  readonly problems: readonly ConfigurationProblem[];
  constructor(problems: readonly ConfigurationProblem[]) {
    super("OPTIONS_INVALID", {
      message: `Wrong options:${listing(problems)}\n`,
      modelReason: "the guard is misconfigured",
    });
    this.problems = problems;
  }
}

/** The request is denied; nothing was sent. The code tells which check denied it. */
export class DeniedError extends GuardError {
  override readonly name: string = "DeniedError";
}

/** A person has been asked; the same call finds the decision once it is there. `retryAfterMs` is 15,000 by default. */
export class ApprovalPendingError extends GuardError {
  override readonly name: string = "ApprovalPendingError";
  declare readonly code: "APPROVAL_PENDING";
  declare readonly approvalId: string;
  declare readonly retryAfterMs: number;
  constructor(fields: GuardErrorFields & { readonly approvalId: string }) {
    super("APPROVAL_PENDING", { ...fields, retryAfterMs: fields.retryAfterMs ?? 15_000 });
  }
}

/** A person denied the request. */
export class ApprovalDeniedError extends GuardError {
  override readonly name: string = "ApprovalDeniedError";
  declare readonly code: "APPROVAL_DENIED";
  constructor(fields: GuardErrorFields) {
    super("APPROVAL_DENIED", fields);
  }
}

/** Nobody decided, or the grant was not used, in time. No person denied the request. */
export class ApprovalExpiredError extends GuardError {
  override readonly name: string = "ApprovalExpiredError";
  declare readonly code: "APPROVAL_EXPIRED";
  constructor(fields: GuardErrorFields) {
    super("APPROVAL_EXPIRED", fields);
  }
}

/** The decision is not about the request that was asked about. */
export class ApprovalMismatchError extends GuardError {
  override readonly name: string = "ApprovalMismatchError";
  declare readonly code: "APPROVAL_MISMATCH";
  constructor(fields: GuardErrorFields) {
    super("APPROVAL_MISMATCH", fields);
  }
}

/** The one-time grant was used by another call. */
export class ApprovalConsumedError extends GuardError {
  override readonly name: string = "ApprovalConsumedError";
  declare readonly code: "APPROVAL_CONSUMED";
  constructor(fields: GuardErrorFields) {
    super("APPROVAL_CONSUMED", fields);
  }
}

/** A decision came too late: the approval is over, or was decided in another way. `state` says how it stands. */
export class ApprovalNotPendingError extends GuardError {
  override readonly name: string = "ApprovalNotPendingError";
  declare readonly code: "APPROVAL_NOT_PENDING";
  /** State of the approval, such as `approved`, `denied` or `cancelled`. */
  readonly state: string;
  constructor(fields: GuardErrorFields & { readonly state: string }) {
    super("APPROVAL_NOT_PENDING", fields);
    this.state = fields.state;
  }
}

/** Nobody can be asked, or asking failed; the request is refused. */
export class ApprovalUnavailableError extends GuardError {
  override readonly name: string = "ApprovalUnavailableError";
  declare readonly code: "APPROVAL_UNAVAILABLE";
  constructor(fields: GuardErrorFields) {
    super("APPROVAL_UNAVAILABLE", fields);
  }
}

/** A repeat of a tool call asked for a request that an earlier execution of it has sent. */
export class AlreadySentError extends GuardError {
  override readonly name: string = "AlreadySentError";
  declare readonly code: "ALREADY_SENT";
  /** Status of the earlier response; absent where its outcome is not known. */
  readonly status: number | undefined;
  /** The earlier response as the caller got it, masked; absent where it was not kept. */
  readonly response: Response | undefined;
  constructor(fields: GuardErrorFields & { readonly status?: number; readonly response?: Response }) {
    super("ALREADY_SENT", fields);
    this.status = fields.status;
    // Not enumerable: an error is logged, and a response is data.
    Object.defineProperty(this, "response", { value: fields.response, enumerable: false });
  }
}

/** No record, no request. `path` names the file that could not be written; `systemCode` is the error code of the operating system. */
export class AuditUnavailableError extends GuardError {
  override readonly name: string = "AuditUnavailableError";
  declare readonly code: "AUDIT_UNAVAILABLE";
  readonly path: string;
  readonly systemCode: string;
  /** `repair` is a sentence that says what to do. */
  constructor(
    path: string,
    systemCode: string,
    {
      repair = "Check the rights and the free space of its directory.",
      ...fields
    }: GuardErrorFields & { readonly repair?: string } = {},
  ) {
    super("AUDIT_UNAVAILABLE", {
      ...fields,
      message: `The record could not be written to ${path} (${systemCode}), so nothing was sent. ${repair}`,
      modelReason: "the record of the request could not be written",
    });
    this.path = path;
    this.systemCode = systemCode;
  }
}

/** The request was sent and its outcome could not be recorded; the response is withheld. */
export class AuditIncompleteError extends GuardError {
  override readonly name: string = "AuditIncompleteError";
  declare readonly code: "AUDIT_INCOMPLETE";
  constructor(fields: GuardErrorFields = {}) {
    super("AUDIT_INCOMPLETE", { ...fields, sent: true });
  }
}

/** True for a {@link GuardError} of this or another copy of the package. */
export function isGuardError(value: unknown): value is GuardError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}
