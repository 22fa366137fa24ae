import fs from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { HttpFacts } from "../event.js";
import { systemCode } from "../file-system.js";
import { formatVerifierKey, parseVerifierKey } from "../note.js";
import { SESSION_ID } from "../options.js";
import { Keyring, keyName } from "../verify/keyring.js";
import { type LogEnd, LogVerifier } from "../verify/log-verifier.js";
import type { ParsedLine } from "../verify/parsed-line.js";
import { ledgerPlace, sessionPlace, WRITER } from "../verify/places.js";
import { type LogPlace, type LogTail, readLog } from "../verify/verify-log.js";
import { ChainLog } from "./chain-log.js";
import { stateOf, takeOver } from "./lock.js";
import type { WriterParts } from "./log-parts.js";
import { moveTornTailAside } from "./torn-tail.js";

/** What became of a log that a dead writer left. */
type Outcome =
  | { readonly kind: "recovered" | "ended"; readonly identity: string; readonly size: number; readonly root: string }
  | { readonly kind: "empty" | "left" };

const REASON = "the process ended without closing it";

/**
 * Ends the records that dead processes left open below `root`: half lines are moved aside, requests without an outcome are
 * noted as such, and the end is signed. Records of the living, of other machines and of other keys are left as they are. A
 * record that is damaged stays as it is, and keeps no other from being recovered.
 */
export async function recoverWriters(root: string, parts: WriterParts): Promise<void> {
  const names = await readdir(root).catch(() => []);
  for (const writer of names.filter((name) => WRITER.test(name) && name !== parts.boot).sort()) {
    const lock = join(root, writer, "lock");
    if (stateOf(lock) !== "stale") continue;
    const taken = takeOver(lock, parts.boot);
    if (taken === undefined) continue;
    try {
      await recoverWriter(root, writer, parts);
      fs.rmSync(join(root, writer, "ballast"), { force: true });
      fs.rmSync(taken, { force: true });
    } catch (error) {
      parts.warn(`recover ${writer}`, `The record of ${writer} could not be recovered (${systemCode(error)}).`);
      giveBack(taken, lock);
    }
  }
}

/** The next process shall try again. */
function giveBack(taken: string, lock: string): void {
  try {
    fs.renameSync(taken, lock);
  } catch {
    // Then the record stays without an end, which is what it was before.
  }
}

async function recoverWriter(root: string, writer: string, parts: WriterParts): Promise<void> {
  const open = new Set<string>();
  const ledger = await readLeft(ledgerPlace(root, writer), parts, (line) => {
    const { type, session_id: session } = line;
    if (typeof session !== "string") return;
    if (type === "session.opened") open.add(session);
    if (type === "session.closed" || type === "session.recovered") open.delete(session);
  });
  if (ledger.end?.signer !== undefined && ledger.end.signer !== ownKey(parts))
    throw Object.assign(new Error("signed by another key"), { code: "KEY_MISMATCH" });
  const entries = await readdir(join(root, writer), { withFileTypes: true });
  const outcomes = new Map<string, Outcome>();
  for (const entry of entries)
    if (entry.isDirectory() && SESSION_ID.test(entry.name))
      outcomes.set(entry.name, await recoverSession(sessionPlace(root, writer, entry.name), parts));
  if (ledger.end === undefined || ledger.end.isEnded) return;
  const log = goOn(ledger, ledger.end, parts);
  try {
    for (const session of open) {
      const outcome = outcomes.get(session);
      if (outcome === undefined || !("size" in outcome)) continue;
      const { identity, size, root: head } = outcome;
      log.append("session.recovered", { reason: REASON, size, root: head, final: true }, false, identity);
    }
    log.append("log.closed", { reason: "recovered" }, true);
    await log.sync(parts.sync);
  } finally {
    log.release();
  }
}

/** Ends one session's log for the dead writer. */
async function recoverSession(place: LogPlace, parts: WriterParts): Promise<Outcome> {
  const intents = new OpenIntents();
  const left = await readLeft(place, parts, (line) => intents.note(line));
  const { end } = left;
  if (end === undefined) return { kind: left.isDamaged ? "left" : "empty" };
  if (end.isEnded)
    return { kind: "ended", identity: end.identity, size: end.head?.size ?? 0, root: end.head?.root ?? "" };
  const log = goOn(left, end, parts);
  try {
    for (const { request_id, attempt, http } of intents.open()) {
      log.append("request.outcome_unknown", { request_id, attempt, http, error: DIED }, false);
    }
    log.append("session.recovered", { reason: REASON, unknown_outcomes: intents.count }, true);
    await log.sync(parts.sync);
    const { size, root } = log.signedHead;
    return { kind: "recovered", identity: end.identity, size, root: root.toString("base64") };
  } finally {
    log.release();
  }
}

const DIED = { class: "Error", code: "PROCESS_DIED", sent: "unknown" } as const;

/** A log as its writer left it. */
interface LeftLog {
  readonly place: LogPlace;
  readonly tail: LogTail;
  readonly end: LogEnd | undefined;
  readonly isDamaged: boolean;
}

async function readLeft(place: LogPlace, parts: WriterParts, onLine: (line: ParsedLine) => void): Promise<LeftLog> {
  const key = parseVerifierKey(formatVerifierKey(parts.signer));
  const verifier = new LogVerifier(place, { keyring: new Keyring(key === undefined ? [] : [key]), onLine });
  const tail = await readLog(place, verifier);
  const report = verifier.report(0, tail.unreadable);
  const isDamaged = report.problem !== undefined && (verifier.failed || tail.unreadable !== undefined);
  if (isDamaged) {
    const { segment = "", seq = 0, reason } = report.problem ?? { reason: "" };
    parts.warn(
      `damaged ${place.origin}`,
      `${place.directory} ${segment} is damaged at line ${seq} and stays as it is: ${reason}.`,
    );
  }
  return { place, tail, end: isDamaged ? undefined : verifier.end(), isDamaged };
}

/** Begins a new segment behind what is whole. A damaged or torn file is never written to again. */
function goOn({ place, tail }: LeftLog, end: LogEnd, parts: WriterParts): ChainLog {
  const predecessor = tail.segments.at(-1) ?? "";
  const torn = moveTornTailAside(join(place.directory, predecessor), tail.bytes, tail.tornBytes);
  return new ChainLog(
    parts,
    { directory: place.directory, filePrefix: place.filePrefix, origin: place.origin, identity: end.identity },
    {
      end,
      segments: tail.segments.length,
      recovered: { predecessor, last_hash: end.prev, size: tail.bytes, ...torn },
    },
  );
}

const ownKey = (parts: WriterParts): string | undefined => {
  const key = parseVerifierKey(formatVerifierKey(parts.signer));
  return key === undefined ? undefined : keyName(key);
};

/** Requests that were about to leave, and of which nothing more is known. */
class OpenIntents {
  readonly #open = new Map<
    string,
    { readonly request_id: string; readonly attempt: number; readonly http: HttpFacts }
  >();

  note(line: ParsedLine): void {
    const { type, request_id: id, attempt } = line;
    if (typeof type !== "string" || typeof id !== "string") return;
    const key = `${id} ${String(attempt)}`;
    if (type === "request.intent")
      this.#open.set(key, { request_id: id, attempt: Number(attempt), http: line["http"] as HttpFacts });
    else if (type.startsWith("request.")) this.#open.delete(key);
  }

  get count(): number {
    return this.#open.size;
  }

  open(): Iterable<{ readonly request_id: string; readonly attempt: number; readonly http: HttpFacts }> {
    return this.#open.values();
  }
}
