import type { SettleOutcome } from "./record/grants.js";
import type { ApprovalRecord } from "./record/record.js";
import type { ApprovalState } from "./record/state.js";
import type { ApprovalDecision, ApprovalDraft, Approver } from "./types.js";

/** The right to send one request, once. */
export interface Grant {
  readonly approvalId: string;
  readonly approver: { readonly id: string; readonly idp: string };
  /** SHA-256 of the request as the approver was shown it. */
  readonly shownHash: string;
  /** ISO 8601. */
  readonly decidedAt: string;
  /**
   * Says what became of the request; only the first call counts. `released` only where provably nothing was sent: the
   * grant can then be used again. Whoever never says leaves the approval `unknown` after 15 minutes.
   */
  settle(outcome: SettleOutcome): Promise<void>;
}

/** How one call wants to be treated; what is absent comes from the desk's options. Times in milliseconds. */
export interface ObtainOptions {
  readonly signal: AbortSignal;
  readonly waitMs?: number;
  /** How long the person has to answer. */
  readonly expiresMs?: number;
  readonly grantTtlMs?: number;
  /** How many different people must say yes, where the desk's own quorum does not need as many. Default 1. */
  readonly quorum?: number;
  /** How often a yes may be used, one after the other. Default 1. */
  readonly uses?: number;
  /**
   * JSON Pointers of the body at which the requests of one yes may differ, and the body itself, to be held to what the person
   * allows there. The fingerprint of the draft leaves these places out.
   */
  readonly vary?: { readonly pointers: readonly string[]; readonly body: unknown };
}

/** Where calls wait for people. Never handed to an agent: whoever holds it can answer. */
export interface ApprovalDesk {
  /**
   * Resolves with a reserved one-time grant for exactly this fingerprint and subject. Identical calls share one question
   * and one grant: one call gets it, the others `ApprovalConsumedError`. A no answers identical calls for `denyCacheMs`.
   * After `waitMs` throws `ApprovalPendingError`; a later yes sends nothing by itself, the next identical call finds it.
   *
   * @throws ApprovalPendingError, ApprovalDeniedError, ApprovalExpiredError, ApprovalMismatchError, ApprovalConsumedError,
   * ApprovalUnavailableError; a GuardError with SESSION_CLOSED or GUARD_CLOSED; or the signal's reason.
   */
  obtain(draft: ApprovalDraft, options: ObtainOptions): Promise<Grant>;
  /**
   * Opens or joins the approval of a call, has people asked, and takes no grant. A call with the same draft finds it.
   *
   * @throws ApprovalUnavailableError; a GuardError with GUARD_CLOSED; or the signal's reason.
   */
  open(draft: ApprovalDraft, options: ObtainOptions): Promise<ApprovalRecord>;
  /**
   * Counts an answer that came from outside: a decision, or a one-time token. Where `verify` is configured, the token or the
   * decision's `proof` proves who gave it; otherwise the caller has. The same answer again is a no-op until the
   * grant is used. Where a no arrives together with a yes, the no wins.
   *
   * @throws ApprovalMismatchError (another request), ApprovalUnavailableError (malformed, or not theirs to decide),
   * ApprovalExpiredError (a yes too late), ApprovalConsumedError (a replay), ApprovalNotPendingError (any other state, which it
   * tells); none of them changes the approval.
   */
  decide(decision: ApprovalDecision | string): Promise<ApprovalRecord>;
  get(id: string): Promise<ApprovalRecord | undefined>;
  /** Newest first. */
  list(filter?: { readonly state?: ApprovalState }): Promise<readonly ApprovalRecord[]>;
  /** Takes a question back. Does nothing to one that was answered. */
  cancel(id: string, by: Approver): Promise<ApprovalRecord>;
  /** Takes a yes back before it is used; later it is recorded as too late. */
  revoke(id: string, by: Approver): Promise<ApprovalRecord>;
  /** Takes an unused yes back that was given under a policy that is no longer in force. */
  outdate(id: string): Promise<ApprovalRecord>;
  /** Resolves when the approval is no longer pending. */
  wait(id: string, options?: { readonly signal?: AbortSignal }): Promise<ApprovalRecord>;
  /** Lets time act on what is in the store already, also of processes that are no more: expiry, and reminders. Never rejects. */
  resume(): Promise<void>;
  /**
   * Refuses the session's waiting calls with SESSION_CLOSED. Its approvals stay: they belong to its principal and agent, and a
   * later session finds them.
   */
  closeSession(sessionId: string): void;
  /**
   * Takes back what these have asked for: pending approvals, and grants that are not used. Of a session, not what a call of
   * another session waits for at this moment.
   */
  withdraw(of: { readonly sessionId: string } | { readonly agent: string }): Promise<void>;
  /** Refuses all waiting calls with GUARD_CLOSED. Questions stay in the store, for whoever opens it next. */
  close(): Promise<void>;
}
