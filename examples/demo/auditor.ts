import { generateKeyPairSync, sign } from "node:crypto";
import type { AuditSigner } from "sallyport/audit";
import { formatVerifierKey } from "../../src/audit/note.js";

/** Who signs the record, and the public half that the auditor was given before anything happened. */
export interface AuditKey {
  readonly signer: AuditSigner;
  /** A verifier key line (`name+id+key`). */
  readonly verifierKey: string;
}

/** A key pair whose private half is in memory only: not beside the record, where a forger would look for it. */
export function createAuditKey(): AuditKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  const signer: AuditSigner = {
    keyName: "sallyport-demo",
    publicKey: Buffer.from(x, "base64url"),
    sign: (message) => sign(null, message, privateKey),
  };
  return { signer, verifierKey: formatVerifierKey(signer) };
}
