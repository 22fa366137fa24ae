import type { Principal } from "../policy/context.js";

/** Who presented a token, and until when that is known. */
export interface VerifiedIdentity {
  readonly principal: Principal;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/**
 * Turns an identity token into a principal, or throws a `GuardError`: `IDENTITY_REFUSED` for a token that does not
 * verify, `IDENTITY_UNAVAILABLE` when that cannot be found out. No error carries the token.
 */
export interface IdentityVerifier {
  verify(
    token: string,
    options: {
      readonly signal: AbortSignal;
      /** Epoch milliseconds. */
      readonly now: number;
    },
  ): Promise<VerifiedIdentity>;
}
