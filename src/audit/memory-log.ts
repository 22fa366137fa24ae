import type { Clock } from "../clock.js";
import { AuditUnavailableError } from "../errors/guard-error.js";
import type { BodyKeeper } from "./bodies.js";
import { encodeFields, identityText, MAX_LINE_BYTES } from "./encode.js";
import type { AuditEvent } from "./event.js";
import type { LogFields } from "./fields.js";
import { createLeakScanner, type NamedSecrets } from "./leak-scan.js";
import type { AuditLog } from "./writer/audit-log.js";
import type { SessionLog } from "./writer/recorded-session.js";

/** One line of a record, as it would stand in a file: bounded, masked and without live secrets. */
export interface RecordedEvent {
  readonly type: string;
  /** ISO 8601. */
  readonly time: string;
  readonly session_id?: string;
  readonly [field: string]: unknown;
}

/** A record in memory: for tests. It proves nothing, and is gone with its process. */
export interface MemoryAuditLog extends AuditLog {
  /** Every event so far, in order. */
  events(): readonly RecordedEvent[];
}

const NOWHERE = "(memory)";

/** Opens a record that is kept in memory only. */
export function openMemoryLog({
  clock,
  secrets,
}: {
  readonly clock: Clock;
  readonly secrets: NamedSecrets;
}): MemoryAuditLog {
  const scanner = createLeakScanner(secrets);
  const events: RecordedEvent[] = [];
  const open = new Set<SessionLog>();
  let isClosed = false;
  const write = (type: string, fields: Parameters<typeof encodeFields>[0], identity = ""): number => {
    if (isClosed) throw new AuditUnavailableError(NOWHERE, "CLOSED");
    const time = new Date(clock.now()).toISOString();
    const { text } = encodeFields(fields, MAX_LINE_BYTES, scanner);
    return events.push(JSON.parse(`{"type":"${type}","time":"${time}"${identity}${text}}`) as RecordedEvent) - 1;
  };
  return {
    directory: NOWHERE,
    writer: NOWHERE,
    openSession(facts) {
      const identity = identityText(facts, scanner);
      const { purpose, expiresAt, transport } = facts;
      write(
        "session.opened",
        { purpose, expires_at: expiresAt, ...(transport === undefined ? {} : { transport }) },
        identity,
      );
      let unrecorded = 0;
      let isOver = false;
      const append = (event: AuditEvent): { readonly seq: number } => {
        if (isOver) throw new AuditUnavailableError(NOWHERE, "CLOSED");
        return { seq: write(event.type, event, identity) };
      };
      const session: SessionLog = {
        append,
        appendSoon(event) {
          append(event);
          return undefined;
        },
        sync: async () => undefined,
        skip: () => void unrecorded++,
        bodies: bodiesInLine(scanner.finds),
        async close(reason) {
          if (isOver) return;
          isOver = true;
          open.delete(session);
          const end: Partial<LogFields> = unrecorded === 0 ? { reason } : { reason, unrecorded };
          write("session.closed", end, identity);
        },
      };
      open.add(session);
      return session;
    },
    policyLoaded: (policy) => void write("policy.loaded", { policy }),
    rotateSigner: () => undefined,
    async close() {
      for (const session of open) await session.close("log closed");
      isClosed = true;
    },
    events: () => [...events],
  };
}

/** Keeps bodies as text in their lines, whatever their length; lines are bounded all the same. */
const bodiesInLine = (holdsSecret: (text: string) => boolean): BodyKeeper => ({
  macKey: () => new Uint8Array(32),
  keep(content) {
    const text = new TextDecoder().decode(content);
    return holdsSecret(text) ? null : { inline: text, encoding: "utf8" };
  },
});
