import type { Buffer } from "node:buffer";
import { checkpointId } from "../ids.js";
import { quote } from "../text.js";

/** The version of the line format; fields are only ever added. */
export const SCHEMA_VERSION = 1;
/** `prev` of the first line of a log. */
export const NO_PREDECESSOR: string = "0".repeat(64);
/** The type of a signed line. */
export const CHECKPOINT = "log.checkpoint";

/** What every line begins with, in this order. */
export interface LineHead {
  /** Gapless within the log, from 0. */
  readonly seq: number;
  /** UUIDv7 (RFC 9562 section 5.7). */
  readonly id: string;
  readonly type: string;
  /** UTC with milliseconds and `Z`. */
  readonly time: string;
  /** Microseconds since the writer began, on a clock that does not step. */
  readonly monoUs: number;
  /** The writer instance. */
  readonly boot: string;
  /** Origin of the log, in its first line and in checkpoints. */
  readonly log?: string | undefined;
  /** SHA-256 of the previous raw line without its newline, in hex. */
  readonly prev: string;
}

/** The beginning of a line, up to and without the brace that ends it. */
export function writeHead(head: LineHead): string {
  const log = head.log === undefined ? "" : `,"log":${quote(head.log)}`;
  return `{"v":${SCHEMA_VERSION},"seq":${head.seq},"id":"${head.id}","type":"${head.type}","time":"${head.time}","mono_us":${head.monoUs},"boot":"${head.boot}"${log},"prev":"${head.prev}"`;
}

const HEAD =
  /^\{"v":1,"seq":(0|[1-9]\d{0,14}),"id":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})","type":"([a-z_.]{1,64})","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","mono_us":(0|[1-9]\d{0,15}),"boot":"([0-9a-f-]{36})"(?:,"log":("(?:[^"\\]|\\.)*"))?,"prev":"([0-9a-f]{64})"/;

/** A beginning as found, and how many characters it takes. */
export interface FoundHead extends LineHead {
  readonly length: number;
}

/** Reads the beginning of a line as it was written: to the byte, in this order and spacing, or not at all. */
export function readHead(line: string): FoundHead | undefined {
  const match = HEAD.exec(line);
  if (match === null) return undefined;
  const [whole, seq, id = "", type = "", time = "", monoUs, boot = "", log, prev = ""] = match;
  return {
    seq: Number(seq),
    id,
    type,
    time,
    monoUs: Number(monoUs),
    boot,
    log: log === undefined ? undefined : unquote(log),
    prev,
    length: whole.length,
  };
}

const MIDDLE =
  /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})","type":"([a-z_.]{1,64})","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","mono_us":(0|[1-9]\d{0,15}),/y;

/**
 * The same for a line that is as expected: with this number, by this writer, after the line of this hash, and without a
 * `log`. Undefined for any other line, right or wrong. Comparing is quicker than reading.
 */
export function readExpectedHead(line: string, seq: number, boot: string, prev: string): FoundHead | undefined {
  const beginning = `{"v":1,"seq":${seq},"id":"`;
  if (!line.startsWith(beginning)) return undefined;
  MIDDLE.lastIndex = beginning.length;
  const match = MIDDLE.exec(line);
  if (match === null) return undefined;
  const rest = `"boot":"${boot}","prev":"${prev}"`;
  const at = MIDDLE.lastIndex;
  if (!line.startsWith(rest, at)) return undefined;
  const [, id = "", type = "", time = "", monoUs] = match;
  return { seq, id, type, time, monoUs: Number(monoUs), boot, log: undefined, prev, length: at + rest.length };
}

function unquote(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** The file name of a log's n-th segment. */
export function segmentName(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(6, "0")}.jsonl`;
}

/** Everything a checkpoint line is made of; the verifier rebuilds the line from it, to the byte. */
export interface CheckpointParts {
  readonly seq: number;
  readonly epochMs: number;
  readonly time: string;
  readonly monoUs: number;
  readonly boot: string;
  readonly origin: string;
  readonly prev: string;
  readonly identity: string;
  readonly note: string;
  readonly root: Buffer;
}

export function checkpointLine(parts: CheckpointParts): string {
  const head = writeHead({
    seq: parts.seq,
    id: checkpointId(parts.epochMs, parts.root),
    type: CHECKPOINT,
    time: parts.time,
    monoUs: parts.monoUs,
    boot: parts.boot,
    log: parts.origin,
    prev: parts.prev,
  });
  return `${head}${parts.identity},"note":${quote(parts.note)}}`;
}

/** The name of a log in its checkpoints: of a writer's ledger, or of one of its sessions. */
export function originOf(writer: string, session?: string): string {
  return session === undefined ? `sallyport/${writer}` : `sallyport/${writer}/${session}`;
}
