import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { AuditUnavailableError } from "../errors/guard-error.js";
import { readRegularFile } from "../regular-file.js";
import { type AuditSigner, formatVerifierKey } from "./note.js";
import { placeSecret, readSecret, secretFault } from "./secret-file.js";

const KEY_NAME = "sallyport-audit";
const LONGEST_KEY_FILE = 4096;

/**
 * The signer for development: an Ed25519 key pair in the audit directory, made at first use. Whoever can write the
 * directory can sign; give the guard a signer of its own where that matters.
 */
export function directorySigner(directory: string, unique: string, warn: (message: string) => void): AuditSigner {
  const keyPath = join(directory, "signer.key");
  try {
    const made = makeKey(keyPath, `${keyPath}.${unique}`);
    const signer = signerOf(createPrivateKey(readSecret(keyPath)));
    publish(join(directory, "signer.pub"), unique, `${formatVerifierKey(signer)}\n`);
    if (made)
      warn(`Made the signing key ${keyPath}. A key beside the record is for development: use \`audit.signer\`.`);
    return signer;
  } catch (error) {
    throw secretFault(keyPath, error);
  }
}

/** Makes the key unless there is one. */
function makeKey(path: string, temporary: string): boolean {
  if (fs.existsSync(path)) return false;
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  return placeSecret(path, temporary, pem);
}

/** Writes the public key; refuses where another one stands there, since verifiers would be misled. */
function publish(path: string, unique: string, line: string): void {
  if (!fs.existsSync(path)) {
    fs.writeFileSync(`${path}.${unique}`, line, { mode: 0o600, flag: "wx" });
    fs.renameSync(`${path}.${unique}`, path);
  }
  if (readRegularFile(path, { most: LONGEST_KEY_FILE, noLinks: true }).toString("utf8") !== line)
    throw new AuditUnavailableError(path, "KEY_MISMATCH");
}

function signerOf(key: KeyObject): AuditSigner {
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return {
    keyName: KEY_NAME,
    publicKey: Buffer.from(x, "base64url"),
    sign: (message) => sign(null, message, key),
  };
}
