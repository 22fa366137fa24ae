import { canonicalJson } from "../../request/body/canonical-json.js";
import type { ApprovalDecision } from "../types.js";
import { type CryptoKey, type JWK, loadJose } from "./jose.js";
import { TOKEN_TYPE } from "./verify.js";

/** What a person's yes or no is signed with: a private key with its `alg`, or a shared secret for HS256. */
export type SigningKey = JWK | Uint8Array;

/** A decision that is to become a token. `by.idp` is the issuer, `nonce` the token's one-time id. */
export type TokenContent = Omit<ApprovalDecision, "at" | "proof"> & {
  /** Epoch milliseconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** Default `sallyport`. */
  readonly audience?: string;
};

/**
 * Signs a one-time token for `guard.approvals.decide`: for the systems of those who approve, never where agents run.
 * Whoever holds the token can decide with it, once.
 */
export async function signApprovalToken(content: TokenContent, key: SigningKey): Promise<string> {
  const { approvalId, fingerprint, verdict, by, nonce, reason, grant, emergency, issuedAt, expiresAt } = content;
  const claims = {
    approval: approvalId,
    fingerprint,
    verdict,
    groups: by.groups,
    auth_time: by.authTime,
    acr: by.acr,
    reason,
    grant,
    emergency,
  };
  const { SignJWT } = await loadJose();
  return new SignJWT(JSON.parse(JSON.stringify(claims)))
    .setProtectedHeader({ ...headerFor(key), typ: TOKEN_TYPE })
    .setIssuer(by.idp)
    .setAudience(content.audience ?? "sallyport")
    .setSubject(by.id)
    .setJti(nonce)
    .setIssuedAt(Math.floor(issuedAt / 1000))
    .setExpirationTime(Math.floor(expiresAt / 1000))
    .sign(await imported(key));
}

/** The decision with its `proof`. */
export async function signDecision(decision: ApprovalDecision, key: SigningKey): Promise<ApprovalDecision> {
  const { proof: _, ...rest } = decision;
  const payload = new TextEncoder().encode(canonicalJson(JSON.parse(JSON.stringify(rest))));
  const { CompactSign } = await loadJose();
  const jws = await new CompactSign(payload).setProtectedHeader(headerFor(key)).sign(await imported(key));
  const [header, , signature] = jws.split(".");
  return { ...rest, proof: `${header}..${signature}` };
}

const headerFor = (key: SigningKey): { readonly alg: string; readonly kid?: string } =>
  key instanceof Uint8Array
    ? { alg: "HS256" }
    : { alg: key.alg ?? "", ...(key.kid === undefined ? {} : { kid: key.kid }) };

const imported = async (key: SigningKey): Promise<CryptoKey | Uint8Array> =>
  key instanceof Uint8Array ? key : await (await loadJose()).importJWK(key);
