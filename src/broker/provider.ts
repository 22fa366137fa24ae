import type { Agent, Principal } from "../policy/context.js";
import type { CredentialLease } from "./leases.js";
import type { DpopKey } from "./oauth/dpop.js";
import type { Secret } from "./secret.js";

/** Whom a credential is for. Held by the guard; agent code never gets one. */
export interface BrokerSession {
  readonly id: string;
  readonly principal: Principal;
  readonly agent: Agent;
  /** The token that proved the principal, for exchange (RFC 8693). */
  readonly subjectToken?: Secret;
  /** The agents that handed the task on to this one, outermost first. */
  readonly delegatedBy?: readonly Agent[];
}

/** One element of a rich authorization request (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a provider is asked for: already validated, frozen, scopes without duplicates and sorted. */
export interface GrantRequest {
  readonly service: string;
  /** The origins the credential will be bound to. */
  readonly origins: readonly string[];
  /** Whom the credential is meant for: an absolute URI (RFC 8707) or a name the authorization server knows. */
  readonly audience?: string;
  /** Empty: the server's default. */
  readonly scopes: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** The session's identity token, where it has one. */
  readonly subject?: Secret;
  /** Who acts: the session's agent. */
  readonly actor?: Agent;
  readonly session: BrokerSession;
  /** The session's key, for providers with `dpop`. */
  readonly dpop?: DpopKey;
}

/** Where in a request the credential goes. */
export type Placement =
  | {
      readonly in: "header";
      readonly name: string;
      /** Precedes the secret, e.g. `"Bearer "`. */
      readonly prefix: string;
    }
  | { readonly in: "query"; readonly name: string };

/** What a provider answers. */
export interface IssuedCredential {
  readonly secret: Secret;
  readonly placement: Placement;
  /** What was granted, not what was asked for. */
  readonly scope: readonly string[];
  /** True where the issuer knows no scopes, so that nothing can be compared. Default false. */
  readonly unscoped?: boolean;
  /** What was granted in detail (RFC 9396), where it was asked for. */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** True where it works only with proofs of the session's key. Default false. */
  readonly bound?: boolean;
  /** Milliseconds from the moment the provider was asked. 0: good for one use. The provider has applied its own cap. */
  readonly lifetimeMs: number;
  /** True where something else that was issued with it outlives it: then it is revoked also when it has expired. Default false. */
  readonly revokedWhenOver?: boolean;
  /** False where nobody could be told that it is no longer needed. */
  readonly revocable: boolean;
  readonly issuer?: string;
  readonly subject?: string;
  readonly audience?: string;
  /** What the issuer knows it by (a lease id), where that alone is enough to revoke it. No secret. */
  readonly lease?: string;
  /** Identifies the credential in records. Default: a digest of the secret; to be given where a digest could be guessed. */
  readonly kid?: string;
  /** Other spellings of the same secret that may turn up in an answer, e.g. the password inside a Basic header. */
  readonly forms?: readonly Secret[];
}

/** `not_revocable`: it lives on until it expires, and the record says so. */
export type RevocationOutcome = "revoked" | "not_revocable";

/**
 * Issues and revokes credentials of one kind. Failures are {@link CredentialError}s or other `GuardError`s; anything
 * else is taken for "unavailable", and nothing of it is shown, because errors of protocol libraries hold tokens.
 */
export interface CredentialProvider {
  /** Whether its credentials are bound to the session's key (RFC 9449): requests then have `dpop`. Default false. */
  readonly dpop?: boolean;
  /** Issues one credential. Called at most once at a time per key; must settle soon after `signal` aborts. */
  issue(request: GrantRequest, options: { readonly signal: AbortSignal }): Promise<IssuedCredential>;
  /** Tells the issuer that the credential is no longer needed (RFC 7009). */
  revoke?(credential: IssuedCredential, options: { readonly signal: AbortSignal }): Promise<RevocationOutcome>;
  /** Revokes what a process that died left behind, by its name alone: of the credential only the lease is left. */
  revokeLease?(lease: CredentialLease, options: { readonly signal: AbortSignal }): Promise<RevocationOutcome>;
  /** The long-lived secrets it knows now, e.g. a client secret: they are masked in answers and searched for in leak scans. */
  secrets?(): Iterable<string>;
  close?(): Promise<void>;
}
