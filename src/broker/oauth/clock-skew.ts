/** How far an authorization server's clock is from ours, learned from its answers. */
export interface ClockSkew {
  /** Seconds to add to our time so that the server finds it in order. */
  readonly seconds: number;
  /** Learns from the `date` header of a refusal; true where that changed what is known, so that a second try makes sense. */
  learn(date: string | null, nowMs: number): boolean;
}

/** A server whose clock is further off than this is misconfigured, or wants assertions that outlive their time. */
const LARGEST_SKEW_S = 5 * 60;
/** Less than this is the network's doing and no reason for a refusal. */
const SMALLEST_SKEW_S = 5;

/** One for each issuer: what one server says about the time is not told another. */
export function createClockSkew(): ClockSkew {
  let seconds = 0;
  return {
    get seconds() {
      return seconds;
    },
    learn(date, nowMs) {
      const serverMs = date === null ? Number.NaN : Date.parse(date);
      if (Number.isNaN(serverMs)) return false;
      const skew = Math.round((serverMs - nowMs) / 1000);
      if (Math.abs(skew) > LARGEST_SKEW_S || Math.abs(skew - seconds) < SMALLEST_SKEW_S) return false;
      seconds = skew;
      return true;
    },
  };
}
