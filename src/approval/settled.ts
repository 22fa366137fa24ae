import type { Clock } from "../clock.js";
import { unwatchAbort, watchAbort } from "../transport/index.js";
import { ageRecord } from "./record/ageing.js";
import type { ApprovalRecord } from "./record/record.js";
import type { ApprovalStore } from "./store.js";

/**
 * Waits until the approval is no longer pending, and answers with it; with undefined when `waitMs` is over or there is no
 * such approval. Rejects with the signal's reason, and when the store fails.
 */
export function untilDecided(
  id: string,
  {
    store,
    clock,
    now,
    signal,
    waitMs,
    seen,
  }: {
    readonly store: ApprovalStore;
    readonly clock: Clock;
    readonly now: () => number;
    readonly signal: AbortSignal;
    /** Infinity waits for as long as it takes. */
    readonly waitMs: number;
    /** Is shown the approval whenever it is looked at. */
    readonly seen?: (record: ApprovalRecord) => void;
  },
): Promise<ApprovalRecord | undefined> {
  return new Promise((resolve, reject) => {
    const endings: (() => void)[] = [];
    const ended = (finish: () => void): void => {
      for (const end of endings.splice(0)) end();
      finish();
    };
    const fail = (error: unknown): void => ended(() => reject(error));
    const stop = { onAbort: () => fail(signal.reason) };
    const look = (): void => {
      store.get(id).then((record) => {
        const current = record === undefined ? undefined : ageRecord(record, now());
        if (current !== undefined) seen?.(current);
        if (current?.state !== "pending") ended(() => resolve(current));
      }, fail);
    };
    if (signal.aborted) {
      stop.onAbort();
      return;
    }
    watchAbort(signal, stop);
    endings.push(() => unwatchAbort(signal, stop));
    endings.push(store.watch(id, look));
    if (Number.isFinite(waitMs)) endings.push(clock.schedule(waitMs, () => ended(() => resolve(undefined))));
    look();
  });
}
