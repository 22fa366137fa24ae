import type { Clock } from "../clock.js";

/** Tells the operator. The same `key` is told at most once in 30 seconds, then with a count of what was left out. */
export type Warn = (key: string, message: string) => void;

const QUIET_MS = 30_000;

/** Collapses repeated warnings, so that a full disk is one line and not one per request. Keys must be few. */
export function collapsingWarn(clock: Clock, tell: (message: string) => void): Warn {
  const told = new Map<string, { at: number; suppressed: number }>();
  return (key, message) => {
    const now = clock.monotonic();
    const last = told.get(key);
    if (last !== undefined && now - last.at < QUIET_MS) {
      last.suppressed++;
      return;
    }
    const more = last === undefined || last.suppressed === 0 ? "" : ` (${last.suppressed} more like it)`;
    told.set(key, { at: now, suppressed: 0 });
    try {
      tell(message + more);
    } catch {
      // Telling must not fail a request.
    }
  };
}
