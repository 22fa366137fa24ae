import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { sha256 } from "./tree.js";

/** Ed25519 in a signed note (https://c2sp.org/signed-note). */
const ED25519 = 0x01;
/** Two at a change of keys, else one. */
const MOST_SIGNATURES = 2;
const SIGNATURE_LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n$/;

/** A statement about a log: its first `size` lines have this tree root (https://c2sp.org/tlog-checkpoint). */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Signs tree heads. Anything that answers at once: an in-process key, or a native binding to a key store. */
export interface AuditSigner {
  /** Name in the verifier key: no space, no `+`. */
  readonly keyName: string;
  /** The 32 bytes of the Ed25519 public key. */
  readonly publicKey: Uint8Array;
  /** The 64 bytes of the Ed25519 signature (RFC 8032). May throw: lines go on unsigned, up to a limit. */
  sign(message: Uint8Array): Uint8Array;
}

/** What a signature is checked against. */
export interface VerifierKey {
  readonly name: string;
  readonly id: string;
  readonly key: KeyObject;
}

const keyId = (name: string, publicKey: Uint8Array): Buffer =>
  sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), publicKey])).subarray(0, 4);

/** `name+id+key`, the line that a signer hands to whoever verifies. */
export function formatVerifierKey(signer: Pick<AuditSigner, "keyName" | "publicKey">): string {
  const encoded = Buffer.concat([Buffer.of(ED25519), signer.publicKey]).toString("base64");
  return `${signer.keyName}+${keyId(signer.keyName, signer.publicKey).toString("hex")}+${encoded}`;
}

/** Reads a verifier key line; `undefined` where it is not one, or its id does not fit its key. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  const [, name = "", id = "", encoded = ""] = match ?? [];
  const bytes = strictBase64(encoded);
  if (bytes === undefined || bytes.length !== 33 || bytes[0] !== ED25519) return undefined;
  const publicKey = bytes.subarray(1);
  if (keyId(name, publicKey).toString("hex") !== id) return undefined;
  const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") };
  return { name, id, key: createPublicKey({ key: jwk, format: "jwk" }) };
}

/** The signed part of a note about a tree head. */
export function noteText(head: TreeHead): string {
  return `${head.origin}\n${head.size}\n${head.root.toString("base64")}\n`;
}

/** A note about a tree head, signed by each signer in turn. Throws what a signer throws. */
export function signNote(head: TreeHead, ...signers: readonly AuditSigner[]): string {
  const text = noteText(head);
  const lines = signers.map((signer) => {
    const bytes = Buffer.concat([keyId(signer.keyName, signer.publicKey), signer.sign(Buffer.from(text))]);
    return `\u2014 ${signer.keyName} ${bytes.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** One signature of a note: by whom, it says, and its bytes. */
export interface NoteSignature {
  readonly name: string;
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * The signatures under a note that says exactly `text`; `undefined` where it is not written as we write it. Canonical
 * Base64 only: bytes that no signature covers could be changed in the last line of a log without anybody noticing.
 */
export function noteSignatures(note: string, text: string): readonly NoteSignature[] | undefined {
  if (!note.startsWith(`${text}\n`)) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of note.slice(text.length + 1).split(/(?<=\n)/, MOST_SIGNATURES + 1)) {
    const [, name = "", encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = strictBase64(encoded);
    if (bytes === undefined || bytes.length !== 68) return undefined;
    signatures.push({ name, id: bytes.toString("hex", 0, 4), bytes: bytes.subarray(4) });
  }
  return signatures.length > MOST_SIGNATURES ? undefined : signatures;
}

/** Whether a signature over `text` was made by `key`. */
export function isSignedBy(signature: NoteSignature, text: string, key: VerifierKey): boolean {
  return (
    signature.name === key.name && signature.id === key.id && verify(null, Buffer.from(text), key.key, signature.bytes)
  );
}

function strictBase64(encoded: string): Buffer | undefined {
  const bytes = Buffer.from(encoded, "base64");
  return bytes.toString("base64") === encoded ? bytes : undefined;
}
