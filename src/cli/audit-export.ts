import { type FileHandle, open, rm } from "node:fs/promises";
import { type AuditExport, type AuditReport, type ExportFormat, exportAudit } from "../audit/index.js";
import { listSessions } from "../audit/reading/timeline.js";
import { inertJson, printable } from "../audit/text.js";
import { systemClock } from "../clock.js";
import { parseDuration } from "../policy/index.js";
import type { Command } from "./command.js";
import type { CommandOutput } from "./command-output.js";
import { readNamedText, UsageError } from "./io.js";
import { keyLines } from "./key-lines.js";

const FORMATS: readonly string[] = ["har", "ocsf", "cloudevents", "csv"] satisfies ExportFormat[];

interface ExportArguments {
  readonly format: string;
  readonly session?: string;
  readonly since?: string;
  readonly out?: string;
  readonly key?: string;
  readonly anchor?: string;
  readonly unverified?: boolean;
  readonly json?: boolean;
}

/** `sallyport audit export`: what was recorded, in the words of other tools. */
export function addAuditExport(audit: Command, output: CommandOutput): void {
  audit
    .command("export")
    .description("verify a record, and write it as HAR, OCSF, CloudEvents or CSV")
    .argument("<directory>", "the audit directory")
    .requiredOption("--format <format>", "har, ocsf, cloudevents or csv")
    .option("--session <id>", "only this session")
    .option("--since <when>", "only from then on: a date, a time, or how long ago, such as 24h")
    .option("--out <file>", "a file that is not there yet; default: standard output")
    .option("--key <key>", "the verifier key, or a file with one per line; default: signer.pub in the directory")
    .option("--anchor <file>", "a file with signed heads that were published elsewhere")
    .option("--unverified", "do not verify first; the export says so")
    .option("--json", "say as JSON what was done")
    .addHelpText("after", "\nExit codes: 0 exported, 1 no such session, or the code that `audit verify` refuses with.")
    .action(async (directory: string, options: ExportArguments) => {
      const { format, session, since, key, anchor } = options;
      if (!FORMATS.includes(format)) throw new UsageError(`--format: must be one of ${FORMATS.join(", ")}`);
      const from = since === undefined ? {} : { since: timeOf(since) };
      if (session !== undefined && !(await listSessions(directory)).some(({ id }) => id === session))
        return refuse(output, options, { report: null, problem: "There is no such session.", exitCode: 1 });
      const exported = await exportAudit(directory, {
        format: format as ExportFormat,
        ...from,
        ...(session === undefined ? {} : { session }),
        ...(key === undefined ? {} : { key: await keyLines(key) }),
        ...(anchor === undefined ? {} : { anchors: readNamedText(anchor) }),
        unverified: options.unverified === true,
      });
      if (exported.chunks === null) {
        const verdict = exported.report?.verdict ?? "";
        const problem = `Nothing was exported: the record is ${verdict}. --unverified exports it all the same.`;
        return refuse(output, options, { report: exported.report, problem, exitCode: exported.report?.exitCode ?? 1 });
      }
      const bytes = await pour(exported.chunks, options.out, output);
      tell(output, options, exported, bytes);
    });
}

interface Refusal {
  readonly report: AuditReport | null;
  readonly problem: string;
  readonly exitCode: number;
}

function refuse(output: CommandOutput, { json }: ExportArguments, { report, problem, exitCode }: Refusal): void {
  const facts = { exported: false, verdict: report?.verdict ?? null, problem };
  const text = json === true ? JSON.stringify(facts) : problem;
  (output.warn ?? output.write)(`${inertJson(text)}\n`);
  output.exit(exitCode);
}

/** Beside the data, never in it: standard output belongs to the export where there is no file. */
function tell(output: CommandOutput, options: ExportArguments, { report }: AuditExport, bytes: number): void {
  const verdict = report?.verdict ?? null;
  const facts = { exported: true, format: options.format, verdict, bytes, ...(options.out && { file: options.out }) };
  const said = verdict === null ? "not verified" : `verified: ${verdict}`;
  const text =
    options.json === true
      ? inertJson(JSON.stringify(facts))
      : printable(`${bytes} bytes of ${options.format}, ${said}${options.out ? `, in ${options.out}` : ""}`);
  const write = options.out === undefined ? output.warn : output.write;
  write?.(`${text}\n`);
  output.exit(0);
}

async function pour(chunks: AsyncIterable<string>, out: string | undefined, output: CommandOutput): Promise<number> {
  let bytes = 0;
  if (out === undefined) {
    for await (const chunk of chunks) {
      bytes += Buffer.byteLength(chunk);
      output.write(chunk);
      await output.drained?.();
    }
    return bytes;
  }
  const file = await create(out);
  try {
    for await (const chunk of chunks) bytes += (await file.write(chunk)).bytesWritten;
    return bytes;
  } catch (error) {
    await rm(out, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Never over something else, and for nobody but its owner: it holds what the record holds. */
async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    throw new UsageError(`--out: ${(error as Error).message}`);
  }
}

function timeOf(since: string): Date {
  const ago = parseDuration(since);
  const date = ago === null ? new Date(since) : new Date(systemClock.now() - ago);
  if (Number.isNaN(date.getTime())) throw new UsageError("--since: must be a date, a time, or a duration such as 24h");
  return date;
}
