import fs from "node:fs";
import { join } from "node:path";
import { AuditUnavailableError } from "../errors.js";
import { AnchorQueue } from "./anchor-queue.js";
import { Ballast } from "./ballast.js";
import { createBodyKeeper } from "./bodies.js";
import { ChainLog, lineBuffer, type WriterParts } from "./chain-log.js";
import { identityText } from "./encode.js";
import type { SessionOpening } from "./event.js";
import { syncNames, systemCode } from "./file-system.js";
import { createIdSource } from "./ids.js";
import { createLeakScanner } from "./leak-scan.js";
import { originOf } from "./line.js";
import { takeLock } from "./lock.js";
import type { AuditSigner } from "./note.js";
import { type AuditLogOptions, type CheckedOptions, checkOptions, checkSession, checkSigner } from "./options.js";
import { createSessionLog, type SessionEnd, type SessionLog } from "./recorded-session.js";
import { recoverWriters } from "./recovery.js";
import { directoryMacKey } from "./secret-file.js";
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
  /**
   * Lets another key sign from now on. Old and new key sign the change in every open log, so that who pinned the old one can
   * go on to the new one.
   *
   * @throws {OptionsError} where `next` is no signer.
   * @throws {AuditUnavailableError} where one of the two does not sign.
   */
  rotateSigner(next: AuditSigner): void;
  /** Closes what is open, signs the end, lets go of the directory. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a new writer directory below `options.directory`. What writers that died left open there is ended first: what they
 * wrote is kept, and where it ends stays visible.
 *
 * @throws {OptionsError} with every wrong option.
 * @throws {AuditUnavailableError} where the directory cannot be written.
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const checked = checkOptions(options);
  const ids = createIdSource(checked.randomBytes);
  const writer = ids.next(checked.clock.now());
  const directory = join(checked.directory, writer);
  const parts = prepare(checked, directory, writer, ids);
  attempt(directory, () => parts.fs.makeDirectory(directory));
  const lock = join(directory, "lock");
  attempt(lock, () => takeLock(lock, parts.fs, parts.clock));
  const ledger = new ChainLog(parts, {
    directory,
    filePrefix: "ledger-",
    origin: originOf(writer),
    identity: "",
  });
  ledger.append("log.opened", { pid: process.pid }, true);
  parts.ballast.fill();
  if (parts.sync !== "os") {
    await ledger.sync(parts.sync);
    await syncNames(parts.fs, checked.directory, () => {});
  }
  await recoverWriters(checked.directory, parts);
  return createAuditLog(checked.directory, directory, lock, ledger, parts);
}

/** Writer parts, and what has to be closed with them. */
interface Prepared extends WriterParts {
  readonly anchors: readonly AnchorQueue[];
  readonly randomBytes: (count: number) => Uint8Array;
  readonly macKey: () => Uint8Array;
}

function prepare(checked: CheckedOptions, directory: string, writer: string, ids: WriterParts["ids"]): Prepared {
  const { clock, fs: files, sync, secrets } = checked;
  const warn = collapsingWarn(clock, checked.warn);
  attempt(checked.directory, () => fs.mkdirSync(checked.directory, { recursive: true, mode: 0o700 }));
  const anchors = checked.anchors.map((sink) => new AnchorQueue(sink, clock, warn));
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
    ballast: new Ballast(join(directory, "ballast"), files, checked.randomBytes, warn),
    onLine: undefined,
    onHead: (note) => {
      for (const queue of anchors) queue.add(note);
    },
    buffer: lineBuffer(),
    anchors,
    randomBytes: checked.randomBytes,
    macKey: directoryMacKey(checked.directory, writer),
  };
}

function createAuditLog(root: string, directory: string, lock: string, ledger: ChainLog, parts: Prepared): AuditLog {
  const sessions = new Map<SessionLog, ChainLog>();
  let closing: Promise<void> | undefined;

  const recordEnd = async (identity: string, session: SessionLog, end: SessionEnd): Promise<void> => {
    sessions.delete(session);
    ledger.append("session.closed", end, true, identity);
    await ledger.sync(parts.sync);
  };

  const closeAll = async (): Promise<void> => {
    const ends = await Promise.allSettled([...sessions.keys()].map((session) => session.close("log closed")));
    try {
      ledger.append("log.closed", { reason: "closed" }, true);
      await ledger.sync(parts.sync);
    } finally {
      ledger.release();
      parts.ballast.remove();
      attempt(lock, () => parts.fs.remove(lock));
      await Promise.all(parts.anchors.map((queue) => queue.close()));
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
        bodies: createBodyKeeper(join(directory, facts.id), parts),
        mode: parts.sync,
        entrySynced: async () => {
          await syncNames(parts.fs, directory, () => {});
          await ledger.sync("group");
        },
        onEnd: (end) => recordEnd(identity, session, end),
      });
      sessions.set(session, log);
      return session;
    },
    policyLoaded(policy) {
      ledger.append("policy.loaded", { policy }, true);
    },
    rotateSigner(next) {
      checkSigner(next);
      if (closing !== undefined) throw new AuditUnavailableError(directory, "CLOSED");
      ledger.rotateSigner(next);
      parts.signer = next;
      for (const log of sessions.values()) log.rotateSigner(next);
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
