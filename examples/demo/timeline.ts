import { listSessions, readSession } from "../../src/audit/reading/timeline.js";
import { printable } from "../../src/audit/text.js";

type Members = Readonly<Record<string, unknown>>;

/** The record of all sessions in short: one line per event, without the checkpoints between them. */
export async function timelineOf(directory: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const session of await listSessions(directory)) {
    await readSession(session, (line) => {
      if ("parsed" in line && line.parsed["type"] !== "log.checkpoint") lines.push(describe(line.parsed));
    });
  }
  return lines;
}

function describe(event: Members): string {
  const time = text(event["time"]).slice(11, 23);
  return printable(
    `${text(event["seq"]).padStart(3)}  ${time}  ${text(event["type"]).padEnd(20)}${details(event)}`.trimEnd(),
  );
}

/** Not all that a line says: what a reader of the story would look for. */
function details(event: Members): string {
  const [http, decision, approval, credential, mask] = ["http", "decision", "approval", "credential", "mask"].map(
    (name) => members(event[name]),
  );
  const parts = [
    http?.["url"] === undefined ? "" : `${text(http["method"])} ${pathOf(text(http["url"]))}`,
    http?.["status"] === undefined ? "" : `→ ${text(http["status"])}`,
    text(decision?.["code"] ?? decision?.["rule"]),
    event["type"] === "approval.decided" ? `${text(approval?.["outcome"])} by ${text(approval?.["approver"])}` : "",
    event["type"] === "credential.issued" ? `for ${text(credential?.["scope"])}` : "",
    Object.entries(members(mask?.["counts"]))
      .map(([kind, count]) => `${text(count)} ${kind}`)
      .join(", "),
    event["type"] === "session.opened" ? text(event["purpose"]) : "",
  ];
  return parts.filter((part) => part !== "").join("  ");
}

/** By text: a URL parser would repair what the guard refused. */
const pathOf = (url: string): string => url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

const members = (value: unknown): Members => (typeof value === "object" && value !== null ? (value as Members) : {});
