import type { Clock } from "../clock.js";
import { unwatchAbort, watchAbort } from "./abort-watch.js";

/** When a fetched value is fetched again. Milliseconds. */
export interface Freshness {
  /** Up to this age the value is used without asking. */
  readonly maxAgeMs: number;
  /** Up to this age it is used when fetching fails: an outage of the issuer is not an outage of every session. */
  readonly maxStaleMs: number;
  /**
   * At least this long between two fetches, failed ones included, and up to half of it longer: nobody's input decides how
   * often we ask, and many processes do not ask together.
   */
  readonly cooldownMs: number;
}

/** A value that is fetched when needed: one fetch at a time, whatever the number of callers. */
export interface FreshValue<T> {
  get(signal: AbortSignal): Promise<T>;
  /** This moment, for {@link FreshValue.renew}. */
  mark(): number;
  /** A value that was asked for after `mark`, or null where the cool-down does not let us ask yet. */
  renew(signal: AbortSignal, mark: number): Promise<T | null>;
}

/** `load` gets a signal of its own and must end by itself: no caller's abort may end what others wait for. */
export function freshValue<T>(
  load: () => Promise<T>,
  freshness: Freshness,
  clock: Clock,
  random: () => number = Math.random,
): FreshValue<T> {
  let held: { readonly value: T; readonly at: number; readonly number: number } | undefined;
  /** How many fetches have begun. */
  let begun = 0;
  let attemptedAt: number | undefined;
  let failure: unknown;
  let flight: Promise<T> | undefined;

  const age = (): number => (held === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - held.at);
  let cooldownMs = freshness.cooldownMs;
  const cooling = (): boolean => attemptedAt !== undefined && clock.monotonic() - attemptedAt < cooldownMs;

  const fetchOnce = (): Promise<T> => {
    if (flight !== undefined) return flight;
    const at = clock.monotonic();
    const number = ++begun;
    attemptedAt = at;
    cooldownMs = freshness.cooldownMs * (1 + random() / 2);
    flight = load()
      .then((value) => {
        held = { value, at, number };
        return value;
      })
      .catch((error: unknown) => {
        failure = error;
        throw error;
      })
      .finally(() => {
        flight = undefined;
      });
    // Every caller races it with a signal and may have left: a failure that nobody hears must not end the process.
    flight.catch(() => {});
    return flight;
  };

  const get = async (signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    if (held !== undefined && age() < freshness.maxAgeMs) return held.value;
    const usable = held !== undefined && age() < freshness.maxStaleMs ? held : undefined;
    if (flight === undefined && cooling()) {
      if (usable !== undefined) return usable.value;
      throw failure;
    }
    try {
      return await abortable(fetchOnce(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (usable !== undefined) return usable.value;
      throw error;
    }
  };

  return {
    get,
    mark: () => begun,
    async renew(signal, mark) {
      if (held !== undefined && held.number > mark) return held.value;
      if (flight === undefined && cooling()) return null;
      return await abortable(fetchOnce(), signal);
    },
  };
}

/** Settles with the promise or rejects with the signal's reason, whichever is first; leaves no listener behind. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const watcher = { onAbort: () => reject(signal.reason) };
    watchAbort(signal, watcher);
    promise.then(resolve, reject).finally(() => unwatchAbort(signal, watcher));
  });
}
