import { Buffer } from "node:buffer";
import fs from "node:fs";
import { join } from "node:path";
import { AuditUnavailableError } from "../errors.js";
import { ChainLog, lineBuffer, syncNames, type WriterParts } from "./chain-log.js";
import { identityText } from "./encode.js";
import type { SessionOpening } from "./event.js";
import { systemCode } from "./file-system.js";
import { createIdSource } from "./ids.js";
import { createLeakScanner } from "./leak-scan.js";
import { originOf } from "./line.js";
import { type AuditLogOptions, type CheckedOptions, checkOptions, checkSession } from "./options.js";
import { createSessionLog, type SessionEnd, type SessionLog } from "./recorded-session.js";
import { directorySigner } from "./signer.js";
import { collapsingWarn } from "./warnings.js";

/** The record of one guard in one process: a ledger of its sessions, and a log for each of them. */
export interface AuditLog {
  readonly directory: string;
  /** The writer instance: name of its directory, and `boot` of its lines. */
  readonly writer: string;
  /**
   * Begins the record of a session.
   *
   * @throws {OptionsError} where the facts are incomplete.
   * @throws {AuditUnavailableError} where it could not be begun.
   */
  openSession(facts: SessionOpening): SessionLog;
  /** Notes in the ledger which policy decides from now on. */
  policyLoaded(policy: { readonly id?: string; readonly hash: string }): void;
  /** Closes what is open, signs the end, lets go of the directory. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a new writer directory below `options.directory`. Directories of earlier writers are never written to: what a
 * crash left behind stays as it is, for the verifier to judge.
 *
 * @throws {OptionsError} with every wrong option.
 * @throws {AuditUnavailableError} where the directory cannot be written.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const checked = checkOptions(options);
  const ids = createIdSource(checked.randomBytes);
  const writer = ids.next(checked.clock.now());
  const parts = prepare(checked, writer, ids);
  const directory = join(checked.directory, writer);
  attempt(directory, () => parts.fs.makeDirectory(directory));
  const lock = join(directory, "lock");
  takeLock(lock, parts);
  const ledger = new ChainLog(parts, {
    directory,
    filePrefix: "ledger-",
    origin: originOf(writer),
    identity: "",
  });
  ledger.append("log.opened", { pid: process.pid }, true);
  if (parts.sync !== "os") {
    await ledger.sync(parts.sync);
    await syncNames(parts.fs, checked.directory, () => {});
  }
  return createAuditLog(checked.directory, directory, lock, ledger, parts);
}

function prepare(checked: CheckedOptions, writer: string, ids: WriterParts["ids"]): WriterParts {
  const { clock, fs: files, sync, secrets } = checked;
  const warn = collapsingWarn(clock, checked.warn);
  attempt(checked.directory, () => fs.mkdirSync(checked.directory, { recursive: true, mode: 0o700 }));
  return {
    boot: writer,
    fs: files,
    clock,
    startedAt: clock.monotonic(),
    ids,
    signer: checked.signer ?? directorySigner(checked.directory, writer, (message) => warn(message, message)),
    scanner: secrets === undefined ? undefined : createLeakScanner(secrets),
    sync,
    warn,
    buffer: lineBuffer(),
  };
}

/** The lock is exclusive and holds who has it; the directory's random name already keeps others away. */
function takeLock(path: string, { fs: files, clock }: WriterParts): void {
  attempt(path, () => {
    const file = files.createFile(path);
    try {
      const started = new Date(clock.now()).toISOString();
      files.write(file, Buffer.from(`${JSON.stringify({ pid: process.pid, started })}\n`));
    } finally {
      files.close(file);
    }
  });
}

function createAuditLog(root: string, directory: string, lock: string, ledger: ChainLog, parts: WriterParts): AuditLog {
  const sessions = new Set<SessionLog>();
  let closing: Promise<void> | undefined;

  const recordEnd = async (identity: string, session: SessionLog, end: SessionEnd): Promise<void> => {
    sessions.delete(session);
    ledger.append("session.closed", end, true, identity);
    await ledger.sync(parts.sync);
  };

  const closeAll = async (): Promise<void> => {
    const ends = await Promise.allSettled([...sessions].map((session) => session.close("log closed")));
    try {
      ledger.append("log.closed", { reason: "closed" }, true);
      await ledger.sync(parts.sync);
    } finally {
      ledger.release();
      attempt(lock, () => parts.fs.remove(lock));
    }
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  };

  return {
    directory: root,
    writer: parts.boot,
    openSession(facts) {
      checkSession(facts);
      if (closing !== undefined) throw new AuditUnavailableError(directory, "CLOSED");
      const identity = identityText(facts, parts.scanner);
      const log = beginSession(facts, identity, directory, ledger, parts);
      const session = createSessionLog({
        log,
        mode: parts.sync,
        entrySynced: async () => {
          await syncNames(parts.fs, directory, () => {});
          await ledger.sync("group");
        },
        onEnd: (end) => recordEnd(identity, session, end),
      });
      sessions.add(session);
      return session;
    },
    policyLoaded(policy) {
      ledger.append("policy.loaded", { policy }, true);
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

/**
 * First the session's own log, then the ledger's entry: after a crash in between, a session is there that the unfinished
 * ledger does not know, and not the other way round, which is how a deleted session looks.
 */
function beginSession(
  facts: SessionOpening,
  identity: string,
  writerDirectory: string,
  ledger: ChainLog,
  parts: WriterParts,
): ChainLog {
  const directory = join(writerDirectory, facts.id);
  const opening = { purpose: facts.purpose, expires_at: facts.expiresAt };
  attempt(directory, () => parts.fs.makeDirectory(directory));
  let log: ChainLog | undefined;
  try {
    log = new ChainLog(parts, { directory, filePrefix: "", origin: originOf(parts.boot, facts.id), identity });
    log.append("session.opened", opening, true);
    ledger.append("session.opened", opening, true, identity);
    return log;
  } catch (error) {
    discard(log, directory, parts);
    throw error;
  }
}

/** A session that could not be entered in the ledger must not look like one that was smuggled in. */
function discard(log: ChainLog | undefined, directory: string, parts: WriterParts): void {
  try {
    log?.release();
    if (log !== undefined) parts.fs.remove(log.path);
    parts.fs.removeDirectory(directory);
  } catch (error) {
    parts.warn("discard", `The session directory ${directory} could not be removed (${systemCode(error)}).`);
  }
}

function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw error instanceof AuditUnavailableError ? error : new AuditUnavailableError(path, systemCode(error));
  }
}
