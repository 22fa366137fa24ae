import { Command } from "commander";
import { type AuditReport, type LogReport, verifyAudit } from "../audit/index.js";
import { describeLine, describeSession, listSessions, readSession } from "../audit/reading/timeline.js";
import { inertJson, printable } from "../audit/text.js";
import { addAuditExport } from "./audit-export.js";
import { addAuditTools } from "./audit-tools.js";
import { addAuditWatch } from "./audit-watch.js";
import { type CommandOutput, jsonLine } from "./command-output.js";
import { readNamedText } from "./io.js";
import { keyLines } from "./key-lines.js";

const processOutput: CommandOutput = {
  write: (text) => void process.stdout.write(text),
  exit: (code) => {
    process.exitCode = code;
  },
};

/** `sallyport audit …`: judge a record, and look at one. */
export function auditCommand(output: CommandOutput = processOutput): Command {
  const audit = new Command("audit").description("verify, show, follow or export the record of what agents did");
  audit
    .command("verify")
    .description("tell whether a record is complete and unchanged")
    .argument("<directory>", "the audit directory")
    .option("--key <key>", "the verifier key, or a file with one per line; default: signer.pub in the directory")
    .option("--anchor <file>", "a file with signed heads that were published elsewhere")
    .option("--json", "print the whole report as JSON")
    .addHelpText(
      "after",
      "\nExit codes: 0 COMPLETE, 1 INVALID, 2 CANNOT_VERIFY, 3 PREFIX_VALID_END_UNPROVEN, 4 DIVERGED, 5 EMPTY.",
    )
    .action(async (directory: string, options: { key?: string; anchor?: string; json?: boolean }) => {
      const report = await verifyAudit(directory, {
        ...(options.key === undefined ? {} : { key: await keyLines(options.key) }),
        ...(options.anchor === undefined ? {} : { anchors: readNamedText(options.anchor) }),
      });
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
  addAuditExport(audit, output);
  addAuditTools(audit, output);
  addAuditWatch(audit, output);
  return audit;
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
  if (log.recovered === true) parts.push("ended by a crash, recovered");
  if (log.pruned === true) parts.push("removed on purpose");
  if (log.erased !== undefined) parts.push(`${log.erased} erased on purpose`);
  if (log.anchoredSize !== undefined) parts.push(`published up to line ${log.anchoredSize}`);
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
