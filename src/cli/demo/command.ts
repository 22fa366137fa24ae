import { inertJson } from "../../audit/text.js";
import { Command, Option } from "../command.js";
import { type CliIo, EXIT, UsageError } from "../io.js";
import { type DemoProbes, type DemoResult, runDemo } from "./demo.js";
import { runDoomed } from "./doomed.js";

interface Flags {
  readonly interactive?: boolean;
  readonly directory?: string;
  readonly json?: boolean;
  readonly doomed?: boolean;
}

/** What has to be installed where the authorization server is missing. */
const INSTALL = "npm install --no-save oidc-provider@~9.13";

/** `sallyport demo`: the whole of it, on loopback, with every claim checked by code. */
export function demoCommand(io: CliIo, exit: (code: number) => void, probes: DemoProbes = {}): Command {
  return (
    new Command("demo")
      .description(
        "watch an agent work through the guard: a real authorization server, a real service, on loopback only",
      )
      .option("--interactive", "you are the approver: answer at this terminal")
      .option("--directory <dir>", "keep the record there (default: a temporary directory that is removed)")
      .option("--json", "print what was claimed, and whether it holds, as JSON")
      // What the demonstration starts itself with, to have something to kill.
      .addOption(new Option("--doomed").hideHelp())
      .addHelpText(
        "after",
        `
Needs oidc-provider, which is not installed with sallyport:
  ${INSTALL}

Exit codes: 0 every claim holds, 1 one does not, 64 wrong usage, 69 oidc-provider is missing, 130 interrupted.`,
      )
      .action(async (flags: Flags) => {
        if (flags.doomed === true) await runDoomed(io.terminal.input, io.stdout);
        else exit(await demo(io, flags, probes));
      })
  );
}

async function demo(
  io: CliIo,
  { interactive = false, directory, json = false }: Flags,
  probes: DemoProbes,
): Promise<number> {
  const { input, output } = io.terminal;
  if (interactive && (input.isTTY !== true || output.isTTY !== true)) {
    throw new UsageError("--interactive needs a terminal to ask you at");
  }
  const signal = io.interruption();
  let result: DemoResult;
  try {
    const kept = directory === undefined ? {} : { directory };
    result = await runDemo(io, { interactive, quiet: json, ...kept }, signal, probes);
  } catch (error) {
    if (signal.aborted) {
      io.stderr("Interrupted; everything is closed.\n");
      return EXIT.interrupted;
    }
    if (!isMissing(error)) throw error;
    io.stderr(
      `The demo needs an authorization server, and oidc-provider is not installed. Install it and run the demo again:\n  ${INSTALL}\n`,
    );
    return EXIT.unavailable;
  }
  const { ok, milliseconds, claims } = result;
  if (json) io.stdout(`${inertJson(JSON.stringify({ ok, milliseconds, claims }, null, 2))}\n`);
  return ok ? EXIT.ok : EXIT.failed;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  error.code === "ERR_MODULE_NOT_FOUND" &&
  error.message.includes("oidc-provider");
