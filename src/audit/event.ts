import type { Agent, Principal } from "../policy/context.js";

/** Header names and values in order; an array of pairs, because names repeat. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** The exchange. The log masks `url` and all header values that are not on its list, whatever the caller passes. */
export interface HttpFacts {
  readonly method: string;
  /** As the caller spelled it, where that differs. */
  readonly method_original?: string;
  readonly url: string;
  /** Path template of the rule or the API description. */
  readonly route?: string;
  readonly host: string;
  readonly port: number;
  /** The address that was connected to, after name resolution; through a proxy, the one it was asked for. */
  readonly peer_ip?: string;
  /** Host and port of the proxy in between. */
  readonly proxy?: string;
  readonly protocol?: string;
  readonly status?: number;
  readonly req_headers?: HeaderPairs;
  readonly res_headers?: HeaderPairs;
}

export type RecordedEffect = "allow" | "deny" | "require_approval";

/** What the policy said (`effect`) and what was done (`enforced`): two fields, because they differ in shadow mode. */
export interface DecisionFacts {
  readonly id: string;
  readonly effect: RecordedEffect;
  readonly enforced: RecordedEffect;
  readonly rule?: string;
  readonly reason: string;
  /** An error code of the library, where the decision is a refusal. */
  readonly code?: string;
  readonly policy_hash: string;
  readonly policy_version?: string;
}

/** `shown_hash` is the digest of what the approver saw. Times are epoch milliseconds. */
export interface ApprovalFacts {
  readonly id: string;
  readonly session_id?: string;
  readonly outcome?: "approved" | "denied" | "expired" | "cancelled" | "error";
  readonly approver?: string;
  readonly approver_type?: string;
  readonly channel?: string;
  readonly reason?: string;
  readonly uses?: number;
  readonly pins?: string;
  readonly shown_hash?: string;
  readonly terms?: string;
  readonly terms_hash?: string;
  readonly requested_at?: number;
  readonly expires_at?: number;
}

/** Identifiers of a credential, never its bytes. `exp` is epoch seconds, as in the token (RFC 7519 section 4.1.4). */
export interface CredentialFacts {
  readonly kid: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly audience?: string;
  readonly scope?: string;
  readonly exp?: number;
  readonly ttl_s?: number;
}

/** What masking did to the answer: class names and counts, no values. */
export interface MaskFacts {
  readonly applied: boolean;
  readonly counts?: Readonly<Record<string, number>>;
  readonly policy_hash?: string;
  readonly errors?: number;
}

/** Milliseconds. The wait for a person is kept apart from latency. */
export interface TimingFacts {
  readonly queue_ms?: number;
  readonly approval_ms?: number;
  readonly token_ms?: number;
  readonly ttfb_ms?: number;
  readonly total_ms?: number;
}

/**
 * A body, as far as the policy says to record it. `bytes` is its full length, `complete` whether its end was seen. At
 * `request`, `response` and `both`, its beginning was kept, masked: `captured` bytes, in `inline` or in the file that `blob`
 * names. `mac` is HMAC-SHA256 over all bytes as they were sent, before masking.
 */
export interface BodyFacts {
  /** `metadata` also where a body should have been kept and could not be masked, or nobody could look into it. */
  readonly level: "none" | "metadata" | "request" | "response" | "both";
  readonly bytes: number;
  readonly complete?: boolean;
  readonly media?: string;
  readonly captured?: number;
  readonly truncated?: boolean;
  readonly mac?: string;
  /** How the kept bytes are stored: `utf8` inline, `identity` or `gzip` in the file. */
  readonly encoding?: string;
  readonly inline?: string;
  /** SHA-256 over salt and stored bytes; also the name of their file below `bodies/`. */
  readonly blob?: string;
}

export interface ErrorFacts {
  readonly class: string;
  readonly code: string;
  readonly phase?: "dns" | "connect" | "tls" | "send" | "headers" | "body";
  readonly sent?: "yes" | "no" | "unknown";
}

