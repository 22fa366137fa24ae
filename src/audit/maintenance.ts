import fs from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { placeOf } from "./bodies.js";
import type { AuditLogOptions } from "./options.js";
import { SESSION_ID } from "./options.js";
import { readLines } from "./verify/lines.js";
import { type ParsedLine, parseObject } from "./verify/parsed-line.js";
import { LEDGER_PREFIX, sessionPlace, WRITER } from "./verify/places.js";
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

interface EndedSession {
  readonly log: string;
  readonly directory: string;
  readonly size: number;
  readonly root: string;
}

/**
 * Removes the logs and bodies of sessions that ended before `before`, and leaves a signed tombstone for each, without which
 * a verifier would miss them. Sessions that are open, or whose end nobody signed, stay. Answers the origins of what went.
 *
 * @throws {AuditUnavailableError} where the tombstones cannot be written; then nothing is removed.
 */
export async function pruneAudit(
  directory: string,
  options: RemovalOptions & { readonly before: Date },
): Promise<readonly string[]> {
  const { reason, by, before, ...log } = options;
  const ended: EndedSession[] = [];
  for (const writer of (await readdir(directory)).filter((name) => WRITER.test(name)).sort())
    ended.push(...(await endedSessions(directory, writer, before)));
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

async function endedSessions(root: string, writer: string, before: Date): Promise<readonly EndedSession[]> {
  const ended: EndedSession[] = [];
  await eachLine(join(root, writer), LEDGER_PREFIX, (line) => {
    const { type, session_id: session, time, size, root: head } = line;
    const isEnd = (type === "session.closed" || type === "session.recovered") && line["final"] === true;
    if (!isEnd || typeof session !== "string" || !SESSION_ID.test(session)) return;
    const directory = join(root, writer, session);
    if (!(Date.parse(String(time)) < before.getTime()) || !fs.existsSync(directory)) return;
    ended.push({ log: originOf(writer, session), directory, size: Number(size), root: String(head) });
  });
  return ended;
}

/**
 * Erases the bodies that line `seq` of a session speaks of: the bytes, and the salt without which what is left in the line
 * tells nobody what they were. The log and its proofs stay valid. Answers how many there were.
 *
 * @throws {RangeError} where there is no such line, or its body stands in the line itself.
 * @throws {AuditUnavailableError} where the tombstone cannot be written; then nothing is erased.
 */
export async function eraseBody(
  directory: string,
  session: string,
  seq: number,
  options: RemovalOptions,
): Promise<number> {
  const { reason, by, ...log } = options;
  const found = await findBodies(directory, session, seq);
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

async function findBodies(
  root: string,
  session: string,
  seq: number,
): Promise<{ readonly log: string; readonly directory: string; readonly commitments: readonly string[] }> {
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
