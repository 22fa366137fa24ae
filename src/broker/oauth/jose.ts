import { createPrivateKey } from "node:crypto";
import type { CryptoKey, JWK, JWTPayload } from "jose";

/** Loaded by the first key: importing Sallyport should not take the time of what a guard may never need. */
const loadJose = (): Promise<typeof import("jose")> => import("jose");

/** A private key: a JWK, a PKCS #8 PEM text (with `algorithm`), or an already imported key. */
export interface SigningKeySource {
  readonly key: JWK | string | CryptoKey;
  /** Goes into the header of what is signed. Default: the JWK's `kid`. */
  readonly keyId?: string;
  /** JWS algorithm. Default: the JWK's `alg`, or the usual one for its type. */
  readonly algorithm?: string;
}

/** A key ready to sign. */
export interface SigningKey {
  readonly key: CryptoKey;
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

const BY_CURVE: Readonly<Record<string, string>> = {
  "P-256": "ES256",
  "P-384": "ES384",
  "P-521": "ES512",
  Ed25519: "EdDSA",
};

/** The algorithm that a key source states: the option, or the JWK's `alg`. */
export function statedAlgorithm({ algorithm, key }: SigningKeySource): string | undefined {
  if (algorithm !== undefined) return algorithm;
  return typeof key === "object" && "kty" in key && typeof key.alg === "string" ? key.alg : undefined;
}

/**
 * The name to sign under for a server that lists `supported` ones. What the key states counts; Ed25519 has two names, the
 * older of which (`EdDSA`, RFC 8037) nearly every server knows, and some only the newer one (RFC 9864).
 */
export function algorithmFor(
  source: SigningKeySource,
  { algorithm }: SigningKey,
  supported: readonly string[],
): string {
  const isEdwards = algorithm === "EdDSA" || algorithm === "Ed25519";
  if (statedAlgorithm(source) !== undefined || !isEdwards) return algorithm;
  return supported.includes("Ed25519") && !supported.includes("EdDSA") ? "Ed25519" : "EdDSA";
}

/** The algorithm a key source asks for, or undefined where it does not say. */
export function algorithmOf(source: SigningKeySource): string | undefined {
  const stated = statedAlgorithm(source);
  if (stated !== undefined) return stated;
  if (typeof source.key === "string") return undefined;
  if ("kty" in source.key) {
    return source.key.kty === "RSA" ? "RS256" : BY_CURVE[source.key.crv ?? ""];
  }
  const { name, hash, namedCurve } = (source.key as CryptoKey).algorithm as {
    name: string;
    hash?: { name: string };
    namedCurve?: string;
  };
  if (name === "ECDSA") return BY_CURVE[namedCurve ?? ""];
  if (name === "Ed25519") return "EdDSA";
  return `${name === "RSA-PSS" ? "PS" : "RS"}${hash?.name.slice(-3) ?? "256"}`;
}

/** Imports a key so that it cannot be exported again. */
export async function importSigningKey(source: SigningKeySource): Promise<SigningKey> {
  const algorithm = algorithmOf(source);
  if (algorithm === undefined) throw new TypeError("the key does not say its algorithm");
  const { key } = source;
  const keyId = source.keyId ?? (typeof key === "object" && "kid" in key ? key.kid : undefined);
  const { importJWK, importPKCS8 } = await loadJose();
  if (typeof key === "string") {
    return { key: await importPKCS8(asPkcs8(key), algorithm, { extractable: false }), algorithm, keyId };
  }
  if (!("kty" in key)) return { key: key as CryptoKey, algorithm, keyId };
  const imported = await importJWK(key, algorithm, { extractable: false });
  if (imported instanceof Uint8Array) throw new TypeError("the key is a symmetric one");
  return { key: imported, algorithm, keyId };
}

/** GitHub and openssl hand out keys in the older form (PKCS #1, SEC 1). */
const asPkcs8 = (pem: string): string =>
  /-----BEGIN (RSA|EC) PRIVATE KEY-----/.test(pem)
    ? createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }).toString()
    : pem;

/** Signs a short-lived JWT with our key: an actor token, for example. Times are epoch seconds. */
export async function signJwt(
  { key, algorithm, keyId }: SigningKey,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { SignJWT } = await loadJose();
  return await new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) })
    .sign(key);
}

/** Signs the claims of a DPoP proof. */
export type ProofSigner = (claims: Readonly<Record<string, unknown>>) => Promise<string>;

/** A new P-256 key whose private half is in a closure and cannot be exported even there. */
export async function generateProofKey(): Promise<{ readonly thumbprint: string; readonly sign: ProofSigner }> {
  const { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } = await loadJose();
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: false });
  const { kty, crv, x, y } = await exportJWK(publicKey);
  const jwk = { kty, crv, x, y } as JWK;
  return {
    thumbprint: await calculateJwkThumbprint(jwk, "sha256"),
    sign: (claims) =>
      new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).sign(privateKey),
  };
}

/** What a token says of itself. Its signature is for the resource server to verify: we only compare it with what we asked. */
export interface ReadableJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The header and claims of a JWT, or undefined for an opaque token. */
export function readJwt(token: string): ReadableJwt | undefined {
  const [first = "", second = "", ...rest] = token.split(".");
  if (rest.length !== 1) return undefined;
  try {
    return { header: jsonObjectOf(first), claims: jsonObjectOf(second) };
  } catch {
    return undefined;
  }
}

function jsonObjectOf(base64url: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(
    new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(base64url, "base64url")),
  );
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not a JSON object");
  return value as Readonly<Record<string, unknown>>;
}