/** What a detection rule found. `window_s` is in seconds; `suppressed` counts alerts like it that were held back. */
export interface AlertFacts {
  readonly rule: string;
  readonly version?: string;
  readonly severity?: string;
  readonly group?: string;
  readonly window_s?: number;
  readonly count?: number;
  readonly evidence?: readonly string[];
  readonly suppressed?: number;
}

/** Every field an event can have besides those the log fills itself. */
export interface EventFields {
  readonly request_id: string;
  /** 1 for the first try; retries and redirect hops of one request count on. */
  readonly attempt: number;
  readonly trace_id: string;
  readonly span_id: string;
  /** The delegation chain, outermost first. */
  readonly on_behalf_of: readonly string[];
  readonly run_id: string;
  readonly tool_call_id: string;
  readonly conversation_id: string;
  readonly http: HttpFacts;
  readonly timing: TimingFacts;
  readonly decision: DecisionFacts;
  readonly approval: ApprovalFacts;
  readonly credential: CredentialFacts;
  readonly mask: MaskFacts;
  readonly req_body: BodyFacts;
  readonly res_body: BodyFacts;
  readonly error: ErrorFacts;
  /** Names of request headers that were taken off before sending. */
  readonly dropped_headers: readonly string[];
  /** An alert, and the numbers of the lines that it rests on. */
  readonly alert: AlertFacts;
  readonly policy: { readonly id?: string; readonly hash: string };
}

type Event<Type extends string, Required extends keyof EventFields> = { readonly type: Type } & Pick<
  EventFields,
  Required
> &
  Partial<Omit<EventFields, Required>>;

/** One thing that happened, as callers report it. Field names and types are those of the line on disk. */
export type AuditEvent =
  | Event<"request.intent" | "request.denied", "request_id" | "http" | "decision">
  | Event<"request.completed", "request_id" | "http">
  | Event<"request.failed" | "request.aborted", "request_id" | "http" | "error">
  | Event<"request.outcome_unknown", "request_id">
  | Event<
      | "approval.requested"
      | "approval.joined"
      | "approval.voted"
      | "approval.overridden"
      | "approval.reminded"
      | "approval.decided"
      | "approval.late"
      | "approval.reserved",
      "request_id" | "approval"
    >
  | Event<"credential.issued" | "credential.expired" | "credential.revoked" | "credential.invalidated", "credential">
  | Event<"credential.scope_narrowed" | "credential.scope_widened", "credential">
  | Event<"credential.revocation_failed" | "credential.not_revocable", "credential">
  | Event<"credential.refused" | "credential.refresh_failed", "error">
  | Event<"alert.raised" | "alert.suppressed", "alert">
  | Event<"policy.loaded", "policy">;

export type AuditEventType = AuditEvent["type"];

/** The types a caller may append. The log's own (`session.*`, `log.*`) are not here: they prove beginnings and ends. */
export const EVENT_TYPES: ReadonlySet<string> = new Set([
  "request.intent",
  "request.completed",
  "request.failed",
  "request.aborted",
  "request.denied",
  "request.outcome_unknown",
  "approval.requested",
  "approval.joined",
  "approval.voted",
  "approval.overridden",
  "approval.reminded",
  "approval.decided",
  "approval.late",
  "approval.reserved",
  "credential.issued",
  "credential.refused",
  "credential.expired",
  "credential.revoked",
  "credential.invalidated",
  "credential.scope_narrowed",
  "credential.scope_widened",
  "credential.revocation_failed",
  "credential.not_revocable",
  "credential.refresh_failed",
  "alert.raised",
  "alert.suppressed",
  "policy.loaded",
] satisfies AuditEventType[]);

/** Who stands behind every line of a session. */
export interface SessionIdentity {
  readonly id: string;
  readonly principal: Principal;
  readonly agent: Agent;
  /** Who started it: a model (the default) or a person. */
  readonly initiator?: "ai" | "human";
}

/** Facts of a session's first line. `expiresAt` is epoch milliseconds. */
export interface SessionOpening extends SessionIdentity {
  readonly purpose: string;
  readonly expiresAt: number;
  /** Set where requests go through a fetch that the host has given: no address of theirs was checked. */
  readonly transport?: "fetch";
}
