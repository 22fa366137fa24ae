import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { AuditUnavailableError } from "../errors/guard-error.js";
import { readRegularFile, repairOf } from "../regular-file.js";
import { systemCode } from "./file-system.js";

/** Puts a secret into a file of its own, unless there is one. A second process sees all of it or nothing. */
export function placeSecret(path: string, temporary: string, content: string | Buffer): boolean {
  fs.writeFileSync(temporary, content, { mode: 0o600, flag: "wx" });
  try {
    fs.linkSync(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    fs.unlinkSync(temporary);
  }
}

const MAC_KEY = /^([0-9a-f]{64})\n?$/;

/**
 * The key of the fingerprints of bodies, in `mac.key` (64 hex digits), made at first use. Who has it can find out whether a
 * body was a guessed one; who has not, cannot.
 */
export function directoryMacKey(directory: string, unique: string): () => Uint8Array {
  const path = join(directory, "mac.key");
  let key: Uint8Array | undefined;
  return () => {
    key ??= readMacKey(path, unique);
    return key;
  };
}

function readMacKey(path: string, unique: string): Uint8Array {
  try {
    if (!fs.existsSync(path)) placeSecret(path, `${path}.${unique}`, `${randomBytes(32).toString("hex")}\n`);
    const [, hex] = MAC_KEY.exec(readSecret(path).toString("utf8")) ?? [];
    if (hex === undefined) throw Object.assign(new Error("no key"), { code: "KEY_MALFORMED" });
    return Buffer.from(hex, "hex");
  } catch (error) {
    throw secretFault(path, error);
  }
}

/** A key is no longer than this. */
const LONGEST_SECRET = 64 * 1024;
const OTHERS = 0o077;

/** A secret that nobody else may read or write: from a regular file, and not through a link. */
export const readSecret = (path: string): Buffer =>
  readRegularFile(path, { most: LONGEST_SECRET, noLinks: true, notFor: OTHERS });

/** Why a secret cannot be used, and for one that others have access to, how that is made right. */
export function secretFault(path: string, error: unknown): AuditUnavailableError {
  if (error instanceof AuditUnavailableError) return error;
  const code = systemCode(error);
  return new AuditUnavailableError(path, code, code === "FILE_EXPOSED" ? { repair: repairOf(path) } : {});
}
