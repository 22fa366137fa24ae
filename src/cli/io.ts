import type { Readable, Writable } from "node:stream";
import { readRegularFile } from "../regular-file.js";

/** The world around a command: where it writes, what it is told by the environment. A test brings its own. */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Resolves once standard output has room, or nobody reads it any more. */
  readonly drained: () => Promise<void>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly columns: number | undefined;
  /** Where a person can be asked. */
  readonly terminal: {
    readonly input: Readable & { readonly isTTY?: boolean };
    readonly output: Writable & { readonly isTTY?: boolean };
  };
  /** From the first call on, Ctrl-C aborts this signal instead of ending the process; a second Ctrl-C ends it. */
  interruption(): AbortSignal;
}

/** Exit codes that all commands share; the others are a command's own and in its help. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** Wrong usage (EX_USAGE of sysexits.h). */
  usage: 64,
  /** A fault of ours (EX_SOFTWARE). */
  internal: 70,
  /** Ctrl-C, as a shell reports it. */
  interrupted: 130,
} as const;

/** The command line was wrong in a way only the command itself could see. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** This process's own. */
export function processIo(): CliIo {
  // `sallyport … | head` closes the pipe early, and that is not a fault.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  let interruption: AbortController | undefined;
  return {
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    drained: () => drained(process.stdout),
    env: process.env,
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns,
    terminal: { input: process.stdin, output: process.stderr },
    interruption() {
      if (interruption === undefined) {
        const controller = new AbortController();
        interruption = controller;
        for (const name of ["SIGINT", "SIGTERM"] as const)
          process.once(name, () => controller.abort(new Error(`interrupted by ${name}`)));
      }
      return interruption.signal;
    },
  };
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writableNeedDrain || stream.destroyed) return resolve();
    const events = ["drain", "close", "error"] as const;
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
  });
}

/** More than this in one file is a mistake. */
const LONGEST_NAMED_FILE = 64 * 1024 * 1024;

/**
 * A file that the operator names. Not a pipe or a device, which need not end.
 *
 * @throws UsageError
 */
export function readNamedFile(path: string, option: string = path): Buffer {
  try {
    return readRegularFile(path, { most: LONGEST_NAMED_FILE });
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The text of such a file; an empty one where it cannot be read, for what then proves nothing. */
export function readNamedText(path: string): string {
  try {
    return readNamedFile(path).toString("utf8");
  } catch {
    return "";
  }
}
