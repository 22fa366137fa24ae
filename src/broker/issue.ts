import type { Clock } from "../clock.js";
import type { GuardError } from "../errors/guard-error.js";
import { abortable } from "../transport/index.js";
import { asGuardError, asideOf, CredentialError } from "./credential-error.js";
import type { CredentialProvider, GrantRequest, IssuedCredential } from "./provider.js";
import { backoffMs, wait } from "./wait.js";

/** What issuing needs from outside. */
export interface IssueContext {
  readonly credential: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** For all attempts together. Milliseconds. */
  readonly deadlineMs: number;
  /** Given what a provider answers after it has been given up. */
  readonly onLate: (issued: IssuedCredential, requestedAt: number) => void;
}

/** Without a prototype, since a promise asks what it resolves to for `then`. */
interface Issued {
  readonly issued: IssuedCredential;
  readonly requestedAt: number;
}

const MAX_ATTEMPTS = 4;

/**
 * Asks a provider until it answers, refuses for good, or the deadline passes. Only what the authorization server calls
 * a fault of the moment is asked again, after the pause it asked for. `requestedAt` is the monotonic time at which the
 * attempt that succeeded began.
 */
export async function issueWithRetry(
  provider: CredentialProvider,
  request: GrantRequest,
  context: IssueContext,
): Promise<Issued> {
  const { clock, signal } = context;
  const deadline = clock.monotonic() + context.deadlineMs;
  const deadlinePassed = new AbortController();
  const cancel = clock.schedule(context.deadlineMs, () => deadlinePassed.abort());
  const either = AbortSignal.any([signal, deadlinePassed.signal]);
  try {
    for (let attempt = 1; ; attempt++) {
      const requestedAt = clock.monotonic();
      try {
        const issued = await askOnce(provider, request, either, (late) => context.onLate(late, requestedAt));
        return { __proto__: null, issued, requestedAt } as unknown as Issued;
      } catch (error) {
        signal.throwIfAborted();
        const failure = deadlinePassed.signal.aborted ? outOfTime(context) : asGuardError(error, context.credential);
        const pause = pauseBefore(attempt, failure, context.random());
        if (pause === undefined || clock.monotonic() + pause >= deadline) throw failure;
        await wait(pause, clock, either).catch(() => {});
        signal.throwIfAborted();
      }
    }
  } finally {
    cancel();
  }
}

/** A provider that ignores its signal is left behind, and what it answers after all is not lost sight of. */
async function askOnce(
  provider: CredentialProvider,
  request: GrantRequest,
  signal: AbortSignal,
  onLate: (issued: IssuedCredential) => void,
): Promise<IssuedCredential> {
  const answer = provider.issue(request, { signal });
  let seen = false;
  const late = (...issued: readonly IssuedCredential[]): void => {
    if (!signal.aborted || seen) return;
    seen = true;
    for (const one of issued) onLate(one);
  };
  answer.then(late, (error: unknown) => late(...(asideOf(error).rejected ?? [])));
  const issued = await abortable(answer, signal);
  // It may have been given up in the very moment of its arrival.
  late(issued);
  signal.throwIfAborted();
  return issued;
}

function pauseBefore(attempt: number, failure: GuardError, random: number): number | undefined {
  if (!(failure instanceof CredentialError) || !failure.transient || attempt >= MAX_ATTEMPTS) return undefined;
  return Math.max(failure.retryAfterMs ?? 0, backoffMs(attempt, random));
}

const outOfTime = (context: IssueContext): GuardError =>
  new CredentialError("unreachable", {
    message: `The credential "${context.credential}" was not issued within ${context.deadlineMs} ms.`,
  });
