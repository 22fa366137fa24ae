import fs from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  callable,
  having,
  type Members,
  needed,
  object,
  readOptions,
  type Shape,
  text,
  typed,
} from "../shapes/index.js";
import { placeOf } from "./bodies.js";
import { formatVerifierKey } from "./note.js";
import type { AuditLogOptions } from "./options.js";
import { SESSION_ID, SIGNER_SHAPE } from "./options.js";
import { readStoredBody } from "./stored-body.js";
import { readLines } from "./verify/lines.js";
import { type ParsedLine, parseObject } from "./verify/parsed-line.js";
import { LEDGER_PREFIX, sessionPlace, WRITER } from "./verify/places.js";
import type { AuditVerdict, LogReport } from "./verify/report.js";
import { verifyAudit } from "./verify/verify-audit.js";
import { isSegment } from "./verify/verify-log.js";
import { originOf } from "./writer/line.js";
import { openWriter } from "./writer/writer.js";

/** Why something was taken away, and who answers for it; both stand in the signed tombstone. */
export interface RemovalOptions extends Pick<AuditLogOptions, "signer" | "clock" | "warn"> {
  readonly reason: string;
  readonly by: string;
}

/**
 * Why the command line cannot remove anything from a directory: a tombstone by another key than the record's would be worth
 * nothing, and what it speaks of would be missing for ever.
 */
export function findRemovalProblem(directory: string): string | undefined {
  return fs.existsSync(join(directory, "signer.key"))
    ? undefined
    : "signer.key is not there, so the key of this record is elsewhere: use pruneAudit or eraseBody with that `signer`.";
}

const REMOVAL: Members<RemovalOptions> = {
  signer: SIGNER_SHAPE,
  clock: having(["now", "monotonic", "schedule"], "must be a clock"),
  warn: callable(),
  reason: needed(text("must say why"), "must say why"),
  by: needed(text("must say who answers for it"), "must say who answers for it"),
};
const ERASE: Shape<RemovalOptions> = object<RemovalOptions>(REMOVAL);
const PRUNE: Shape<RemovalOptions & { readonly before: Date }> = object<RemovalOptions & { readonly before: Date }>({
  ...REMOVAL,
  before: needed(
    typed((given): given is Date => given instanceof Date && !Number.isNaN(given.getTime()), "must be a date"),
    "must be a date",
  ),
});

interface EndedSession {
  readonly log: string;
  readonly directory: string;
  readonly size: number;
  readonly root: string;
}

/**
 * Removes the logs and bodies of sessions that ended before `before`, and leaves a signed tombstone for each, without which
 * a verifier would miss them. Verifies first, the whole directory: a session that is open, whose end nobody signed, or that
 * does not verify, stays, and `warn` is told of one that does not verify. Otherwise one forged line could have an open session
 * removed, and a tombstone would make a damaged record look whole. Returns the origins of what went.
 *
 * @throws {OptionsError} for wrong options.
 * @throws {AuditUnavailableError} where the tombstones cannot be written; then nothing is removed.
 */
export async function pruneAudit(
  directory: string,
  options: RemovalOptions & { readonly before: Date },
): Promise<readonly string[]> {
  const { reason, by, before, ...log } = readOptions(options, PRUNE);
  const known = await ownVerdicts(directory, log);
  const { warn = defaultWarn } = log;
  const ended: EndedSession[] = [];
  for (const writer of (await readdir(directory)).filter((name) => WRITER.test(name)).sort())
    ended.push(...(await endedSessions(directory, writer, before, known, warn)));
  if (ended.length === 0) return [];
  const writer = await openWriter({ ...log, directory });
  try {
    for (const { log: origin, size, root } of ended)
      writer.ledger.append("session.pruned", { pruned: { log: origin, size, root, reason, by } }, true);
    await writer.ledger.sync("strict");
  } finally {
    await writer.close();
  }
  for (const session of ended) fs.rmSync(session.directory, { recursive: true, force: true });
  return ended.map(({ log: origin }) => origin);
}

type Verdicts = ReadonlyMap<string, LogReport>;

/** What verifying says of each log, with the key that is to sign the tombstone and those it follows. */
async function ownVerdicts(directory: string, { signer }: Pick<RemovalOptions, "signer">): Promise<Verdicts> {
  const report = await verifyAudit(directory, signer === undefined ? {} : { key: formatVerifierKey(signer) });
  return new Map(report.logs.map((log) => [log.log, log]));
}

/** Why a session's record may not be made to look whole; or null. */
function faultOf(origin: string, known: Verdicts): string | null {
  const session = known.get(origin);
  const bodies = known.get(`${origin}/bodies`);
  const isEnded =
    session?.verdict === "COMPLETE" ||
    (session?.recovered === true && session.unsigned === 0 && session.tornBytes === 0 && isUnbroken(session));
  if (session === undefined || !isEnded) return session?.problem?.reason ?? session?.verdict ?? "it was not verified";
  return bodies === undefined || bodies.verdict === "COMPLETE" ? null : (bodies.problem?.reason ?? bodies.verdict);
}

const BROKEN: ReadonlySet<AuditVerdict> = new Set(["INVALID", "DIVERGED", "CANNOT_VERIFY", "EMPTY"]);
const isUnbroken = ({ verdict }: LogReport): boolean => !BROKEN.has(verdict);

