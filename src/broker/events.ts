import type { AuthorizationDetail } from "./provider.js";

/** What every broker event says: identifiers, never a secret and never a caller's URL. */
export interface BrokerEventBase {
  /** Name of the credential as the policy uses it. */
  readonly credential: string;
  readonly service: string;
  readonly session: string;
  /** Id of the principal. */
  readonly principal: string;
  /** Id of the agent. */
  readonly agent: string;
}

/** What identifies one issued credential. */
export interface CredentialMark {
  /** Fingerprint of the secret. */
  readonly kid: string;
  /** What was granted. */
  readonly scope: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What may be said about a credential: nothing here is secret. */
export interface CredentialFacts extends CredentialMark {
  readonly issuer?: string;
  readonly subject?: string;
  readonly audience?: string;
  /** What was granted in detail (RFC 9396), where it was asked for. */
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  /** Whether it works only with proofs of the session's key (RFC 9449). */
  readonly bound: boolean;
  /** The whole lifetime, from the moment it was asked for. Milliseconds; 0 is one use. */
  readonly ttlMs: number;
}

/**
 * What happened to a credential. `refused` and `scope_widened` were not handed out; `scope_narrowed` was granted less than
 * asked for; `refresh_failed` leaves the old one in use until its hard point; `revocation_failed` and `not_revocable` name a
 * credential that lives until `expiresAt`.
 */
export type BrokerEvent =
  | (BrokerEventBase & CredentialMark & { readonly type: "issued" | "refreshed"; readonly ttlMs: number })
  | (BrokerEventBase &
      CredentialMark & { readonly type: "scope_narrowed" | "scope_widened"; readonly asked: readonly string[] })
  | (BrokerEventBase &
      CredentialMark & { readonly type: "revoked" | "revocation_failed" | "not_revocable" | "invalidated" })
  | (BrokerEventBase & {
      readonly type: "refused" | "unavailable" | "refresh_failed";
      /** The failure's reason, e.g. `subject_rejected`, or an error code. */
      readonly reason: string;
      /** What the authorization server said, bounded, plain, without anything token-like. For the operator only. */
      readonly detail?: string;
    });
