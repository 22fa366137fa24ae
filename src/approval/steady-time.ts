import type { Clock } from "../clock.js";

/**
 * Epoch milliseconds that never go back: a wall clock set back does not lengthen a grant, and one set forward (or a
 * computer that slept, while its monotonic clock stood still) ends it early rather than late.
 */
export function steadyTime(clock: Clock): () => number {
  let offset = clock.now() - clock.monotonic();
  return () => {
    const elapsed = clock.monotonic();
    offset = Math.max(offset, clock.now() - elapsed);
    return Math.floor(offset + elapsed);
  };
}
