import { Buffer } from "node:buffer";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isSignedBy, noteSignatures, parseVerifierKey } from "./note.js";
import { SESSION_ID } from "./options.js";
import type { ByteString } from "./tree.js";
import { readLines } from "./verify/lines.js";
import { parseObject } from "./verify/parsed-line.js";
import { ledgerPlace, sessionPlace, WRITER } from "./verify/places.js";
import { consistencyProof, inclusionProof, isConsistent, isIncluded, leafHash } from "./verify/proofs.js";
import { isSegment, type LogPlace } from "./verify/verify-log.js";
import { CHECKPOINT, originOf } from "./writer/line.js";

/** One line, and what shows to a stranger that a signed log contains it, without the other lines. */
export interface EventProof {
  /** The line, to the byte. */
  readonly line: string;
  /** A transparency log proof (https://c2sp.org/tlog-proof): index, hashes, signed head. */
  readonly proof: string;
}

/** Two signed heads of a log, and what shows that the later one only adds to the earlier one. */
export interface ConsistencyProof {
  readonly from: string;
  readonly to: string;
  /** Hashes in Base64 (RFC 6962 section 2.1.2). */
  readonly hashes: readonly string[];
}

const MAGIC = "c2sp.org/tlog-proof@v1";

/** A log as leaves, with the notes that sign it. */
interface Leaves {
  readonly hashes: readonly ByteString[];
  readonly notes: ReadonlyMap<number, string>;
  readonly wanted: Buffer | undefined;
}

/**
 * Proves that line `seq` of a log is in it. `log` is a session's id, or an origin as reports name it.
 *
 * @throws {RangeError} where there is no such log or line, or no signature covers it yet.
 */
export async function proveEvent(directory: string, log: string, seq: number): Promise<EventProof> {
  const place = await findLog(directory, log);
  const leaves = await readLeaves(place, seq);
  const size = [...leaves.notes.keys()].find((covered) => covered > seq);
  const note = size === undefined ? undefined : leaves.notes.get(size);
  if (leaves.wanted === undefined || size === undefined || note === undefined)
    throw new RangeError(`Line ${seq} of ${place.origin} is not there, or not signed yet.`);
  const hashes = inclusionProof(leaves.hashes.slice(0, size), seq).map(toBase64);
  return {
    line: leaves.wanted.toString("utf8"),
    proof: `${[MAGIC, `index ${seq}`, ...hashes].join("\n")}\n\n${note}`,
  };
}

/** Whether `proof` shows that a log signed by `key` (a verifier key line) contains `line`. Never throws. */
export function checkEventProof({ line, proof }: EventProof, key: string): boolean {
  const match = /^c2sp\.org\/tlog-proof@v1\nindex (0|[1-9]\d{0,14})\n((?:[A-Za-z0-9+/]{43}=\n){0,64})\n([\s\S]+)$/.exec(
    proof,
  );
  const [, index, hashes = "", note = ""] = match ?? [];
  const head = readHead(note, key);
  if (index === undefined || head === undefined) return false;
  const path = hashes.split("\n").slice(0, -1).map(fromBase64);
  return isIncluded(leafHash(Buffer.from(line)), Number(index), head.size, path, head.root);
}

/**
 * Proves that the head of `to` lines of a log only adds to that of `from` lines. Both must have been signed; by default
 * `to` is the latest that was.
 *
 * @throws {RangeError} where there is no such log, or no signature of that size.
 */
export async function proveConsistency(
  directory: string,
  log: string,
  from: number,
  to?: number,
): Promise<ConsistencyProof> {
  const place = await findLog(directory, log);
  const { hashes, notes } = await readLeaves(place);
  const size = to ?? Math.max(-1, ...notes.keys());
  const [older, newer] = [notes.get(from), notes.get(size)];
  if (older === undefined || newer === undefined || from > size)
    throw new RangeError(`Heads of ${from} and ${size} lines of ${place.origin} were not signed.`);
  return { from: older, to: newer, hashes: consistencyProof(hashes.slice(0, size), from).map(toBase64) };
}

/** Whether both heads are signed by `key`, of one log, and the later one only adds to the earlier one. Never throws. */
export function checkConsistencyProof({ from, to, hashes }: ConsistencyProof, key: string): boolean {
  const [older, newer] = [readHead(from, key), readHead(to, key)];
  if (older === undefined || newer === undefined || older.origin !== newer.origin) return false;
  if (!hashes.every((hash) => /^[A-Za-z0-9+/]{43}=$/.test(hash))) return false;
  return isConsistent(older.size, newer.size, hashes.map(fromBase64), older.root, newer.root);
}

function readHead(
  note: string,
  key: string,
): { readonly origin: string; readonly size: number; readonly root: ByteString } | undefined {
  const trusted = parseVerifierKey(key);
  const match = /^([^\n]+)\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\n\n/.exec(note);
  if (trusted === undefined || match === null) return undefined;
  const [, origin = "", size, root = ""] = match;
  const text = `${origin}\n${size}\n${root}\n`;
  const signatures = noteSignatures(note, text) ?? [];
  if (!signatures.some((signature) => isSignedBy(signature, text, trusted))) return undefined;
  return { origin, size: Number(size), root: fromBase64(root) };
}

const toBase64 = (hash: ByteString): string => Buffer.from(hash, "latin1").toString("base64");
const fromBase64 = (text: string): ByteString => Buffer.from(text, "base64").toString("latin1");

/** The log of a session id, or of an origin. */
async function findLog(directory: string, log: string): Promise<LogPlace> {
  const writers = (await readdir(directory)).filter((name) => WRITER.test(name)).sort();
  for (const writer of writers) {
    if (originOf(writer) === log) return ledgerPlace(directory, writer);
    const session = log.startsWith(`${originOf(writer)}/`) ? log.slice(originOf(writer).length + 1) : log;
    if (!SESSION_ID.test(session)) continue;
    const names = await readdir(join(directory, writer));
    if (names.includes(session)) return sessionPlace(directory, writer, session);
  }
  throw new RangeError("There is no such log.");
}

async function readLeaves({ directory, filePrefix }: LogPlace, wantedSeq?: number): Promise<Leaves> {
  const hashes: ByteString[] = [];
  const notes = new Map<number, string>();
  let wanted: Buffer | undefined;
  const names = (await readdir(directory)).filter((name) => isSegment(name, filePrefix)).sort();
  for (const name of names) {
    await readLines(join(directory, name), (line) => {
      if (hashes.length === wantedSeq) wanted = Buffer.from(line);
      if (line.includes(`"type":"${CHECKPOINT}"`)) {
        const note = parseObject(line.toString("utf8"))?.["note"];
        if (typeof note === "string") notes.set(hashes.length, note);
      }
      hashes.push(leafHash(line));
      return true;
    });
  }
  return { hashes, notes, wanted };
}
