import { AuditUnavailableError } from "../../errors/guard-error.js";
import type { BodyKeeper } from "../bodies.js";
import { type AuditEvent, EVENT_TYPES } from "../event.js";
import type { Warn } from "../warnings.js";
import { Backlog, type FailureMode } from "./backlog.js";
import type { ChainLog } from "./chain-log.js";
import { GatheredLines } from "./gathered-lines.js";
import type { SyncMode } from "./segment.js";

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
   * The same, and with many calls under way the lines of several are written together: what is returned then resolves once
   * this one is on disk, and rejects where `append` would throw. `undefined` where it is on disk already.
   */
  appendSoon(event: AuditEvent): Promise<void> | undefined;
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
/** With fewer calls under way, waiting for others costs more than it saves. */
const MANY = 4;
const OUTCOMES = new Set(["request.completed", "request.failed", "request.aborted"]);

/** Lines that are signed at once, because they are what somebody would want to be without. */
function isRisky(event: AuditEvent): boolean {
  if (event.type === "request.denied" || event.type === "approval.decided") return true;
  return OUTCOMES.has(event.type) && event.http !== undefined && !SAFE_METHODS.has(event.http.method);
}

export function createSessionLog({ log, bodies, mode, onFailure, warn, entrySynced, onEnd }: SessionParts): SessionLog {
  const backlog = new Backlog(onFailure, (event) => log.append(event.type, event, isRisky(event)), warn);
  const gathered = new GatheredLines(log, ({ type }) => {
    if (type === "request.intent") underWay--;
  });
  let underWay = 0;
  let unrecorded = 0;
  let isEnded = false;
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
    isEnded = true;
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

  const check = ({ type }: AuditEvent): void => {
    if (isEnded) throw new AuditUnavailableError(log.path, "CLOSED");
    if (!EVENT_TYPES.has(type)) throw new TypeError(`"${String(type)}" is not an event that can be appended`);
  };

  const append = (event: AuditEvent): number => {
    const seq = backlog.append(event);
    count(event);
    return seq;
  };

  const count = (event: AuditEvent): void => {
    if (event.type === "request.intent") underWay++;
    // One that was given up before its intent has its decision with it, and was never under way.
    else if (OUTCOMES.has(event.type) && event.decision === undefined) underWay--;
  };

  return {
    append(event) {
      check(event);
      return { seq: append(event) };
    },
    appendSoon(event) {
      check(event);
      // Where the log may go on without the record, what cannot be written is kept line by line.
      if (underWay < MANY || onFailure !== "deny") {
        append(event);
        return undefined;
      }
      count(event);
      return gathered.add({ type: event.type, fields: event, risky: isRisky(event) });
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
      ending ??= gathered.drained()?.then(() => end(reason)) ?? end(reason);
      return ending;
    },
  };
}
