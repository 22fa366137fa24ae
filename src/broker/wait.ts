import type { Clock } from "../clock.js";

/**
 * Waits on the given clock. A timer of the clock never keeps the process alive; here somebody awaits the result, so a
 * process with nothing else to do must not end in the middle of it.
 */
export function wait(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const keepAlive = setInterval(() => {}, 2 ** 30);
    const finish = (settle: () => void): void => {
      clearInterval(keepAlive);
      signal.removeEventListener("abort", onAbort);
      settle();
    };
    const cancel = clock.schedule(delayMs, () => finish(resolve));
    const onAbort = (): void => {
      cancel();
      finish(() => reject(signal.reason));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** How long to wait before attempt number `attempt` (from 1): doubling from 250 ms to 8 s, between half and all of it. */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(8_000, 250 * 2 ** (attempt - 1)) * (0.5 + random / 2);
}
