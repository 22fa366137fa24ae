import { inertJson } from "../audit/text.js";

/** Where a command writes, and how it tells its exit code. */
export interface CommandOutput {
  readonly write: (text: string) => void;
  readonly exit: (code: number) => void;
  /** For what is not the result: standard error. */
  readonly warn?: (text: string) => void;
  /** Resolves once what was written is gone, so that a slow reader does not fill the memory. */
  readonly drained?: () => Promise<void>;
  /** Aborts on Ctrl-C, for commands that would go on for ever. */
  readonly interruption?: () => AbortSignal;
}

/** A forged line may be nested deeper than the stack of whoever writes it out. */
export function jsonLine(parsed: object): string {
  try {
    return inertJson(JSON.stringify(parsed));
  } catch {
    return JSON.stringify({ unreadable: "a line is nested too deeply" });
  }
}
