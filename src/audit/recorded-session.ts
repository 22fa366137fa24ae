import { AuditUnavailableError } from "../errors.js";
import { Backlog, type FailureMode } from "./backlog.js";
import type { BodyKeeper } from "./bodies.js";
import type { ChainLog } from "./chain-log.js";
import { type AuditEvent, EVENT_TYPES } from "./event.js";
import type { SyncMode } from "./segment.js";
import type { Warn } from "./warnings.js";

/** The record of one session. */
export interface SessionLog {
  /**
   * Writes one line, whole, before it returns; answers its number (-1 where the log may go on without, and has to). Safe against the death of the process from then on,
   * and of the machine once {@link SessionLog.sync} has resolved.
   *
   * @throws {AuditUnavailableError} where the line could not be written; nothing of it is left in the file.
   */
  append(event: AuditEvent): { readonly seq: number };
  /**
   * Waits for stable storage. `group`: callers share one fdatasync; `strict`: one of its own; `os`: does not wait.
   * Default: the log's mode.
   */
  sync(mode?: SyncMode): Promise<void>;
  /** Counts a request that the policy says not to record; the number stands in the session's last line. */
  skip(): void;
  /** Keeps bodies beside the lines. */
  readonly bodies: BodyKeeper;
  /** Ends the record: a last line, a signature over everything, an entry in the ledger. Idempotent. */
  close(reason: string): Promise<void>;
}

/** How a session ended, for the ledger. */
export interface SessionEnd {
  readonly reason: string;
  /** The last signed head of the session's log. */
  readonly size: number;
  readonly root: string;
  /** Whether that head covers a `session.closed`. */
  readonly final: boolean;
}

interface SessionParts {
  readonly log: ChainLog;
  readonly bodies: BodyKeeper;
  readonly mode: SyncMode;
  readonly onFailure: FailureMode;
  readonly warn: Warn;
  /** Resolves once the ledger's entry of this session, and its directory's name, are on stable storage. */
  readonly entrySynced: () => Promise<void>;
  readonly onEnd: (end: SessionEnd) => Promise<void>;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
const OUTCOMES = new Set(["request.completed", "request.failed", "request.aborted"]);

/** Lines that are signed at once, because they are what somebody would want to be without. */
function isRisky(event: AuditEvent): boolean {
  if (event.type === "request.denied" || event.type === "approval.decided") return true;
  return OUTCOMES.has(event.type) && event.http !== undefined && !SAFE_METHODS.has(event.http.method);
}

export function createSessionLog({ log, bodies, mode, onFailure, warn, entrySynced, onEnd }: SessionParts): SessionLog {
  const backlog = new Backlog(onFailure, (event) => log.append(event.type, event, isRisky(event)), warn);
  let unrecorded = 0;
  let ending: Promise<void> | undefined;
  let entry: Promise<void> | undefined;

  const syncEntry = (): Promise<void> => {
    entry ??= entrySynced().catch((error: unknown) => {
      entry = undefined;
      throw error;
    });
    return entry;
  };

  const end = async (reason: string): Promise<void> => {
    let final = false;
    try {
      backlog.flush();
      log.append("session.closed", unrecorded === 0 ? { reason } : { reason, unrecorded }, true);
      final = log.unsigned === 0;
      await log.sync(mode);
    } finally {
      log.release();
      const { size, root } = log.signedHead;
      await onEnd({ reason, size, root: root.toString("base64"), final });
    }
  };

  return {
    append(event) {
      if (ending !== undefined) throw new AuditUnavailableError(log.path, "CLOSED");
      if (!EVENT_TYPES.has(event.type))
        throw new TypeError(`"${String(event.type)}" is not an event that can be appended`);
      return { seq: backlog.append(event) };
    },
    async sync(requested = mode) {
      if (requested === "os") return;
      await backlog.settled(Promise.all([log.sync(requested), syncEntry()]).then(() => undefined));
    },
    skip() {
      unrecorded++;
    },
    bodies,
    close(reason) {
      ending ??= end(reason);
      return ending;
    },
  };
}
