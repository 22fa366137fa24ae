import type { Command } from "commander";
import { checkEventProof, eraseBody, proveConsistency, proveEvent, pruneAudit } from "../audit/index.js";
import { findRemovalProblem } from "../audit/maintenance.js";
import { printable } from "../audit/text.js";
import type { CommandOutput } from "./command-output.js";
import { readNamedText } from "./io.js";

/** `sallyport audit prove | check-proof | prune | erase`. */
export function addAuditTools(audit: Command, output: CommandOutput): void {
  const refuse = (error: unknown): void => {
    output.write(`${error instanceof Error ? error.message : String(error)}\n`);
    output.exit(1);
  };
  audit
    .command("prove")
    .description("prove to a stranger that a line is in a record, without showing the rest")
    .argument("<directory>", "the audit directory")
    .argument("<log>", "a session's id, or the name of a log as `verify` prints it")
    .argument("[seq]", "the number of the line")
    .option("--from <size>", "instead: prove that the log of this many lines was only added to")
    .action(async (directory: string, log: string, seq: string | undefined, options: { from?: string }) => {
      try {
        if (options.from !== undefined) {
          const proof = await proveConsistency(directory, log, Number(options.from));
          output.write(`${JSON.stringify(proof, null, 2)}\n`);
        } else output.write(`${JSON.stringify(await proveEvent(directory, log, Number(seq)), null, 2)}\n`);
      } catch (error) {
        refuse(error);
      }
    });
  audit
    .command("check-proof")
    .description("check what `prove` printed for a line; exits with 0 or 1")
    .argument("<file>", "the proof")
    .requiredOption("--key <key>", "the verifier key")
    .action(async (file: string, options: { key: string }) => {
      const isGood = isEventProof(readNamedText(file), options.key);
      output.write(isGood ? "The line is in the signed log.\n" : "This proves nothing.\n");
      output.exit(isGood ? 0 : 1);
    });
  audit
    .command("prune")
    .description("remove sessions that ended before a date, leaving signed tombstones")
    .argument("<directory>", "the audit directory")
    .requiredOption("--before <date>", "an ISO date or time")
    .requiredOption("--reason <text>", "why")
    .requiredOption("--by <name>", "who answers for it")
    .action(async (directory: string, options: { before: string; reason: string; by: string }) => {
      try {
        const before = new Date(options.before);
        const problem = Number.isNaN(before.getTime()) ? "--before is no date" : findRemovalProblem(directory);
        if (problem !== undefined) return refuse(problem);
        const warn = (message: string): void => output.write(`${printable(message)}\n`);
        const pruned = await pruneAudit(directory, { before, reason: options.reason, by: options.by, warn });
        output.write(`${pruned.length} sessions removed.\n`);
      } catch (error) {
        refuse(error);
      }
    });
  audit
    .command("erase")
    .description("erase the bodies that a line speaks of; the record stays valid")
    .argument("<directory>", "the audit directory")
    .argument("<session>", "the session's id")
    .argument("<seq>", "the number of the line")
    .requiredOption("--reason <text>", "why")
    .requiredOption("--by <name>", "who answers for it")
    .action(async (directory: string, session: string, seq: string, options: { reason: string; by: string }) => {
      try {
        const problem = findRemovalProblem(directory);
        if (problem !== undefined) return refuse(problem);
        output.write(`${await eraseBody(directory, session, Number(seq), options)} bodies erased.\n`);
      } catch (error) {
        refuse(error);
      }
    });
}

function isEventProof(text: string, key: string): boolean {
  try {
    const { line, proof } = JSON.parse(text) as Record<string, unknown>;
    return typeof line === "string" && typeof proof === "string" && checkEventProof({ line, proof }, key);
  } catch {
    return false;
  }
}
