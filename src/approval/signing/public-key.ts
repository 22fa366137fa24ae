import { createPublicKey, type JsonWebKeyInput } from "node:crypto";
import { isObject } from "../../shapes/index.js";

/** Which key each algorithm is for (RFC 7518 section 3.1, RFC 8037). */
const KEYS: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
  RS256: "RSA",
  RS384: "RSA",
  RS512: "RSA",
  PS256: "RSA",
  PS384: "RSA",
  PS512: "RSA",
};
const LEAST_RSA_BITS = 2048;

/** What is wrong with a JWK that decisions are to be verified with, or null: told when it is configured, not at the first yes. */
export function keyProblem(jwk: unknown): { readonly at: string; readonly message: string } | null {
  if (!isObject(jwk)) return { at: "", message: "must be a JSON Web Key" };
  const { alg, kty, crv, use } = jwk;
  if (typeof alg !== "string" || !Object.hasOwn(KEYS, alg))
    return { at: "/alg", message: `must be one of ${Object.keys(KEYS).join(", ")}` };
  if (jwk["d"] !== undefined || jwk["k"] !== undefined) return { at: "", message: "must be a public key" };
  if (use !== undefined && use !== "sig") return { at: "/use", message: 'must be "sig"' };
  if (KEYS[alg] !== (kty === "RSA" ? kty : crv)) return { at: "", message: `must be a key for ${alg}` };
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk as JsonWebKeyInput["key"], format: "jwk" });
    const { modulusLength = LEAST_RSA_BITS } = asymmetricKeyDetails ?? {};
    return modulusLength < LEAST_RSA_BITS ? { at: "", message: "must have 2048 bits at least" } : null;
  } catch {
    return { at: "", message: "is no key" };
  }
}
