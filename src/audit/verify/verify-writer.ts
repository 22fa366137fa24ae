import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../file-system.js";
import { originOf } from "../line.js";
import type { VerifierKey } from "../note.js";
import { SESSION_ID } from "../options.js";
import type { ParsedLine } from "./log-verifier.js";
import type { LogReport } from "./report.js";
import { isSegment, verifyLog } from "./verify-log.js";

/** What the ledger says of a session. `end` is there where the session was closed with a signature. */
interface Entry {
  end?: { readonly size: unknown; readonly root: unknown };
}

const LEDGER_PREFIX = "ledger-";

/** Verifies the ledger of one writer and the logs of its sessions against it. */
export async function verifyWriter(
  directory: string,
  writer: string,
  key: VerifierKey | undefined,
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<readonly LogReport[]> {
  const entries = new Map<string, Entry>();
  // The ledger first: a session that is opened while this runs is then one too many, never one too few.
  const ledger = await verifyLog(
    { directory, filePrefix: LEDGER_PREFIX, origin: originOf(writer), firstType: "log.opened", lastType: "log.closed" },
    { key, signal, onLine: (line) => note(entries, line) },
  );
  const listing = await list(directory);
  if (typeof listing === "string") return [ledger];
  const sessions = listing
    .filter((entry) => entry.isDirectory() && SESSION_ID.test(entry.name))
    .map((entry) => entry.name);
  for (const entry of listing) {
    if (entry.name === "lock") continue;
    if (sessions.includes(entry.name) || isSegment(entry.name, LEDGER_PREFIX)) continue;
    notes.push(`${writer}/${entry.name} is no part of a record and was not looked at`);
  }
  if (ledger.verdict !== "COMPLETE" && listing.some((entry) => entry.name === "lock")) {
    notes.push(`${writer} still holds its lock: it is running, or it ended without closing its record`);
  }
  const reports: LogReport[] = [judgeLedger(ledger, listing, sessions)];
  for (const session of sessions.sort()) {
    const report = await verifyLog(
      {
        directory: join(directory, session),
        filePrefix: "",
        origin: originOf(writer, session),
        session,
        firstType: "session.opened",
        lastType: "session.closed",
      },
      { key, signal },
    );
    reports.push(compare(report, entries.get(session), ledger));
    entries.delete(session);
  }
  for (const session of entries.keys()) reports.push(missing(writer, session));
  return reports;
}

/** A writer makes its ledger before anything else, so sessions without one did not come about by themselves. */
function judgeLedger(ledger: LogReport, listing: readonly Dirent[], sessions: readonly string[]): LogReport {
  const present = listing.some((entry) => isSegment(entry.name, LEDGER_PREFIX));
  if (present && (ledger.lines > 0 || sessions.length === 0)) return ledger;
  if (sessions.length === 0) return ledger;
  return invalid(ledger, "the ledger of these sessions is missing");
}

function note(entries: Map<string, Entry>, line: ParsedLine): void {
  const { type, session_id: session } = line;
  if (typeof session !== "string") return;
  if (type === "session.opened") entries.set(session, {});
  if (type === "session.closed" && line["final"] === true) {
    entries.set(session, { end: { size: line["size"], root: line["root"] } });
  }
}

function compare(report: LogReport, entry: Entry | undefined, ledger: LogReport): LogReport {
  if (report.verdict === "INVALID") return report;
  if (entry === undefined) {
    return ledger.verdict === "COMPLETE" ? invalid(report, "the ledger, which is complete, does not know it") : report;
  }
  if (report.lines === 0) return invalid(report, "the ledger says it was opened, and nothing is left of it");
  const { end } = entry;
  if (end === undefined || report.verdict === "CANNOT_VERIFY") return report;
  if (report.head?.size === end.size && report.head?.root === end.root) return report;
  return invalid(
    report,
    `the ledger says it was closed at ${String(end.size).slice(0, 20)} lines; these are others, or fewer`,
  );
}

function missing(writer: string, session: string): LogReport {
  const log = originOf(writer, session);
  const reason = "the ledger says it was opened, and it is not there";
  return { log, verdict: "INVALID", lines: 0, unsigned: 0, tornBytes: 0, problem: { reason } };
}

function invalid(report: LogReport, reason: string): LogReport {
  return { ...report, verdict: "INVALID", problem: { reason, seq: report.lines } };
}

async function list(directory: string): Promise<readonly Dirent[] | string> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    return systemCode(error);
  }
}
