import { unwatchAbort, watchAbort } from "../transport/index.js";

/** One signal that follows several, and a way to let go of them. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Ends the watch. A session outlives its calls by far, and must not collect one listener for each. */
  release(): void;
}

/** Follows the session's signal and, where the caller gave one, the caller's: each has one listener for all calls. */
export function linkSignals(session: AbortSignal, caller: AbortSignal | null): LinkedSignal {
  if (caller === null) return { signal: session, release: () => undefined };
  const controller = new AbortController();
  const watches = [session, caller].map((source) => ({
    source,
    watcher: { onAbort: () => controller.abort(source.reason) },
  }));
  for (const { source, watcher } of watches) {
    if (source.aborted) watcher.onAbort();
    else watchAbort(source, watcher);
  }
  return {
    signal: controller.signal,
    release: () => {
      for (const { source, watcher } of watches) unwatchAbort(source, watcher);
    },
  };
}
