import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MAX_LINE_BYTES } from "../encode.js";
import { type ParsedLine, parseObject } from "../verify/parsed-line.js";
import { isSegment } from "../verify/verify-log.js";
import { segmentName } from "../writer/line.js";
import { listSessions, type RecordedSession } from "./timeline.js";

/** A line that was written, and the session it is of. */
export interface FollowedLine {
  readonly session: string;
  readonly line: ParsedLine;
}

export interface FollowOptions {
  /** Only the log of this session. */
  readonly session?: string;
  /** Which lines are wanted. */
  readonly wanted: (line: ParsedLine) => boolean;
  /** How many of the lines that are there already come first. */
  readonly last: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Waits before looking again; settles early where `signal` says so. */
  readonly pause: () => Promise<void>;
}

/** Where a log was read up to. */
interface Place {
  segment: number;
  offset: number;
  /** Type of the last line but one, and of the last. */
  ends: readonly [string, string];
}

/** What is taken from the end of a log at first: at least one line, and usually many. */
const RECENT_BYTES = 2 * (MAX_LINE_BYTES + 1);

/**
 * The last lines of the sessions in a directory, then each new one as it is written, over rotations, of sessions that open
 * meanwhile, too. Looks, proves nothing: lines that are no JSON are passed over. Memory does not grow with the lines.
 */
export async function* followAudit(directory: string, options: FollowOptions): AsyncGenerator<FollowedLine> {
  const { session, wanted, last, signal, pause } = options;
  const places = new Map<string, Place>();
  const ended = new Set<string>();
  const sessions = async (): Promise<readonly RecordedSession[]> =>
    (await listSessions(directory)).filter(
      ({ id, log }) => !ended.has(log) && (session === undefined || id === session),
    );
  const recent: FollowedLine[] = [];
  for (const one of await sessions()) {
    const place: Place = {
      segment: Math.max(0, (await segmentsOf(one)).length - 1),
      offset: -RECENT_BYTES,
      ends: ["", ""],
    };
    places.set(one.log, place);
    for await (const line of newLines(one, place)) if (wanted(line)) recent.push({ session: one.id, line });
    // Together no more than are shown, however many sessions there are.
    recent.sort((a, b) => timeOf(a) - timeOf(b)).splice(0, recent.length - last);
  }
  yield* recent;
  while (!signal.aborted) {
    for (const one of await sessions()) {
      const place = places.get(one.log) ?? { segment: 0, offset: 0, ends: ["", ""] as const };
      places.set(one.log, place);
      for await (const line of newLines(one, place)) if (wanted(line)) yield { session: one.id, line };
      if (!isEnded(place)) continue;
      ended.add(one.log);
      places.delete(one.log);
    }
    await pause();
  }
}

const timeOf = ({ line }: FollowedLine): number => Date.parse(String(line["time"])) || 0;

/** A signature over its last line ends a log. */
const isEnded = ({ ends: [before, last] }: Place): boolean =>
  last === "log.checkpoint" && (before === "session.closed" || before === "session.recovered");

const segmentsOf = async ({ directory }: RecordedSession): Promise<readonly string[]> =>
  (await readdir(directory).catch(() => [])).filter((name) => isSegment(name, ""));

/** What was added since, in this segment and those after it. */
async function* newLines(session: RecordedSession, place: Place): AsyncGenerator<ParsedLine> {
  for (;;) {
    // Looked at before reading: once there is a next segment, this one is not written to any more.
    const hasNext = (await segmentsOf(session)).includes(segmentName("", place.segment + 1));
    for await (const text of linesFrom(join(session.directory, segmentName("", place.segment)), place)) {
      const line = parseObject(text);
      if (line === undefined) continue;
      place.ends = [place.ends[1], String(line["type"])];
      yield line;
    }
    if (!hasNext) return;
    place.segment++;
    place.offset = 0;
  }
}

/** Whole lines from `place.offset` on, which moves along; a negative one counts from the end. */
async function* linesFrom(path: string, place: Place): AsyncGenerator<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const stat = await file.stat();
    if (!stat.isFile()) return;
    let isCut = place.offset < 0 && stat.size > -place.offset;
    if (place.offset < 0) place.offset = Math.max(0, stat.size + place.offset);
    const buffer = Buffer.allocUnsafe(RECENT_BYTES);
    while (place.offset < stat.size) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, place.offset);
      let start = 0;
      for (let end = newlineIn(buffer, 0, bytesRead); end !== -1; end = newlineIn(buffer, start, bytesRead)) {
        if (!isCut) yield buffer.toString("utf8", start, end);
        isCut = false;
        start = end + 1;
      }
      // Half a line is read again once it is whole; what can become none is passed over.
      if (start === 0 && bytesRead < buffer.length) return;
      place.offset += start === 0 ? bytesRead : start;
    }
  } catch {
    // Gone, or not to be read: there is nothing to show of it.
  } finally {
    await file?.close();
  }
}

function newlineIn(buffer: Buffer, from: number, to: number): number {
  const at = buffer.indexOf(0x0a, from);
  return at < to ? at : -1;
}
