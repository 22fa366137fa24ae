import { join } from "node:path";
import { AuditUnavailableError } from "../../errors/guard-error.js";
import { createBodyKeeper } from "../bodies.js";
import { identityText } from "../encode.js";
import type { SessionOpening } from "../event.js";
import { syncNames, systemCode } from "../file-system.js";
import type { AuditSigner } from "../note.js";
import { type AuditLogOptions, checkSession, checkSigner } from "../options.js";
import { ChainLog } from "./chain-log.js";
import { originOf } from "./line.js";
import type { WriterParts } from "./log-parts.js";
import { createSessionLog, type SessionEnd, type SessionLog } from "./recorded-session.js";
import { attempt, openWriter, type Writer } from "./writer.js";

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
  return createAuditLog(options.directory, await openWriter(options));
}

function createAuditLog(root: string, { directory, ledger, parts, close }: Writer): AuditLog {
  const sessions = new Map<SessionLog, ChainLog>();
  let closing: Promise<void> | undefined;

  const recordEnd = async (identity: string, session: SessionLog, end: SessionEnd): Promise<void> => {
    sessions.delete(session);
    ledger.append("session.closed", end, true, identity);
    await ledger.sync(parts.sync);
  };

  const closeAll = async (): Promise<void> => {
    const ends = await Promise.allSettled([...sessions.keys()].map((session) => session.close("log closed")));
    await close();
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
        onFailure: parts.onFailure,
        warn: parts.warn,
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
    rotateSigner(given) {
      const next = checkSigner(given);
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
  const { purpose, expiresAt, transport } = facts;
  const opening = { purpose, expires_at: expiresAt, ...(transport === undefined ? {} : { transport }) };
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
