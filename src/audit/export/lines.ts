import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SESSION_ID } from "../options.js";
import { batchesOfLines } from "../verify/lines.js";
import { type ParsedLine, parseObject } from "../verify/parsed-line.js";
import { ledgerPlace, sessionPlace, WRITER } from "../verify/places.js";
import { isSegment, type LogPlace } from "../verify/verify-log.js";

/** One line on its way into another format. */
export interface ExportLine {
  /** Name of its log. */
  readonly log: string;
  /** Where the log lies, and the bodies beside it. */
  readonly directory: string;
  /** The line as it was written. */
  readonly text: string;
  readonly event: ParsedLine;
}

/** Which lines are wanted. */
export interface ExportChoice {
  /** Only the log of this session. */
  readonly session?: string;
  /** Only what happened at or after this time. */
  readonly since?: Date;
  readonly signal?: AbortSignal;
}

/**
 * The lines of a directory, one after the other: writers by age, the ledger of each before its sessions, each log in its own
 * order. What is no line of ours is passed over: verifying tells that it is there. Memory does not grow with the record.
 */
export async function* linesToExport(directory: string, choice: ExportChoice): AsyncGenerator<ExportLine> {
  const since = choice.since?.toISOString();
  for await (const place of placesIn(directory, choice.session)) {
    const names = await readdir(place.directory).catch(() => []);
    for (const name of names.filter((one) => isSegment(one, place.filePrefix)).sort()) {
      for await (const batch of batchesOfLines(join(place.directory, name), choice.signal)) {
        for (const line of batch) {
          const text = line.toString("utf8");
          const event = parseObject(text);
          // Times are written in one form (UTC, milliseconds), in which the order of text is that of time.
          if (event === undefined || typeof event["type"] !== "string") continue;
          if (since !== undefined && !(String(event["time"]) >= since)) continue;
          yield { log: place.origin, directory: place.directory, text, event };
        }
      }
    }
  }
}

async function* placesIn(root: string, session: string | undefined): AsyncGenerator<LogPlace> {
  const writers = (await readdir(root)).filter((name) => WRITER.test(name)).sort();
  for (const writer of writers) {
    if (session === undefined) yield ledgerPlace(root, writer);
    const entries = await readdir(join(root, writer), { withFileTypes: true }).catch(() => []);
    const sessions = entries.filter((entry) => entry.isDirectory() && SESSION_ID.test(entry.name));
    for (const { name } of sessions.sort((a, b) => (a.name < b.name ? -1 : 1)))
      if (session === undefined || session === name) yield sessionPlace(root, writer, name);
  }
}

/** A member of a line, for reading on: anybody may have written the line. */
export const objectIn = (event: ParsedLine, key: string): ParsedLine => {
  const value = event[key];
  return typeof value === "object" && value !== null ? (value as ParsedLine) : {};
};
export const textIn = (event: ParsedLine, key: string): string | undefined =>
  typeof event[key] === "string" ? event[key] : undefined;
export const numberIn = (event: ParsedLine, key: string): number | undefined =>
  typeof event[key] === "number" && Number.isFinite(event[key]) ? event[key] : undefined;
