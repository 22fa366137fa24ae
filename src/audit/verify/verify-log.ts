import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../file-system.js";
import { segmentName } from "../line.js";
import type { VerifierKey } from "../note.js";
import { readLines } from "./lines.js";
import { type LogExpectation, LogVerifier, type ParsedLine } from "./log-verifier.js";
import type { LogReport } from "./report.js";

/** Where a log lies, and what it must be. */
export interface LogPlace extends LogExpectation {
  readonly directory: string;
  readonly filePrefix: string;
}

interface VerifyLogOptions {
  readonly key: VerifierKey | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onLine?: (line: ParsedLine) => void;
}

/** Verifies one log over all its segments, in one pass and bounded memory. Rejects only where `signal` says so. */
export async function verifyLog(place: LogPlace, { key, signal, onLine }: VerifyLogOptions): Promise<LogReport> {
  const verifier = new LogVerifier(place, key, onLine);
  let names: readonly string[];
  try {
    names = (await readdir(place.directory)).filter((name) => isSegment(name, place.filePrefix)).sort();
  } catch (error) {
    return verifier.report(0, `${place.directory} cannot be read (${systemCode(error)})`);
  }
  let predecessor: { name: string; bytes: number } | undefined;
  let tornBytes = 0;
  for (const [index, name] of names.entries()) {
    const expected = segmentName(place.filePrefix, index);
    verifier.beginSegment(expected, predecessor);
    if (name !== expected) {
      verifier.fail("the segment is missing");
      break;
    }
    if (tornBytes > 0) {
      verifier.fail("the segment follows one that ends in half a line");
      break;
    }
    const end = await readLines(join(place.directory, name), (line) => verifier.line(line), signal);
    if (end.kind === "unreadable") return verifier.report(0, `${name} cannot be read (${end.code})`);
    if (end.kind === "line_too_long") verifier.fail("the line is longer than any the log writes");
    if (end.kind !== "end") break;
    tornBytes = end.tornBytes;
    predecessor = { name, bytes: end.bytes };
  }
  return verifier.report(tornBytes);
}

/** The names of a log's files in a directory listing. */
export function isSegment(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && /^\d{6}\.jsonl$/.test(name.slice(prefix.length));
}
