import { number, object, readOptions, requireFunction, type Shape, whole } from "../../shapes/index.js";
import { BadReply } from "../asking.js";
import type { ApprovalCallback, ApprovalControl, ApprovalReply, ApprovalRequest } from "../types.js";

/** One of several questions, and the help to answer it. */
export interface BatchedQuestion {
  readonly request: ApprovalRequest;
  readonly control: ApprovalControl;
}

/** Options of {@link approveInBatches}. */
export interface BatchOptions {
  /** How long questions are collected after the first, in milliseconds. Default 250. */
  readonly withinMs?: number;
  /** How many are shown together at most. Default 20. */
  readonly max?: number;
}

const OPTIONS: Shape<BatchOptions> = object<BatchOptions>({
  withinMs: number(0, 2 ** 31 - 1, "must be a number of milliseconds"),
  max: whole(1),
});

/**
 * Asks about several requests at once: questions that come within a moment are handed over together, and answered one by one
 * or all alike, with one reply for each, in order. Each yes stays a yes to exactly one request. Where there is another number
 * of replies than of questions, none of them counts.
 *
 * @throws OptionsError
 */
export function approveInBatches(
  ask: (questions: readonly BatchedQuestion[]) => Promise<readonly ApprovalReply[]>,
  options: BatchOptions = {},
): ApprovalCallback {
  requireFunction(ask, "ask");
  const { withinMs = 250, max = 20 } = readOptions(options, OPTIONS);

  type Waiting = BatchedQuestion & { answer(reply: ApprovalReply): void; fail(error: unknown): void };
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting.filter(({ control }) => !control.signal.aborted);
    waiting = [];
    if (batch.length === 0) return;
    Promise.resolve(batch.map(({ request, control }) => ({ request, control })))
      .then(ask)
      .then((replies) => {
        if (!Array.isArray(replies) || replies.length !== batch.length)
          throw new BadReply("there is not one reply for each question");
        batch.forEach((one, index) => {
          one.answer(replies[index] as ApprovalReply);
        });
      })
      .catch((error: unknown) => {
        for (const one of batch) one.fail(error);
      });
  };
  return (request, control) =>
    new Promise((answer, fail) => {
      waiting.push({ request, control, answer, fail });
      if (waiting.length >= max) flush();
      else timer ??= setTimeout(flush, withinMs);
    });
}
