import { createHash, randomUUID } from "node:crypto";
import { CredentialError } from "../credential-error.js";
import { generateProofKey, type ProofSigner } from "./jose.js";

/** What a proof is about. */
export interface ProofClaims {
  readonly method: string;
  /** Query and fragment are left out of the proof (RFC 9449 §4.2). */
  readonly url: string;
  /** The token that is sent with it; its hash goes into the proof. */
  readonly accessToken?: string;
  readonly nonce?: string;
  /** Added to our clock, where the server's is known to differ. Seconds. */
  readonly clockSkew?: number;
}

/**
 * The key of one session (RFC 9449): its private half cannot be exported, and is gone with the session. A token that is
 * bound to it is useless to whoever has the token alone.
 */
export interface DpopKey {
  /** RFC 7638, SHA-256: what the token's `cnf.jkt` must be. */
  readonly thumbprint: string;
  /** A new proof, good for one request. Throws a {@link CredentialError} once the session has ended. */
  prove(claims: ProofClaims): Promise<string>;
}

/** A key as its owner holds it. */
export interface OwnedDpopKey extends DpopKey {
  /** Drops the private half. */
  destroy(): void;
}

/** Makes the key of a session. */
export async function createDpopKey(): Promise<OwnedDpopKey> {
  const made = await generateProofKey();
  const { thumbprint } = made;
  let signer: ProofSigner | undefined = made.sign;
  return Object.freeze({
    thumbprint,
    async prove({ method, url, accessToken, nonce, clockSkew = 0 }: ProofClaims): Promise<string> {
      if (signer === undefined) {
        throw new CredentialError("denied", { message: "The session has ended, and its key with it." });
      }
      const { origin, pathname } = new URL(url);
      return await signer({
        jti: randomUUID(),
        htm: method,
        htu: origin + pathname,
        iat: Math.floor(Date.now() / 1000) + clockSkew,
        ...(accessToken === undefined ? {} : { ath: sha256(accessToken) }),
        ...(nonce === undefined ? {} : { nonce }),
      });
    },
    destroy() {
      signer = undefined;
    },
  });
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("base64url");

const MAX_ORIGINS = 100;

/** The newest nonce of each origin: what one server said is never told another. */
export class NonceBook {
  readonly #nonces = new Map<string, string>();

  get(origin: string): string | undefined {
    return this.#nonces.get(origin);
  }

  note(origin: string, nonce: string): void {
    this.#nonces.delete(origin);
    this.#nonces.set(origin, nonce);
    if (this.#nonces.size <= MAX_ORIGINS) return;
    const [oldest] = this.#nonces.keys();
    if (oldest !== undefined) this.#nonces.delete(oldest);
  }
}
