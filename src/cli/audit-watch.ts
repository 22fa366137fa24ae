import { setTimeout as sleep } from "node:timers/promises";
import { followAudit } from "../audit/reading/follow.js";
import { type SessionSummary, summariseSessions } from "../audit/reading/session-states.js";
import { describeLine, describeSession } from "../audit/reading/timeline.js";
import { printable } from "../audit/text.js";
import { systemClock } from "../clock.js";
import type { Command } from "./command.js";
import { type CommandOutput, jsonLine } from "./command-output.js";
import { UsageError } from "./io.js";

const LOOK_EVERY_MS = 250;
const LONGEST_LAST = 10_000;

type Line = Readonly<Record<string, unknown>>;

/** `sallyport audit tail` and `sallyport audit sessions`: what is going on now. */
export function addAuditWatch(audit: Command, output: CommandOutput): void {
  audit
    .command("tail")
    .description("print lines as they are written, until Ctrl-C; whether they are genuine, `audit verify` tells")
    .argument("<directory>", "the audit directory")
    .option("--session <id>", "only this session")
    .option("--denied", "only what was refused")
    .option("--last <number>", "how many of the lines that are there come first", "10")
    .option("--json", "print events as JSON lines")
    .addHelpText("after", "\nExit codes: 0 ended by Ctrl-C.")
    .action(async (directory: string, options: { session?: string; denied?: true; last: string; json?: true }) => {
      const last = Number(options.last);
      if (!Number.isInteger(last) || last < 0 || last > LONGEST_LAST)
        throw new UsageError(`--last: must be a whole number up to ${LONGEST_LAST}`);
      const signal = output.interruption?.() ?? new AbortController().signal;
      const followed = followAudit(directory, {
        ...(options.session === undefined ? {} : { session: options.session }),
        wanted: options.denied === true ? isRefusal : () => true,
        last,
        signal,
        pause: () => sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined),
      });
      for await (const { session, line } of followed) {
        output.write(options.json === true ? `${jsonLine(line)}\n` : `${printable(session)}  ${describeLine(line)}\n`);
        await output.drained?.();
      }
      output.exit(0);
    });
  audit
    .command("sessions")
    .description("list the sessions that are open, whose they are, and what they wait for")
    .argument("<directory>", "the audit directory")
    .option("--all", "also those that ended")
    .option("--json", "print a JSON object per session")
    .addHelpText("after", "\nExit codes: 0 listed.")
    .action(async (directory: string, options: { all?: true; json?: true }) => {
      let count = 0;
      for await (const session of summariseSessions(directory)) {
        const isEnded = session.state === "closed" || session.state === "recovered";
        if (isEnded && options.all !== true) continue;
        count++;
        output.write(`${options.json === true ? jsonOf(session) : describe(session)}\n`);
      }
      if (count === 0 && options.json !== true)
        output.write(options.all === true ? "There is no session.\n" : "No session is open.\n");
      output.exit(0);
    });
}

/** Whatever was not allowed: by the policy, by a person, by the issuer of credentials. */
function isRefusal(line: Line): boolean {
  const { type } = line;
  if (type === "request.denied" || type === "credential.refused") return true;
  const outcome = (line["approval"] as Line | null | undefined)?.["outcome"];
  return type === "approval.decided" && outcome !== "approved";
}

const STATES: Readonly<Record<SessionSummary["state"], string>> = {
  open: "open",
  "writer gone": "open in the record, writer gone",
  "writer elsewhere": "open in the record, writer on another machine",
  closed: "closed",
  recovered: "ended by a crash, recovered",
};

function describe(session: SessionSummary): string {
  const { id, opening, pending, lines, state, lastAt } = session;
  const { purpose } = opening;
  const parts = [
    id,
    STATES[state],
    `${ageOf(opening["time"])} old`,
    describeSession(opening),
    typeof purpose === "string" ? purpose : "",
    `${lines} lines, the last at ${lastAt}`,
    pending === 0 ? "" : `${pending} without an outcome`,
  ];
  return printable(parts.filter((part) => part !== "").join("  "));
}

function jsonOf({ opening, id, log, state, lines, pending, lastAt }: SessionSummary): string {
  const { time, principal, agent, purpose, expires_at } = opening;
  const facts = { id, log, state, opened: time, last: lastAt, expires_at, principal, agent, purpose, lines, pending };
  return jsonLine(facts);
}

/** In its largest whole unit. */
function ageOf(opened: unknown): string {
  const seconds = Math.max(0, Math.floor((systemClock.now() - Date.parse(String(opened))) / 1000)) || 0;
  const [size, unit] = (
    [
      [86_400, "d"],
      [3600, "h"],
      [60, "m"],
    ] as const
  ).find(([one]) => seconds >= one) ?? [1, "s"];
  return `${Math.floor(seconds / size)}${unit}`;
}
