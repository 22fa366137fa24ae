import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { having, object, readOptions, type Shape } from "../../shapes/index.js";
import { renderCard } from "../card.js";
import { readApprover } from "../read-reply.js";
import { unavailable } from "../refusals.js";
import type { ApprovalCallback, ApprovalControl, ApprovalReply, ApprovalRequest, Approver } from "../types.js";

/** Options of {@link approveInTerminal}. */
export interface TerminalOptions {
  /** Default `process.stdin`. Must be a terminal. */
  readonly input?: Readable & { readonly isTTY?: boolean };
  /** Default `process.stderr`, so that the program's own output stays clean. Must be a terminal. */
  readonly output?: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Who sits there. Default: the operating system's user, vouched for by `terminal`. */
  readonly approver?: Approver;
}

const approver: Shape<Approver> = {
  read(given, place) {
    const reading = readApprover(given);
    if (reading.ok) return reading.value;
    place.report(reading.problem);
    return undefined;
  },
};

const OPTIONS: Shape<TerminalOptions> = object<TerminalOptions>({
  input: having(["on", "off", "pause"], "must be a stream to read from"),
  output: having(["write"], "must be a stream to write to"),
  approver,
});

const ATTEMPTS = 3;
const INPUT_ENDED = "the terminal's input ended before there was an answer";

/**
 * Asks the person at the terminal, one question at a time: shows what exactly would be sent and takes `y` for a yes, `n` or
 * Enter for a no. What was typed before the question was there is thrown away, so that a key pressed twice does not answer
 * the next one. Without a terminal, or when it goes away, asking fails, and nothing is approved.
 *
 * @throws OptionsError
 */
export function approveInTerminal(given: TerminalOptions = {}): ApprovalCallback {
  const options = readOptions(given, OPTIONS);
  let turn: Promise<unknown> = Promise.resolve();
  const ask = (request: ApprovalRequest, control: ApprovalControl): Promise<ApprovalReply> => {
    const answer = turn.then(() => converse(options, request, control));
    // The next question comes when this one is over, however it ended.
    turn = answer.catch(() => undefined);
    return answer;
  };
  return Object.assign(ask, { asksHere: true });
}

async function converse(
  options: TerminalOptions,
  request: ApprovalRequest,
  control: ApprovalControl,
): Promise<ApprovalReply> {
  const { input = process.stdin, output = process.stderr } = options;
  const by = options.approver ?? { id: userInfo().username, idp: "terminal" };
  control.signal.throwIfAborted();
  if (input.isTTY !== true || output.isTTY !== true) {
    throw unavailable("approveInTerminal needs a terminal for its input and its output, and there is none");
  }
  await discardTypeAhead(input);
  if (input.readableEnded || input.destroyed) throw unavailable(INPUT_ENDED);
  const lines = createInterface({ input, terminal: false });
  const gone = new AbortController();
  const hangUp = (): void => gone.abort(unavailable(INPUT_ENDED));
  lines.once("close", hangUp);
  input.once("error", hangUp);
  try {
    const columns = "columns" in output && typeof output.columns === "number" ? output.columns : 96;
    output.write(`\n${renderCard(request, Math.min(Math.max(columns - 1, 48), 120))}\n`);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Listened for first: whatever stands for the person may answer in the moment it is asked.
      const line = nextLine(lines, [control.signal, gone.signal]);
      output.write("  Send exactly this, once? [y/N] ");
      const answer = await line;
      if (/^(?:y|yes)$/i.test(answer)) return control.approve(by);
      if (/^(?:n|no|)$/i.test(answer)) return control.deny(by);
    }
    throw unavailable(`no answer at the terminal was a yes or a no, in ${ATTEMPTS} attempts`);
  } catch (error) {
    if (control.signal.aborted) output.write("\n  The question no longer stands.\n");
    throw error;
  } finally {
    input.off("error", hangUp);
    lines.close();
  }
}

/** Reads away what is there already. */
async function discardTypeAhead(input: Readable): Promise<void> {
  const ignore = (): void => undefined;
  input.on("data", ignore);
  for (let turns = 0; turns < 3; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  input.off("data", ignore);
  input.pause();
}

function nextLine(lines: ReturnType<typeof createInterface>, signals: readonly AbortSignal[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const onLine = (line: string): void => finish(() => resolve(line.trim()));
    const onAbort = (event: Event): void => finish(() => reject((event.target as AbortSignal).reason));
    const finish = (end: () => void): void => {
      lines.off("line", onLine);
      for (const signal of signals) signal.removeEventListener("abort", onAbort);
      end();
    };
    lines.on("line", onLine);
    for (const signal of signals) {
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) finish(() => reject(signal.reason));
    }
  });
}
