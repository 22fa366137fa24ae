import { dirname, join } from "node:path";
import type { ParsedLine } from "../verify/parsed-line.js";
import { stateOf } from "../writer/lock.js";
import { listSessions, type RecordedSession, readSession } from "./timeline.js";

/**
 * `open`: it is running. `writer gone`: its process ended without closing it; the next guard will. `writer elsewhere`: open,
 * and its process is on another machine or in another container, so that nobody can tell from here.
 */
export type SessionState = "open" | "writer gone" | "writer elsewhere" | "closed" | "recovered";

/** What a record says of one session. */
export interface SessionSummary {
  readonly id: string;
  readonly log: string;
  readonly state: SessionState;
  /** Its first line, which says whose it is and what for; empty where it cannot be read. */
  readonly opening: ParsedLine;
  /** Time of its last line. */
  readonly lastAt: string;
  readonly lines: number;
  /** Requests that were about to be sent, of which there is no outcome. */
  readonly pending: number;
}

/** Requests whose outcome is waited for are counted up to here: whoever wrote the lines does not fill the memory. */
const MOST_PENDING = 100_000;

/** What there is of each session, oldest writer first. Looks, proves nothing. */
export async function* summariseSessions(directory: string): AsyncGenerator<SessionSummary> {
  for (const session of await listSessions(directory)) yield await summarise(session);
}

async function summarise(session: RecordedSession): Promise<SessionSummary> {
  const pending = new Set<string>();
  let opening: ParsedLine = {};
  let ended: SessionState | undefined;
  let lastAt = "";
  let lines = 0;
  await readSession(session, (found) => {
    if (!("parsed" in found)) return;
    const { type, time, request_id: request, attempt } = found.parsed;
    if (lines++ === 0) opening = found.parsed;
    if (typeof time === "string") lastAt = time;
    if (type === "session.closed") ended = "closed";
    if (type === "session.recovered") ended = "recovered";
    if (typeof type !== "string" || !type.startsWith("request.")) return;
    const key = `${String(request)} ${String(attempt)}`;
    if (type !== "request.intent") pending.delete(key);
    else if (pending.size < MOST_PENDING) pending.add(key);
  });
  const { id, log } = session;
  const state = ended ?? stateOfWriter(dirname(session.directory));
  return { id, log, state, opening, lastAt, lines, pending: pending.size };
}

function stateOfWriter(directory: string): SessionState {
  switch (stateOf(join(directory, "lock"))) {
    case "live":
      return "open";
    case "foreign":
      return "writer elsewhere";
    case "stale":
    case "none":
      return "writer gone";
  }
}
