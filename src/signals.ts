/** One signal that follows several, and a way to let go of them. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Removes the listeners. A session outlives its calls by far, and must not collect one listener for each. */
  release(): void;
}

/** Follows the session's signal and, where the caller gave one, the caller's. */
export function linkSignals(session: AbortSignal, caller: AbortSignal | null): LinkedSignal {
  if (caller === null) return { signal: session, release: () => undefined };
  const controller = new AbortController();
  const sources = [session, caller];
  const follow = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  for (const source of sources) {
    if (source.aborted) controller.abort(source.reason);
    else source.addEventListener("abort", follow, { once: true });
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const source of sources) source.removeEventListener("abort", follow);
    },
  };
}
