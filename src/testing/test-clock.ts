import type { Clock } from "../clock.js";

/** A clock that moves only when it is told to. */
export interface TestClock extends Clock {
  /** Moves the time forward, and runs what falls due, in order; promises settle after each. In milliseconds. */
  advance(ms: number): Promise<void>;
}

/** Makes a clock that stands still. `startAt` is epoch milliseconds; default noon of 15 January 2026, UTC. */
export function testClock(startAt: number = Date.UTC(2026, 0, 15, 12)): TestClock {
  let elapsed = 0;
  let ids = 0;
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => startAt + elapsed,
    monotonic: () => elapsed,
    schedule(delayMs, callback) {
      const id = ids++;
      timers.set(id, { at: elapsed + delayMs, callback });
      return () => void timers.delete(id);
    },
    async advance(ms) {
      const target = elapsed + ms;
      await settle();
      for (;;) {
        const [next] = [...timers]
          .filter(([, { at }]) => at <= target)
          .sort(([a, one], [b, other]) => one.at - other.at || a - b);
        if (next === undefined) break;
        const [id, { at, callback }] = next;
        timers.delete(id);
        elapsed = Math.max(elapsed, at);
        callback();
        await settle();
      }
      elapsed = target;
      await settle();
    },
  };
}
