import type { IssuedCredential, RevocationOutcome } from "../provider.js";
import { Secret } from "../secret.js";
import type { IssuedToken } from "./issued-tokens.js";

type Revoke = (token: Secret, hint: IssuedToken["hint"], signal: AbortSignal) => Promise<RevocationOutcome>;

/** How a token is revoked that is not the provider's own credential: where it came from, and what it is. */
const revokers = new WeakMap<IssuedCredential, (signal: AbortSignal) => Promise<RevocationOutcome>>();

/** Tokens that are not used, as credentials to be taken into custody and revoked where they came from. */
export function unwanted(
  tokens: readonly IssuedToken[],
  issuer: string,
  lifetimeMs: number,
  revoke: Revoke,
): readonly IssuedCredential[] {
  return tokens.map(({ value, hint }) => {
    const secret = new Secret(value);
    const credential: IssuedCredential = Object.freeze({
      secret,
      placement: { in: "header", name: "authorization", prefix: "Bearer " } as const,
      scope: [],
      unscoped: true,
      lifetimeMs,
      revocable: true,
      issuer,
    });
    revokers.set(credential, (signal) => revoke(secret, hint, signal));
    return credential;
  });
}

/** A credential that came with a refresh token: nobody uses that, and it is revoked with the credential, or after its end. */
export function withRefreshToken(credential: IssuedCredential, refreshToken: Secret, revoke: Revoke): IssuedCredential {
  const whole: IssuedCredential = Object.freeze({ ...credential, revokedWhenOver: true });
  revokers.set(whole, async (signal) => {
    const outcome = await revoke(whole.secret, "access_token", signal);
    await revoke(refreshToken, "refresh_token", signal);
    return outcome;
  });
  return whole;
}

/** Revokes one of those; undefined for any other credential. */
export const revokeUnwanted = (
  credential: IssuedCredential,
  signal: AbortSignal,
): Promise<RevocationOutcome> | undefined => revokers.get(credential)?.(signal);
