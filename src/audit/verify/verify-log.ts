import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../file-system.js";
import { segmentName } from "../writer/line.js";
import { readLines } from "./lines.js";
import { type LogExpectation, type LogJudge, LogVerifier } from "./log-verifier.js";
import type { LogReport } from "./report.js";

/** Where a log lies, and what it must be. */
export interface LogPlace extends LogExpectation {
  readonly directory: string;
  readonly filePrefix: string;
}

/** How a log on disk ends. */
export interface LogTail {
  /** Names of its segments, in order. */
  readonly segments: readonly string[];
  /** Whole lines of the last segment, in bytes, and what follows them. */
  readonly bytes: number;
  readonly tornBytes: number;
  readonly unreadable: string | undefined;
}

/** Verifies one log over all its segments, in one pass and bounded memory. Rejects only where `signal` says so. */
export async function verifyLog(place: LogPlace, judge: LogJudge, signal?: AbortSignal): Promise<LogReport> {
  const verifier = new LogVerifier(place, judge);
  const { tornBytes, unreadable } = await readLog(place, verifier, signal);
  return verifier.report(unreadable === undefined ? tornBytes : 0, unreadable);
}

/** Feeds a log to a verifier, and tells how its files end. */
export async function readLog(place: LogPlace, verifier: LogVerifier, signal?: AbortSignal): Promise<LogTail> {
  let segments: readonly string[] = [];
  let bytes = 0;
  let tornBytes = 0;
  const tail = (unreadable?: string): LogTail => ({ segments, bytes, tornBytes, unreadable });
  try {
    segments = (await readdir(place.directory)).filter((name) => isSegment(name, place.filePrefix)).sort();
  } catch (error) {
    return tail(`${place.directory} cannot be read (${systemCode(error)})`);
  }
  let predecessor: { name: string; bytes: number } | undefined;
  for (const [index, name] of segments.entries()) {
    const expected = segmentName(place.filePrefix, index);
    verifier.beginSegment(expected, predecessor);
    if (name !== expected) {
      verifier.fail("the segment is missing");
      return tail();
    }
    if (tornBytes > 0) {
      verifier.fail("the segment follows one that ends in half a line");
      return tail();
    }
    const end = await readLines(join(place.directory, name), (line) => verifier.line(line), signal);
    if (end.kind === "unreadable") return tail(`${name} cannot be read (${end.code})`);
    if (end.kind === "line_too_long") verifier.fail("the line is longer than any the log writes");
    if (end.kind !== "end") return tail();
    tornBytes = end.tornBytes;
    bytes = end.bytes - end.tornBytes;
    predecessor = { name, bytes: end.bytes };
  }
  return tail();
}

/** The names of a log's files in a directory listing. */
export function isSegment(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && /^\d{6}\.jsonl$/.test(name.slice(prefix.length));
}
