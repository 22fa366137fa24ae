import type { Documents, Table } from "./documents.js";
import { type SlidingWindow, waitFor, windowAt, withoutUse, withUse } from "./sliding-window.js";

/** One limit that a call is counted against. */
export interface LimitCharge {
  /** Whose calls of which limit are counted together. */
  readonly key: string;
  /** How much this call uses up: 1 for a request, or a sum. Never negative. */
  readonly amount: number;
  /** How much may be used up in any window. */
  readonly max: number;
  readonly windowMs: number;
}

/** When a call is counted. A store of one process goes by `monotonic`; one that outlives it has a clock that never goes back. */
export interface LimitTime {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Milliseconds since an arbitrary start of this process; never goes back. */
  readonly monotonic: number;
}

/** Counted, and when by the store's own time; or which charge did not fit, and when it may (`Infinity`: never). */
export type LimitAnswer =
  | { readonly ok: true; readonly at: number }
  | { readonly ok: false; readonly charge: number; readonly retryAfterMs: number };

/**
 * Counts what is used up of limits. Each verb is atomic, also between processes where the store is shared: of ten calls at
 * the same moment, a limit of three lets three pass. A verb that fails rejects, and the guard then denies.
 */
export interface LimitStore {
  /** Counts a call against all its charges, or against none where one of them does not fit. No two of them have one key. */
  reserve(charges: readonly LimitCharge[], time: LimitTime): Promise<LimitAnswer>;
  /** Gives back what a call used up that was counted `at`. Does nothing where the window has passed since. */
  release(charges: readonly LimitCharge[], at: number, time: LimitTime): Promise<void>;
}

/** Windows are only ever asked for by their key. */
export const limitIndex = (): string => "";

/** By what time a store measures its windows: that of its process, or one that others share. */
export type TimeOf = (time: LimitTime) => number;

/**
 * The verbs on a table of windows: each is one transaction. Holds at most `maxWindows`: those in which nothing counts any
 * more make room, and where there is none, counting fails.
 */
export function limitsIn(table: Table<SlidingWindow>, maxWindows: number, timeOf: TimeOf): LimitStore {
  /** A clock that was set back does not open a window early. */
  const openAt = (window: SlidingWindow | undefined, windowMs: number, time: number) => {
    const now = Math.max(time, window?.uses.at(-1)?.[0] ?? time);
    return { now, window: windowAt(window ?? { windowMs, uses: [] }, now) };
  };

  const makeRoom = (windows: Documents<SlidingWindow>, charges: readonly LimitCharge[], time: number): void => {
    const added = charges.filter(({ key }) => windows.get(key) === undefined).length;
    if (windows.size + added <= maxWindows) return;
    const needed = new Set(charges.map(({ key }) => key));
    for (const [key, window] of [...windows.entries()]) {
      if (!needed.has(key) && windowAt(window, time).uses.length === 0) windows.delete(key);
    }
    if (windows.size + added > maxWindows)
      throw new Error(`The limit store is full: ${maxWindows} windows are in use.`);
  };

  return {
    reserve: (charges, times) =>
      table.transact((windows): LimitAnswer => {
        const time = timeOf(times);
        const opened = charges.map(({ key, windowMs }) => openAt(windows.get(key), windowMs, time));
        for (const [charge, { amount, max }] of charges.entries()) {
          const { window, now } = opened[charge] as (typeof opened)[number];
          const retryAfterMs = waitFor(window, amount, max, now);
          if (retryAfterMs > 0) return { ok: false, charge, retryAfterMs };
        }
        makeRoom(windows, charges, time);
        for (const [charge, { key, amount }] of charges.entries()) {
          const { window, now } = opened[charge] as (typeof opened)[number];
          windows.put(key, withUse(window, amount, now));
        }
        return { ok: true, at: time };
      }),
    release: (charges, at, times) =>
      table.transact((windows) => {
        const time = timeOf(times);
        for (const { key, amount } of charges) {
          const window = windows.get(key);
          if (window !== undefined) windows.put(key, withoutUse(window, amount, at, time));
        }
      }),
  };
}
