import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { type AuditReport, type LogReport, verifyAudit } from "../audit/index.js";
import { parseVerifierKey } from "../audit/note.js";
import { inertJson, printable } from "../audit/text.js";
import { describeLine, describeSession, listSessions, readSession } from "../audit/timeline.js";

/** Where a command writes, and how it tells its exit code. */
export interface CommandOutput {
  readonly write: (text: string) => void;
  readonly exit: (code: number) => void;
}

const processOutput: CommandOutput = {
  write: (text) => void process.stdout.write(text),
  exit: (code) => {
    process.exitCode = code;
  },
};

/** `sallyport audit …`: judge a record, and look at one. */
export function auditCommand(output: CommandOutput = processOutput): Command {
  const audit = new Command("audit").description("verify or show the record of what agents did");
  audit
    .command("verify")
    .description("tell whether a record is complete and unchanged")
    .argument("<directory>", "the audit directory")
    .option("--key <key>", "the verifier key, or a file that holds it; default: signer.pub in the directory")
    .option("--json", "print the whole report as JSON")
    .addHelpText(
      "after",
      "\nExit codes: 0 COMPLETE, 1 INVALID, 2 CANNOT_VERIFY, 3 PREFIX_VALID_END_UNPROVEN, 4 DIVERGED, 5 EMPTY.",
    )
    .action(async (directory: string, options: { key?: string; json?: boolean }) => {
      const key = options.key === undefined ? {} : { key: await keyLine(options.key) };
      const report = await verifyAudit(directory, key);
      output.write(options.json === true ? `${inertJson(JSON.stringify(report, null, 2))}\n` : describeReport(report));
      output.exit(report.exitCode);
    });
  audit
    .command("show")
    .description("print what a record says, in order; whether it is genuine, `audit verify` tells")
    .argument("<directory>", "the audit directory")
    .argument("[session]", "the session to show; default: all")
    .option("--json", "print events as JSON lines")
    .action(async (directory: string, session: string | undefined, options: { json?: boolean }) => {
      const shown = await show(directory, session, options.json === true, output);
      if (shown === 0) output.write(options.json === true ? "" : "No session found.\n");
      output.exit(shown === 0 && session !== undefined ? 1 : 0);
    });
  return audit;
}

/** The key that `--key` means: a key line itself, or the first line of a file. */
async function keyLine(given: string): Promise<string> {
  if (parseVerifierKey(given) !== undefined) return given;
  const content = await readFile(given, "utf8").catch(() => "");
  return content.slice(0, 4096).split("\n", 1)[0] ?? "";
}

function describeReport(report: AuditReport): string {
  const { key } = report;
  const where = key.source === "given" ? "given by you" : "found in the directory";
  const lines = [
    `${report.verdict}  ${report.directory}`,
    key.source === "none" ? "  no key" : `  key ${key.name}+${key.id}, ${where}`,
    ...report.logs.map((log) => `  ${describeLog(log)}`),
    ...report.notes.map((note) => `  note: ${note}`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}

function describeLog(log: LogReport): string {
  const parts = [log.verdict.padEnd(9), log.log, `${log.lines} lines`];
  if (log.verdict === "PREFIX_VALID_END_UNPROVEN") parts.push(`${log.unsigned} unsigned`);
  if (log.tornBytes > 0) parts.push(`${log.tornBytes} bytes of half a line`);
  if (log.problem !== undefined) {
    const { segment, seq, reason } = log.problem;
    const place = [segment, seq === undefined ? undefined : `seq ${seq}`].filter((part) => part !== undefined);
    parts.push(place.length === 0 ? reason : `${place.join(" ")}: ${reason}`);
  }
  return parts.join("  ");
}

async function show(
  directory: string,
  wanted: string | undefined,
  json: boolean,
  output: CommandOutput,
): Promise<number> {
  const sessions = (await listSessions(directory)).filter(({ id }) => wanted === undefined || id === wanted);
  for (const session of sessions) {
    let heading = json;
    if (!json) output.write(`${printable(session.log)}\n`);
    await readSession(session, (line) => {
      if ("unreadable" in line)
        return output.write(json ? `${JSON.stringify(line)}\n` : `  ! ${printable(line.unreadable)}\n`);
      if (json) return output.write(`${jsonLine(line.parsed)}\n`);
      if (!heading) output.write(`  ${describeSession(line.parsed)}\n`);
      heading = true;
      output.write(`  ${describeLine(line.parsed)}\n`);
    });
  }
  return sessions.length;
}

/** A forged line may be nested deeper than the stack of whoever writes it out. */
function jsonLine(parsed: object): string {
  try {
    return inertJson(JSON.stringify(parsed));
  } catch {
    return JSON.stringify({ unreadable: "a line is nested too deeply" });
  }
}
