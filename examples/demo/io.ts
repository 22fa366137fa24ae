import { type ChildProcess, spawn } from "node:child_process";
import { type CliIo, processIo } from "../../src/cli/io.js";

/** The world around the demonstration: a terminal, and a way to start a second process that it can kill. */
export interface DemoIo extends CliIo {
  /** Starts this program again as the process that is going to be killed; its input and output belong to the caller. */
  readonly startDoomed: () => Promise<ChildProcess>;
}

/** This process's own. */
export function demoIo(): DemoIo {
  return {
    ...processIo(),
    startDoomed: async () =>
      spawn(process.execPath, [process.argv[1] ?? "", "--doomed"], { stdio: ["pipe", "pipe", "inherit"] }),
  };
}
