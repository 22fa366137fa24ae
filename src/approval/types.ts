import type { Pins } from "../policy/pins.js";
import type { QuorumState } from "./votes/quorum.js";

/** Who a request is for. All of it is what the guard verified, none of it what the agent says. */
export interface ApprovalSubject {
  readonly tenant: string;
  readonly agent: string;
  /** Id of the person the agent acts for. */
  readonly onBehalfOf?: string;
  /** Who vouches for that id, and what it is: the same id of another issuer is somebody else. */
  readonly issuer?: string;
  readonly type?: string;
  /** The agents that handed the task on, outermost first. */
  readonly delegatedBy?: readonly string[];
  /** Further ids that count as the requester: the person's e-mail address, the agents that handed the task on. */
  readonly aliases?: readonly string[];
  readonly runId?: string;
  readonly toolCallId?: string;
}

/** A placeholder in a request. Nobody who is asked gets to know the value that is sent in its place. */
export interface ApprovalPlaceholder {
  /** As it stands in query and body: `[[tok:KIND:…:…]]`. */
  readonly placeholder: string;
  /** What the value is, as the detector or path that found it says: `EMAIL`. */
  readonly kind: string;
  /** Origins whose responses held the value. */
  readonly origins: readonly string[];
  /** Where it stands: `body /to`, `query to`, `form to`. */
  readonly place: string;
}

/** What would be sent. Text fields are masked already; nothing here is a secret. */
export interface ApprovalHttp {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly contentType?: string;
  /** The header fields that the fingerprint covers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    /** Size of the whole body. */
    readonly bytes: number;
    readonly sha256: string;
    /** Masked text of the body, or of its beginning. At most 16,384 characters are kept. */
    readonly preview: string;
    readonly truncated: boolean;
  };
  /** Where values would be sent that are shown as placeholders. Absent: nowhere. */
  readonly placeholders?: readonly ApprovalPlaceholder[];
}

/** Why a person is asked. */
export interface ApprovalWhy {
  readonly ruleId: string;
  /** Digest of the policy that asks. An approval given under another policy does not count. */
  readonly policyDigest: string;
  readonly reason?: string;
  readonly risk?: "low" | "medium" | "high";
  readonly matched?: readonly string[];
}

/** What the guard hands to the desk. */
export interface ApprovalDraft {
  readonly sessionId: string;
  readonly fingerprint: string;
  readonly subject: ApprovalSubject;
  readonly http: ApprovalHttp;
  readonly why: ApprovalWhy;
  /** Of the call that asks, for the record. */
  readonly requestId?: string;
  /** The agent's own words. Shown as its claim, never alone. At most 1,024 characters are kept. */
  readonly agentReason?: string;
  /** Who may decide: ids, or `group:name`. Absent: anyone but the requester. */
  readonly approvers?: readonly string[];
  /** The purpose that the approval belongs to. Absent: sessions with any purpose find it. */
  readonly purpose?: string;
}

/** What the approver is asked. Frozen, all the way down. */
export interface ApprovalRequest {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; an answer after this is not a yes. */
  readonly expiresAt: string;
  /** How many calls have asked for it so far. */
  readonly attempt: number;
  readonly fingerprint: string;
  readonly subject: ApprovalSubject;
  readonly http: ApprovalHttp;
  readonly why: ApprovalWhy;
  readonly agentReason?: string;
  readonly approvers?: readonly string[];
  /** Who must say yes, and who has. */
  readonly quorum: QuorumState;
  /** What a yes would be good for. */
  readonly grant: {
    readonly uses: number;
    readonly ttlMs: number;
    /** Where in the body the requests of this yes may differ from the one that is shown. Absent: nowhere. */
    readonly vary?: readonly string[];
  };
  /** 0 when it is first asked. */
  readonly reminderNo: number;
  /** Who is asked because reminders did not help. */
  readonly escalatedTo?: string;
}

/** A person, as a channel proved it: never a name that a payload claims. */
export interface Approver {
  readonly id: string;
  /** Who vouches for `id`: an issuer, a directory, `terminal`. */
  readonly idp: string;
  readonly groups?: readonly string[];
  readonly authTime?: string;
  readonly acr?: string;
}

/** One answer by one person about one request. */
export interface ApprovalDecision {
  readonly approvalId: string;
  readonly fingerprint: string;
  readonly verdict: "approve" | "deny";
  readonly by: Approver;
  /** ISO 8601; for the record. Expiry is judged by when the answer arrives. */
  readonly at: string;
  /** Unique per answer: the same answer delivered twice counts once. */
  readonly nonce: string;
  /** Shown to the operator and, for a denial, to the model. */
  readonly reason?: string;
  /**
   * A shorter life for the grant, fewer uses, and, where the rule lets requests differ, what is allowed there. None of it can
   * be made more than the rule gives.
   */
  readonly grant?: { readonly uses: number; readonly ttlMs: number; readonly pins?: Pins };
  /** Past the quorum and the list of approvers: only for those whom `emergency.from` names, and with a reason. */
  readonly emergency?: true;
  /** Detached JWS (RFC 7515 appendix F) over the RFC 8785 form of all other members. */
  readonly proof?: string;
}

/**
 * What a callback answers. `pending`: the person was told, and the answer comes later through `desk.decide`. With `hold: false`
 * nobody expects it soon, and the calls that wait are refused with `APPROVAL_PENDING` at once.
 */
export type ApprovalReply =
  | { readonly kind: "decision"; readonly decision: ApprovalDecision }
  | { readonly kind: "pending"; readonly hold?: false };

/** Help for a callback: complete answers about the request it was given. */
export interface ApprovalControl {
  /** Aborts when the answer no longer matters: decided elsewhere, expired, cancelled, or closed. */
  readonly signal: AbortSignal;
  approve(
    by: Approver,
    details?: {
      readonly reason?: string;
      readonly ttlMs?: number;
      readonly uses?: number;
      readonly pins?: Pins;
      readonly emergency?: true;
    },
  ): ApprovalReply;
  deny(by: Approver, details?: { readonly reason?: string }): ApprovalReply;
  pending(options?: { readonly hold?: false }): ApprovalReply;
}

/**
 * Asks a person. Anything but a well-formed answer about exactly this request, an exception included, is an error and
 * never a yes.
 */
export type ApprovalCallback = ((request: ApprovalRequest, control: ApprovalControl) => Promise<ApprovalReply>) & {
  /**
   * Whether the question is in this process and ends with it, as at a terminal. Then it is asked again, when the call is
   * repeated, where it was asked by a process that is no more, or where it answered `pending`, as a device that gave up.
   * Default: it is somewhere that lasts, such as a chat.
   */
  readonly asksHere?: boolean;
};
