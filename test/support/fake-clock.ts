import type { Clock } from "../../src/clock.js";

/** A clock that moves only when told to, and runs due timers in order when it does. */
export interface FakeClock extends Clock {
  /** Moves both clocks forward and runs what falls due; awaits a macrotask after each timer so that promises settle. */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock, as an administrator would. */
  stepWallClock(ms: number): void;
}

export function fakeClock(startAt: number = Date.UTC(2026, 0, 15, 12, 0, 0)): FakeClock {
  let wall = startAt;
  let elapsed = 0;
  let nextId = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    now: () => wall,
    monotonic: () => elapsed,
    schedule(delayMs, callback) {
      const id = nextId++;
      timers.set(id, { at: elapsed + delayMs, callback });
      return () => void timers.delete(id);
    },
    stepWallClock(ms) {
      wall += ms;
    },
    async advance(ms) {
      const target = elapsed + ms;
      await settle();
      for (;;) {
        const due = [...timers]
          .filter(([, timer]) => timer.at <= target)
          .sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
        if (due === undefined) break;
        timers.delete(due[0]);
        wall += due[1].at - elapsed;
        elapsed = due[1].at;
        due[1].callback();
        await settle();
      }
      wall += target - elapsed;
      elapsed = target;
      await settle();
    },
  };
}
