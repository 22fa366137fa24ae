import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../file-system.js";
import { SESSION_ID } from "../options.js";
import { originOf } from "../writer/line.js";
import type { AnchoredHead } from "./anchors.js";
import { BodyCheck } from "./bodies.js";
import type { Keyring } from "./keyring.js";
import { type LedgerEntry, LedgerFacts } from "./ledger-facts.js";
import { LEDGER_PREFIX, ledgerPlace, sessionPlace, TORN_SUFFIX } from "./places.js";
import type { LogReport } from "./report.js";
import { isSegment, verifyLog } from "./verify-log.js";

/** What a verification of several logs has in common. */
export interface Verification {
  readonly root: string;
  readonly keyring: Keyring;
  readonly anchors: ReadonlyMap<string, ReadonlyMap<number, AnchoredHead>>;
  readonly notes: string[];
  readonly signal: AbortSignal | undefined;
}

/** A writer whose ledger was read. */
export interface LedgerReport {
  readonly writer: string;
  readonly ledger: LogReport;
  readonly facts: LedgerFacts;
}

/** Verifies the ledger of one writer, and reads what it says. */
export async function verifyLedger(writer: string, verification: Verification): Promise<LedgerReport> {
  const { root, keyring, anchors, signal } = verification;
  const facts = new LedgerFacts();
  const place = ledgerPlace(root, writer);
  const judge = {
    keyring,
    anchored: anchors.get(place.origin),
    onLine: (line: Parameters<typeof facts.note>[0]) => facts.note(line),
  };
  return { writer, ledger: await verifyLog(place, judge, signal), facts };
}

/** What signed ledgers of the whole directory say was taken away on purpose. */
export interface Removals {
  readonly pruned: ReadonlySet<string>;
  readonly erased: ReadonlySet<string>;
}

/** Verifies the logs of a writer's sessions, and compares them with its ledger. */
export async function verifySessions(
  { writer, ledger, facts }: LedgerReport,
  removals: Removals,
  verification: Verification,
): Promise<readonly LogReport[]> {
  const { root, keyring, anchors, notes, signal } = verification;
  const listing = await list(join(root, writer));
  if (typeof listing === "string") return [ledger];
  const sessions = listing
    .filter((entry) => entry.isDirectory() && SESSION_ID.test(entry.name))
    .map((entry) => entry.name);
  noteStrangers(writer, listing, sessions, ledger, notes);
  const reports: LogReport[] = [judgeLedger(ledger, listing, sessions)];
  const entries = new Map(facts.entries);
  for (const session of sessions.sort()) {
    const place = sessionPlace(root, writer, session);
    const bodies = new BodyCheck(place, removals.erased);
    const anchored = anchors.get(place.origin);
    const report = await verifyLog(place, { keyring, anchored, onBody: (line) => bodies.check(line) }, signal);
    reports.push(compare(report, entries.get(session), ledger));
    const bodyReport = bodies.report();
    if (bodyReport !== undefined) reports.push(bodyReport);
    entries.delete(session);
  }
  for (const session of entries.keys()) reports.push(missing(originOf(writer, session), removals.pruned));
  return reports;
}

function noteStrangers(
  writer: string,
  listing: readonly Dirent[],
  sessions: readonly string[],
  ledger: LogReport,
  notes: string[],
): void {
  const isOurs = ({ name }: Dirent): boolean =>
    /^(?:lock(?:\.[0-9a-f-]+)?|ballast)$/.test(name) ||
    sessions.includes(name) ||
    isSegment(name, LEDGER_PREFIX) ||
    (name.endsWith(TORN_SUFFIX) && isSegment(name.slice(0, -TORN_SUFFIX.length), LEDGER_PREFIX));
  for (const entry of listing)
    if (!isOurs(entry)) notes.push(`${writer}/${entry.name} is no part of a record and was not looked at`);
  if (ledger.verdict !== "COMPLETE" && listing.some((entry) => entry.name === "lock"))
    notes.push(`${writer} still holds its lock: it is running, or it ended without closing its record`);
}

/** A writer makes its ledger before anything else, so sessions without one did not come about by themselves. */
function judgeLedger(ledger: LogReport, listing: readonly Dirent[], sessions: readonly string[]): LogReport {
  const present = listing.some((entry) => isSegment(entry.name, LEDGER_PREFIX));
  if ((present && ledger.lines > 0) || sessions.length === 0) return ledger;
  return invalid(ledger, "the ledger of these sessions is missing");
}

function compare(report: LogReport, entry: LedgerEntry | undefined, ledger: LogReport): LogReport {
  if (report.verdict === "INVALID") return report;
  if (entry === undefined) {
    return ledger.verdict === "COMPLETE" ? invalid(report, "the ledger, which is complete, does not know it") : report;
  }
  if (report.lines === 0) return invalid(report, "the ledger says it was opened, and nothing is left of it");
  const { end } = entry;
  if (end === undefined || report.verdict === "CANNOT_VERIFY" || report.verdict === "DIVERGED") return report;
  if (report.head?.size === end.size && report.head?.root === end.root) return report;
  return invalid(
    report,
    `the ledger says it was closed at ${String(end.size).slice(0, 20)} lines; these are others, or fewer`,
  );
}

function missing(log: string, pruned: ReadonlySet<string>): LogReport {
  const none = { log, lines: 0, unsigned: 0, tornBytes: 0 };
  if (pruned.has(log)) return { ...none, verdict: "COMPLETE", pruned: true };
  return { ...none, verdict: "INVALID", problem: { reason: "the ledger says it was opened, and it is not there" } };
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
