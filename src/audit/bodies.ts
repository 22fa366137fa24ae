import { Buffer, isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AuditUnavailableError } from "../errors/guard-error.js";
import type { BodyFacts } from "./event.js";
import { type AuditFileSystem, systemCode } from "./file-system.js";
import type { LeakScanner } from "./leak-scan.js";

/** Text up to this size stands in the line itself. */
const INLINE_BYTES = 4096;
/** What is larger than this is compressed. */
const PLAIN_BYTES = 1024;
const SALT_BYTES = 32;
/** Below a session's directory. */
const BODIES = "bodies";

/** What a line says of where a body is kept. */
export type KeptBody = Pick<BodyFacts, "inline" | "blob" | "encoding">;

/** Keeps bodies of one session: short ones for their line, others beside the log. */
export interface BodyKeeper {
  /** The key of the fingerprints of bodies; the same for a whole audit directory, so that two bodies can be compared. */
  macKey(): Uint8Array;
  /**
   * Keeps bytes that were masked. Answers null where they hold a live secret all the same: then nothing is kept.
   *
   * @throws {AuditUnavailableError} where they could not be written.
   */
  keep(content: Uint8Array): KeptBody | null;
}

/** What a keeper needs of its writer. */
export interface KeeperParts {
  readonly fs: AuditFileSystem;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly scanner: LeakScanner | undefined;
  readonly macKey: () => Uint8Array;
}

export function createBodyKeeper(sessionDirectory: string, parts: KeeperParts): BodyKeeper {
  const { fs, scanner } = parts;
  const made = new Set<string>();
  const makeDirectory = (path: string): void => {
    if (made.has(path)) return;
    try {
      fs.makeDirectory(path);
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
    made.add(path);
  };
  const write = (path: string, bytes: Uint8Array): void => {
    const file = fs.createFile(path);
    try {
      for (let done = 0; done < bytes.length; ) done += fs.write(file, bytes.subarray(done));
    } catch (error) {
      fs.remove(path);
      throw error;
    } finally {
      fs.close(file);
    }
  };
  const keepBeside = (content: Uint8Array): KeptBody => {
    const gzip = content.length > PLAIN_BYTES;
    const stored = gzip ? gzipSync(content, { level: 1 }) : content;
    const salt = parts.randomBytes(SALT_BYTES);
    const commitment = commitmentOf(salt, stored);
    const place = placeOf(sessionDirectory, commitment);
    makeDirectory(join(sessionDirectory, BODIES));
    makeDirectory(join(sessionDirectory, BODIES, commitment.slice(0, 2)));
    write(place.salt, salt);
    write(place.blob, stored);
    return { blob: commitment, encoding: gzip ? "gzip" : "identity" };
  };
  return {
    macKey: parts.macKey,
    keep(content) {
      const isText = isUtf8(content);
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
      if (scanner?.finds(bytes.toString(isText ? "utf8" : "latin1")) === true) return null;
      if (content.length === 0) return {};
      if (isText && content.length <= INLINE_BYTES) return { inline: bytes.toString("utf8"), encoding: "utf8" };
      try {
        return keepBeside(content);
      } catch (error) {
        throw new AuditUnavailableError(join(sessionDirectory, BODIES), systemCode(error));
      }
    },
  };
}

/** Where the stored body with this commitment lies, and the salt that its commitment was made with. */
export function placeOf(
  sessionDirectory: string,
  commitment: string,
): { readonly blob: string; readonly salt: string } {
  const blob = join(sessionDirectory, BODIES, commitment.slice(0, 2), commitment);
  return { blob, salt: `${blob}.salt` };
}

/**
 * What a line says of a body beside the log: SHA-256 over a random salt and the stored bytes, in hex. Once salt and bytes
 * are erased, it tells nobody what they were, not even somebody who guesses.
 */
export function commitmentOf(salt: Uint8Array, stored: Uint8Array): string {
  return createHash("sha256").update(salt).update(stored).digest("hex");
}
