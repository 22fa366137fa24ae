import { createRequire } from "node:module";
import { printable } from "../audit/text.js";
import { isGuardError } from "../errors/guard-error.js";
import { approvalsCommand } from "./approvals.js";
import { auditCommand } from "./audit.js";
import { Command, CommanderError } from "./command.js";
import { type CliIo, EXIT, UsageError } from "./io.js";
import { policyCommand } from "./policy.js";

/** Runs one command line (without the program's own name) and returns its exit code. Never ends the process. */
export async function run(argv: readonly string[], io: CliIo): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (given: number): void => {
    code = given;
  };
  const program = new Command("sallyport")
    .description("The one door through which AI agents reach internal SaaS.")
    .version(packageVersion(), "-v, --version", "print the version")
    .addHelpText(
      "after",
      `\nExit codes: 0 done, ${EXIT.usage} wrong usage, ${EXIT.internal} a fault of ours; others per command.`,
    )
    .addCommand(policyCommand({ write: io.stdout, exit }))
    .addCommand(approvalsCommand({ write: io.stdout, exit }))
    .addCommand(
      auditCommand({
        write: io.stdout,
        exit,
        warn: io.stderr,
        drained: io.drained,
        interruption: () => io.interruption(),
      }),
    );
  return (await parse(program, argv, io)) ?? code;
}

/** Lets a program read its command line and act. Returns an exit code if it did not get that far, and explains why. */
export async function parse(program: Command, argv: readonly string[], io: CliIo): Promise<number | null> {
  const width = io.columns ?? 100;
  program
    .configureOutput({
      writeOut: io.stdout,
      writeErr: io.stderr,
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
    })
    .exitOverride();
  inheritSettings(program);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return null;
  } catch (error) {
    return explain(error, io);
  }
}

/** Commander hands settings on to the commands it makes itself, not to those it is given. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) inheritSettings(child.copyInheritedSettings(command));
}

function explain(error: unknown, io: CliIo): number {
  // Its text has been written already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  const text = message.trimEnd().split("\n").map(printable).join("\n");
  if (error instanceof UsageError) {
    io.stderr(`error: ${text}\n`);
    return EXIT.usage;
  }
  io.stderr(isGuardError(error) ? `${text}\n` : `internal error: ${text}\n`);
  return isGuardError(error) ? EXIT.failed : EXIT.internal;
}

/** Resolved by name, so that it is found from the source tree and from the bundle alike. */
function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("sallyport/package.json");
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
