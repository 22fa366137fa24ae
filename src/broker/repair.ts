import { type Challenge, readChallenges } from "./oauth/challenge.js";
import { normaliseScopes } from "./oauth/grant-request.js";

/** An answer of a service, as far as it speaks of the credential. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/**
 * What may help after a refusal. `nonce`: the same credential with a proof that holds the service's nonce. `renew`: another
 * credential. `widen`: these scopes, which are not the broker's to add: a rule and a person decide.
 */
export type Repair =
  | { readonly kind: "nonce" }
  | { readonly kind: "renew" }
  | { readonly kind: "widen"; readonly scopes: readonly string[] };

const MAX_SCOPES = 32;

/**
 * Reads a refusal (RFC 6750 §3.1, RFC 9449 §8). A 401 blames the credential where it has a Bearer or DPoP challenge
 * without an error, or with `invalid_token`; any other 401 (none, Basic only, one that cannot be read) says nothing about
 * it, and is a reason only where `anyRefusal` says so. No URL in a challenge is ever looked at.
 */
export function readRefusal(
  { status, headers }: ServiceAnswer,
  {
    bound,
    nonceHeard,
    anyRefusal,
  }: { readonly bound: boolean; readonly nonceHeard: boolean; readonly anyRefusal: boolean },
): Repair | null {
  if (status !== 401 && status !== 403) return null;
  const ours = readChallenges(valuesOf(headers, "www-authenticate")).filter(
    ({ scheme }) => scheme === "bearer" || scheme === "dpop",
  );
  const errors = new Set(ours.map(({ params }) => params.get("error")));
  if (status === 403) return errors.has("insufficient_scope") ? stepUp(ours) : null;
  if (bound && nonceHeard && errors.has("use_dpop_nonce")) return { kind: "nonce" };
  if (errors.has("use_dpop_nonce") || errors.has("invalid_dpop_proof")) return null;
  if (ours.some(({ params }) => [undefined, "invalid_token"].includes(params.get("error")))) return { kind: "renew" };
  return anyRefusal && ours.length === 0 ? { kind: "renew" } : null;
}

function stepUp(challenges: readonly Challenge[]): Repair | null {
  const stated = challenges.flatMap(({ params }) => params.get("scope") ?? []);
  try {
    const scopes = normaliseScopes(stated);
    return scopes.length === 0 || scopes.length > MAX_SCOPES ? null : { kind: "widen", scopes };
  } catch {
    return null;
  }
}

const valuesOf = (headers: ServiceAnswer["headers"], name: string): readonly string[] =>
  headers.flatMap(([key, value]) => (key.toLowerCase() === name ? [value] : []));

/** RFC 9449 §8.1: the nonce of an answer, also of one that succeeded; undefined where there is none, or two. */
export function nonceOf({ headers }: ServiceAnswer): string | undefined {
  const [nonce, ...others] = valuesOf(headers, "dpop-nonce");
  return others.length === 0 && nonce !== undefined && isNonce(nonce) ? nonce : undefined;
}

/** RFC 9449 §8.1, and short enough to be kept. */
export const isNonce = (text: string): boolean => text.length <= 512 && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text);