async function endedSessions(
  root: string,
  writer: string,
  before: Date,
  known: Verdicts,
  warn: (message: string) => void,
): Promise<readonly EndedSession[]> {
  const ledger = known.get(originOf(writer));
  // What no signature covers, anybody can have written.
  const signed = ledger !== undefined && isUnbroken(ledger) ? (ledger.head?.size ?? 0) : 0;
  const ended: EndedSession[] = [];
  await eachLine(join(root, writer), LEDGER_PREFIX, (line) => {
    const { type, session_id: session, time, size, root: head, seq } = line;
    const isEnd = (type === "session.closed" || type === "session.recovered") && line["final"] === true;
    if (!isEnd || typeof session !== "string" || !SESSION_ID.test(session)) return;
    const directory = join(root, writer, session);
    if (!(Date.parse(String(time)) < before.getTime()) || !fs.existsSync(directory)) return;
    const log = originOf(writer, session);
    const fault =
      typeof seq === "number" && seq < signed
        ? faultOf(log, known)
        : "its end in the ledger is not signed, or does not verify";
    if (fault === null) ended.push({ log, directory, size: Number(size), root: String(head) });
    else warn(`${log} was left where it is: ${fault}.`);
  });
  return ended;
}

const defaultWarn = (message: string): void =>
  process.emitWarning(message, { type: "AuditWarning", code: "SALLYPORT_AUDIT" });

/**
 * Erases the bodies that line `seq` of a session speaks of: the bytes, and the salt without which what is left in the line
 * tells nobody what they were. The log and its proofs stay valid. Answers how many there were.
 *
 * Verifies first: of a log that is damaged, and of a body that somebody changed, nothing is erased.
 *
 * @throws {OptionsError} for wrong options.
 * @throws {RangeError} where there is no such line, its body stands in the line itself, or it does not verify.
 * @throws {AuditUnavailableError} where the tombstone cannot be written; then nothing is erased.
 */
export async function eraseBody(
  directory: string,
  session: string,
  seq: number,
  options: RemovalOptions,
): Promise<number> {
  const { reason, by, ...log } = readOptions(options, ERASE);
  const found = await findBodies(directory, session, seq);
  refuseDamaged(found, seq, await ownVerdicts(directory, log));
  const writer = await openWriter({ ...log, directory });
  try {
    writer.ledger.append("body.erased", { erased: { log: found.log, seq, reason, by } }, true);
    await writer.ledger.sync("strict");
  } finally {
    await writer.close();
  }
  for (const commitment of found.commitments) {
    const { blob, salt } = placeOf(found.directory, commitment);
    fs.rmSync(salt, { force: true });
    fs.rmSync(blob, { force: true });
  }
  return found.commitments.length;
}

/** An erasure explains what is missing: it must not explain away what somebody else has changed. */
function refuseDamaged({ log, directory, commitments }: FoundBodies, seq: number, known: Verdicts): void {
  const report = known.get(log);
  if (report === undefined || !isUnbroken(report) || seq >= (report.head?.size ?? 0))
    throw new RangeError(`${log} does not verify up to line ${seq}, so nothing of it is erased.`);
  for (const commitment of commitments) {
    if (!isRecorded(directory, commitment))
      throw new RangeError(`A body of line ${seq} is not the recorded one, so nothing is erased.`);
  }
}

function isRecorded(directory: string, commitment: string): boolean {
  try {
    return readStoredBody(directory, commitment) !== undefined;
  } catch {
    return false;
  }
}

interface FoundBodies {
  readonly log: string;
  readonly directory: string;
  readonly commitments: readonly string[];
}

async function findBodies(root: string, session: string, seq: number): Promise<FoundBodies> {
  if (!SESSION_ID.test(session)) throw new RangeError("There is no such session.");
  for (const writer of (await readdir(root)).filter((name) => WRITER.test(name)).sort()) {
    const { directory, origin } = sessionPlace(root, writer, session);
    if (!fs.existsSync(directory)) continue;
    let line: ParsedLine | undefined;
    await eachLine(directory, "", (one) => {
      if (one["seq"] === seq) line = one;
    });
    const bodies = ["req_body", "res_body"].map((name) => (line?.[name] ?? {}) as ParsedLine);
    const commitments = bodies.map(({ blob }) => blob).filter((blob): blob is string => typeof blob === "string");
    if (bodies.some(({ inline }) => typeof inline === "string"))
      throw new RangeError(
        `The body of line ${seq} stands in the line itself; only what lies beside the log can be erased.`,
      );
    if (commitments.length === 0) throw new RangeError(`Line ${seq} speaks of no body that was kept.`);
    return { log: origin, directory, commitments: commitments.filter((blob) => /^[0-9a-f]{64}$/.test(blob)) };
  }
  throw new RangeError("There is no such session.");
}

async function eachLine(directory: string, prefix: string, onLine: (line: ParsedLine) => void): Promise<void> {
  const names = (await readdir(directory)).filter((name) => isSegment(name, prefix)).sort();
  for (const name of names)
    await readLines(join(directory, name), (bytes) => {
      const line = parseObject(bytes.toString("utf8"));
      if (line !== undefined) onLine(line);
      return true;
    });
}
