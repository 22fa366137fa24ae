import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SESSION_ID } from "../options.js";
import { printable } from "../text.js";
import { readLines } from "../verify/lines.js";
import type { ParsedLine } from "../verify/parsed-line.js";
import { isSegment } from "../verify/verify-log.js";
import { originOf } from "../writer/line.js";

/** Where the log of one session lies. */
export interface RecordedSession {
  readonly id: string;
  readonly log: string;
  readonly directory: string;
}

/** The sessions in an audit directory, oldest writer first. What cannot be read is not there. */
export async function listSessions(directory: string): Promise<readonly RecordedSession[]> {
  const sessions: RecordedSession[] = [];
  for (const writer of await directoriesIn(directory)) {
    for (const id of await directoriesIn(join(directory, writer))) {
      if (SESSION_ID.test(id)) sessions.push({ id, log: originOf(writer, id), directory: join(directory, writer, id) });
    }
  }
  return sessions;
}

/** A line as found: parsed, or so many bytes that are none. */
export type FoundLine = { readonly parsed: ParsedLine } | { readonly unreadable: string };

/** Calls `onLine` with what is in a session's log, intact or not: looking proves nothing, verifying does. */
export async function readSession(session: RecordedSession, onLine: (line: FoundLine) => void): Promise<void> {
  const names = (await readdir(session.directory).catch(() => [])).filter((name) => isSegment(name, "")).sort();
  for (const name of names) {
    const end = await readLines(join(session.directory, name), (bytes) => {
      onLine(
        parse(bytes.toString("utf8")) ?? { unreadable: `${name}: a line of ${bytes.length} bytes is no JSON object` },
      );
      return true;
    });
    if (end.kind === "end" && end.tornBytes > 0)
      onLine({ unreadable: `${name}: ${end.tornBytes} bytes of half a line` });
    if (end.kind === "line_too_long") onLine({ unreadable: `${name}: a line is longer than any the log writes` });
    if (end.kind === "unreadable") onLine({ unreadable: `${name}: cannot be read (${end.code})` });
  }
}

/** One line of a timeline, inert in a terminal whatever was recorded. */
export function describeLine(line: ParsedLine): string {
  const parts = [
    text(line["time"]),
    `#${text(line["seq"])}`.padEnd(5),
    text(line["type"]).padEnd(18),
    http(record(line["http"])),
    decision(record(line["decision"])),
    approval(record(line["approval"])),
    credential(record(line["credential"])),
    failure(record(line["error"])),
    masking(record(line["mask"])),
    took(record(line["timing"])),
    text(line["purpose"]),
    line["transport"] === "fetch" ? "through a fetch given by the host, addresses not checked" : "",
    line["type"] === "log.checkpoint" ? "signed" : "",
    text(line["reason"]),
  ];
  return printable(parts.filter((part) => part !== "").join("  ")).trimEnd();
}

/** Who a session is of: from its first line. */
export function describeSession(line: ParsedLine): string {
  const principal = record(line["principal"]);
  const agent = record(line["agent"]);
  return printable(`${text(principal["id"])} (${text(principal["type"])}) through ${text(agent["id"])}`);
}

const http = (facts: ParsedLine): string =>
  facts["url"] === undefined
    ? ""
    : `${text(facts["method"])} ${text(facts["url"])}${facts["status"] === undefined ? "" : ` -> ${text(facts["status"])}`}`;

const decision = (facts: ParsedLine): string => {
  if (facts["effect"] === undefined) return "";
  const enforced = facts["enforced"] === facts["effect"] ? "" : `, done: ${text(facts["enforced"])}`;
  const why = [facts["rule"], facts["code"]].map(text).filter((part) => part !== "");
  return `${text(facts["effect"])}${enforced}${why.length === 0 ? "" : ` (${why.join(", ")})`}`;
};

const approval = (facts: ParsedLine): string =>
  facts["id"] === undefined
    ? ""
    : [
        "approval",
        facts["id"],
        facts["outcome"],
        facts["approver"] === undefined ? "" : `by ${text(facts["approver"])}`,
        facts["reason"],
      ]
        .map(text)
        .filter((part) => part !== "")
        .join(" ");

const credential = (facts: ParsedLine): string =>
  facts["kid"] === undefined ? "" : `credential ${text(facts["kid"])} ${text(facts["scope"])}`.trimEnd();

const failure = (facts: ParsedLine): string =>
  facts["code"] === undefined
    ? ""
    : `error ${text(facts["code"])} ${text(facts["phase"])} sent: ${text(facts["sent"])}`;

const masking = (facts: ParsedLine): string => {
  const counts = Object.entries(record(facts["counts"])).map(([name, count]) => `${name} ${text(count)}`);
  return counts.length === 0 ? "" : `masked: ${counts.join(", ")}`;
};

const took = (facts: ParsedLine): string =>
  typeof facts["total_ms"] === "number" ? `${Math.round(facts["total_ms"])} ms` : "";

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";

const record = (value: unknown): ParsedLine =>
  typeof value === "object" && value !== null ? (value as ParsedLine) : {};

function parse(line: string): FoundLine | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? { parsed: parsed as ParsedLine }
      : undefined;
  } catch {
    return undefined;
  }
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
