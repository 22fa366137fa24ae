import type { ApprovalDeskOptions } from "./approval/index.js";
import type { AnchorSink, AuditSigner, AuditSink, FailureMode, SyncMode } from "./audit/index.js";
import type { CredentialProvider } from "./broker/index.js";
import type { OnDeny } from "./call/respond.js";
import type { Clock } from "./clock.js";
import type { IdentityVerifier } from "./identity/index.js";
import type { MaskerOptions, PlaceholderOptions } from "./masking/index.js";
import type { OperationalLog } from "./operational-log.js";
import type { Agent, Policy, PolicyDocument, Predicates, Principal } from "./policy/index.js";
import type { Session } from "./session.js";
import type { Store } from "./store/index.js";
import type { UndiciTransportOptions } from "./transport/index.js";

/** How people are asked; see `ApprovalDeskOptions` of `sallyport/approval` for each option and its default. */
export type ApprovalOptions = Partial<Omit<ApprovalDeskOptions, "clock" | "randomId" | "onEvent">> & {
  /**
   * How `session.fetch` says no. `throw` and `auto` throw a `GuardError`; `respond` answers 403 with a problem document. What
   * is asked of `session.createFetch` goes before. Default `auto`.
   */
  readonly onDeny?: "auto" | OnDeny;
};

/** Path of a JSON or YAML file, a document, or a compiled policy. */
export type PolicySource = string | URL | PolicyDocument | Policy;

/** A policy file that is read again when it changes. A version that does not load leaves the one before it in force. */
export interface WatchedPolicy {
  readonly file: string | URL;
  readonly watch: true;
}

/** How a guard is made. Only `policy` is needed; everything else has an embedded default that is safe. */
export interface GuardOptions {
  /** Path of a JSON or YAML file, a document, a compiled policy, or a file that is read again when it changes. */
  readonly policy: PolicySource | WatchedPolicy;
  /** Conditions in code, by the names that rules use; for policies given as file or document. They can only narrow. */
  readonly predicates?: Predicates;
  /** How long a predicate may take before it counts as a no, in milliseconds. Default 2,000. */
  readonly predicateTimeoutMs?: number;
  /** Verifies identity tokens, e.g. `oidcIdentity({ issuer, audience })`. Without it, sessions need a `principal`. */
  readonly identity?: IdentityVerifier;
  /** Credential providers, by the names that the policy uses. */
  readonly credentials?: Readonly<Record<string, CredentialProvider>>;
  /** How people are asked. Without `request`, what needs approval is denied. Times in milliseconds. */
  readonly approvals?: ApprovalOptions;
  /**
   * How answers are masked. Default: every detector, redacting. `unmaskable` says what happens to media types that cannot
   * be masked, such as images: `pass` (default) or `refuse`. `false` switches masking off.
   */
  readonly masking?:
    | (MaskerOptions & { readonly unmaskable?: "pass" | "refuse"; readonly placeholders?: PlaceholderOptions })
    | false;
  /**
   * Where the record goes (default `./audit`) and who signs it. `sync` says how sure an intent must be of the disk before
   * its request leaves: `os` survives the death of the process, `group` and `strict` that of the machine. Default: `os` for
   * GET, HEAD and OPTIONS, `group` for everything else. `anchors` are places elsewhere that get every signed head.
   */
  readonly audit?: {
    readonly directory?: string;
    readonly signer?: AuditSigner;
    readonly sync?: SyncMode;
    /** What happens when a line cannot be written. Default `deny`: nothing is sent. */
    readonly onFailure?: FailureMode;
    readonly anchors?: readonly AnchorSink[];
    /** Places beside the file that get every line. None of them can hold up or fail a request. */
    readonly sinks?: readonly AuditSink[];
    /** How many bytes of a body are kept where a rule records bodies. Default 262,144. */
    readonly captureBytes?: number;
  };
  /** Where approvals are kept and limits counted. Default: in memory. */
  readonly store?: Store;
  /**
   * Settings of the hardened transport, such as a resolver, certificates of an authority of your own and time-outs. `fetch`
   * replaces it, for tests: then addresses are not checked.
   */
  readonly transport?: UndiciTransportOptions | { readonly fetch: typeof globalThis.fetch };
  /** Where the guard reports on itself. Default: JSON lines on standard error, warnings and worse. */
  readonly log?: OperationalLog;
  /** The time. Default: the system's. */
  readonly clock?: Clock;
}

/** How a session is opened: with a token that proves the principal, or with a principal the host has authenticated. */
export type SessionOptions = {
  readonly agent: Agent;
  /** What the session is for, in the agent developer's words; in the record and before approvers. */
  readonly purpose: string;
  /** How long it may live: `"15m"`, or milliseconds. Default 15 minutes; never longer than the identity token. */
  readonly ttl?: string | number;
} & (
  | { readonly identityToken: string; readonly principal?: never; readonly parent?: never }
  | { readonly principal: Principal; readonly identityToken?: never; readonly parent?: never }
  /** A session whose agent hands on its task: the same principal, never longer, and it ends with its parent. */
  | { readonly parent: Session; readonly identityToken?: never; readonly principal?: never }
);
