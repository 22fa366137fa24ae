import type { GuardParts } from "../guard-parts.js";
import { type Decision, type Judgement, narrowed, type PredicateAnswer, type PredicateCheck } from "../policy/index.js";
import { unwatchAbort, watchAbort } from "../transport/index.js";

type Parts = Pick<GuardParts, "clock" | "log" | "predicateTimeoutMs">;

/**
 * The decision after the predicates in code have been asked, all at the same time. One that throws, answers anything but a
 * boolean or is not done within `predicateTimeoutMs` denies, and the operator is told.
 *
 * @throws the signal's reason, when it aborts meanwhile.
 */
export async function askPredicates(
  parts: Parts,
  { decision, checks }: Judgement,
  signal: AbortSignal,
): Promise<Decision> {
  signal.throwIfAborted();
  const answers = await Promise.all(checks.map((check) => answerOf(parts, check, signal)));
  return narrowed(decision, checks, answers);
}

/** Whether the answers to one judgement count for another: the same policy, rules and predicates. */
export function isSameQuestion(one: Judgement, other: Judgement): boolean {
  const text = ({ decision: { effect, rule }, checks }: Judgement): string =>
    JSON.stringify([effect, rule, checks.map((check) => [check.rule, check.name])]);
  // By identity: the same document may have been compiled with other predicates.
  return one.decision.policy === other.decision.policy && text(one) === text(other);
}

function answerOf(
  { clock, log, predicateTimeoutMs }: Parts,
  { name, rule, ask }: PredicateCheck,
  signal: AbortSignal,
): Promise<PredicateAnswer> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void): void => {
      cancel();
      unwatchAbort(signal, watcher);
      settle();
    };
    const watcher = { onAbort: () => end(() => reject(signal.reason)) };
    const fail = (why: string): void =>
      end(() => {
        // Never the error itself: it may quote the request.
        log.warn({ predicate: name, rule, why }, "a predicate did not answer, so the request is denied");
        resolve("failed");
      });
    const cancel = clock.schedule(predicateTimeoutMs, () => fail(`not done within ${predicateTimeoutMs} ms`));
    watchAbort(signal, watcher);
    Promise.resolve()
      .then(ask)
      .then(
        (answer) => (typeof answer === "boolean" ? end(() => resolve(answer)) : fail("answered no boolean")),
        () => fail("threw an error"),
      );
  });
}
