import { printable } from "../text.js";
import type { ParsedLine } from "../verify/parsed-line.js";
import { type ExportLine, numberIn, objectIn, textIn } from "./lines.js";

type Cell = string | number | undefined;

const inside =
  (member: string, key: string) =>
  ({ event }: ExportLine): Cell =>
    cellOf(objectIn(event, member), key);
const cellOf = (event: ParsedLine, key: string): Cell => textIn(event, key) ?? numberIn(event, key);

const COLUMNS: Readonly<Record<string, (line: ExportLine) => Cell>> = {
  time: ({ event }) => textIn(event, "time"),
  log: ({ log }) => log,
  seq: ({ event }) => numberIn(event, "seq"),
  type: ({ event }) => textIn(event, "type"),
  session: ({ event }) => textIn(event, "session_id"),
  principal: inside("principal", "id"),
  agent: inside("agent", "id"),
  request: ({ event }) => textIn(event, "request_id"),
  attempt: ({ event }) => numberIn(event, "attempt"),
  method: inside("http", "method"),
  url: inside("http", "url"),
  status: inside("http", "status"),
  effect: inside("decision", "effect"),
  enforced: inside("decision", "enforced"),
  rule: inside("decision", "rule"),
  code: inside("decision", "code"),
  approval: inside("approval", "id"),
  outcome: inside("approval", "outcome"),
  approver: inside("approval", "approver"),
  credential: inside("credential", "kid"),
  scope: inside("credential", "scope"),
  masked: ({ event }) => maskedIn(objectIn(event, "mask")),
  bytes_sent: inside("req_body", "bytes"),
  bytes_received: inside("res_body", "bytes"),
  total_ms: inside("timing", "total_ms"),
  error: inside("error", "code"),
  sent: inside("error", "sent"),
  alert: inside("alert", "rule"),
  purpose: ({ event }) => textIn(event, "purpose"),
  reason: ({ event }) =>
    textIn(event, "reason") ??
    textIn(objectIn(event, "decision"), "reason") ??
    textIn(objectIn(event, "approval"), "reason"),
};

const maskedIn = (mask: ParsedLine): string | undefined => {
  const counts = Object.entries(objectIn(mask, "counts")).filter(([, count]) => typeof count === "number");
  return counts.length === 0 ? undefined : counts.map(([name, count]) => `${name} ${String(count)}`).join(", ");
};

/** Rows as RFC 4180 has them, one for each line of the record, for a spreadsheet. */
export async function* toCsv(lines: AsyncIterable<ExportLine>): AsyncGenerator<string> {
  yield `${Object.keys(COLUMNS).map(quoted).join(",")}\r\n`;
  for await (const line of lines)
    yield `${Object.values(COLUMNS)
      .map((cell) => cellText(cell(line)))
      .join(",")}\r\n`;
}

/** Our own numbers stay numbers: only text can be somebody's formula. */
const cellText = (cell: Cell): string => (typeof cell === "number" ? String(cell) : quoted(inert(cell ?? "")));

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/**
 * A spreadsheet runs a cell that begins like a formula, whatever is quoted, and whoever chose a URL or a reason would be
 * running it on the auditor's machine. An apostrophe makes it text. Also full-width signs, which some versions take for the
 * others; spaces before them are dropped by some.
 */
const inert = (text: string): string => {
  const shown = printable(text);
  return /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(shown) || /^[\t\r\n]/.test(text) ? `'${shown}` : shown;
};
