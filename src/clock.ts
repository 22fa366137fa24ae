/** The time, as everything above the ground floor is given it. Lifetimes and windows are measured on `monotonic`. */
export interface Clock {
  /** Wall clock in epoch milliseconds: for display, for claims of others, for `when` clauses. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back, whatever happens to the wall clock. */
  monotonic(): number;
  /**
   * Calls `callback` once after `delayMs`; returns a function that cancels it. A timer never keeps the process alive.
   */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
