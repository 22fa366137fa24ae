import { inertJson } from "../../src/audit/text.js";
import { Command, Option } from "../../src/cli/command.js";
import { EXIT, UsageError } from "../../src/cli/io.js";
import { parse } from "../../src/cli/run.js";
import { type DemoProbes, type DemoResult, runDemo } from "./demo.js";
import { runDoomed } from "./doomed.js";
import type { DemoIo } from "./io.js";

interface Flags {
  readonly interactive?: boolean;
  readonly directory?: string;
  readonly json?: boolean;
  readonly doomed?: boolean;
}

/**
 * `npm run demo`: the whole story, on loopback, with every claim checked by code.
 *
 * @returns the exit code.
 */
export async function runDemoCommand(argv: readonly string[], io: DemoIo, probes: DemoProbes = {}): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command("npm run demo --")
    .description("watch an agent work through the guard: a real authorization server, a real service, on loopback only")
    .option("--interactive", "you are the approver: decide at this terminal")
    .option("--directory <dir>", "keep the record there (default: a temporary directory that is removed)")
    .option("--json", "print each claim, and whether it holds, as JSON")
    // The demonstration starts itself with this option, to have a process to kill.
    .addOption(new Option("--doomed").hideHelp())
    .addHelpText("after", "\nExit codes: 0 every claim holds, 1 one does not, 64 wrong usage, 130 interrupted.")
    .action(async (flags: Flags) => {
      if (flags.doomed === true) await runDoomed(io.terminal.input, io.stdout);
      else code = await demo(io, flags, probes);
    });
  return (await parse(program, argv, io)) ?? code;
}

async function demo(
  io: DemoIo,
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
    if (!signal.aborted) throw error;
    io.stderr("Interrupted; everything is closed.\n");
    return EXIT.interrupted;
  }
  const { ok, milliseconds, claims } = result;
  if (json) io.stdout(`${inertJson(JSON.stringify({ ok, milliseconds, claims }, null, 2))}\n`);
  return ok ? EXIT.ok : EXIT.failed;
}
