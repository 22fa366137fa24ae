import { unwatchAbort, watchAbort } from "../transport/index.js";

/** Who broke a call off. */
export type Breaker = "caller" | "session";

/** One signal that follows several, and a way to let go of them. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Who aborted it; null while nobody has. Known from the watch itself: the reason is an object of the caller's choice. */
  brokenOffBy(): Breaker | null;
  /** Ends the watch. A session outlives its calls by far, and must not collect one listener for each. */
  release(): void;
}

/**
 * Follows the session's signal, the caller's where it gave one, and those of the run that the call is part of: each has one
 * listener for all calls.
 */
export function linkSignals(
  session: AbortSignal,
  caller: AbortSignal | null,
  runs: readonly AbortSignal[] = [],
): LinkedSignal {
  if (caller === null && runs.length === 0)
    return {
      signal: session,
      brokenOffBy: () => (session.aborted ? "session" : null),
      release: () => undefined,
    };
  const controller = new AbortController();
  let breaker: Breaker | null = null;
  const follow = (source: AbortSignal, who: Breaker) => ({
    source,
    watcher: {
      onAbort: () => {
        breaker ??= who;
        controller.abort(source.reason);
      },
    },
  });
  const callers = caller === null ? runs : [caller, ...runs];
  const watches = [follow(session, "session"), ...callers.map((signal) => follow(signal, "caller"))];
  for (const { source, watcher } of watches) {
    if (source.aborted) watcher.onAbort();
    else watchAbort(source, watcher);
  }
  return {
    signal: controller.signal,
    brokenOffBy: () => breaker,
    release: () => {
      for (const { source, watcher } of watches) unwatchAbort(source, watcher);
    },
  };
}
