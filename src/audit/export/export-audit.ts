import {
  anyText,
  flag,
  needed,
  object,
  oneOf,
  readOptions,
  requireText,
  type Shape,
  typed,
} from "../../shapes/index.js";
import type { AuditReport } from "../verify/report.js";
import { VERIFYING, type VerifyAuditOptions, verifyAudit } from "../verify/verify-audit.js";
import { toCloudEvents } from "./cloud-events.js";
import { toCsv } from "./csv.js";
import { toHar } from "./har.js";
import { type ExportChoice, linesToExport } from "./lines.js";
import { toOcsf } from "./ocsf.js";

/** `har`: one document. `ocsf`, `cloudevents`: one JSON object per line. `csv`: RFC 4180. */
export type ExportFormat = "har" | "ocsf" | "cloudevents" | "csv";

export interface ExportOptions extends ExportChoice, Pick<VerifyAuditOptions, "key" | "anchors"> {
  readonly format: ExportFormat;
  /** Exports without verifying first, whatever the record is. Default false. */
  readonly unverified?: boolean;
}

/** A record in another format. */
export interface AuditExport {
  /** What verifying said of the whole directory, before; null where it was not asked for. */
  readonly report: AuditReport | null;
  /** The export, piece by piece; null where the record is not what it was, so that nobody takes it for genuine. */
  readonly chunks: AsyncIterable<string> | null;
}

const OPTIONS: Shape<ExportOptions> = object<ExportOptions>({
  ...VERIFYING,
  format: needed(oneOf("har", "ocsf", "cloudevents", "csv")),
  unverified: flag,
  session: anyText(),
  since: typed(
    (given): given is Date => given instanceof Date && !Number.isNaN(given.getTime()),
    "must be a date that is one",
  ),
});

/** Verdicts over a record that something was done to, or that nobody can say anything of. */
const REFUSED: ReadonlySet<string> = new Set(["INVALID", "DIVERGED", "CANNOT_VERIFY"]);

/**
 * Writes a record, or what one session left in it, in a format that other tools read. Verifies first, the whole directory: an
 * export has no chain, so nobody can do it afterwards. Reads as fast as `chunks` are taken, in bounded memory.
 *
 * @throws the reason of `options.signal`, and what the file system says of a directory that is not there.
 */
export async function exportAudit(directory: string, given: ExportOptions): Promise<AuditExport> {
  requireText(directory, "directory");
  const options = readOptions(given, OPTIONS);
  const { key, anchors, signal, unverified = false } = options;
  const report = unverified
    ? null
    : await verifyAudit(directory, {
        ...(key === undefined ? {} : { key }),
        ...(anchors === undefined ? {} : { anchors }),
        ...(signal === undefined ? {} : { signal }),
      });
  if (report !== null && REFUSED.has(report.verdict)) return { report, chunks: null };
  return { report, chunks: inFormat(directory, options, report?.verdict ?? "not verified") };
}

function inFormat(directory: string, options: ExportOptions, verdict: string): AsyncIterable<string> {
  const lines = linesToExport(directory, options);
  switch (options.format) {
    case "har":
      return toHar(lines, `sallyport audit verify: ${verdict}`);
    case "ocsf":
      return toOcsf(lines);
    case "cloudevents":
      return toCloudEvents(lines);
    case "csv":
      return toCsv(lines);
  }
}
