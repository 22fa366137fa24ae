import { type AbortWatcher, unwatchAbort, watchAbort } from "../transport/index.js";

/** One piece of work that several callers wait for. */
export interface Flight<T> {
  /** Waits for the result. A caller's abort ends only its own waiting; that of the last caller ends the work. */
  join(signal: AbortSignal): Promise<T>;
  /** Keeps the work going without anybody waiting. */
  keep(): void;
  /** Ends the work; everybody waiting gets `reason`. */
  abort(reason: unknown): void;
  /** Resolves, never rejects, when the work has ended, also after an abort. */
  readonly ended: Promise<void>;
  readonly waiters: number;
}

interface Group extends AbortWatcher {
  readonly rejects: ((reason: unknown) => void)[];
}

/**
 * Starts work at once. `onAbandoned` is called, synchronously, when nobody is left or the flight is aborted: from then
 * on it must not be joined. The work itself may end later and must look at its signal before it keeps its result.
 */
export function startFlight<T>(work: (signal: AbortSignal) => Promise<T>, onAbandoned: () => void): Flight<T> {
  const controller = new AbortController();
  /** Rejections by the signal their callers brought: ten thousand calls of one session are one listener on its signal. */
  const waiting = new Map<AbortSignal, Group>();
  let waiters = 0;
  let kept = false;
  let over = false;
  const outcome = work(controller.signal);
  const end = (): void => {
    over = true;
    for (const [signal, group] of waiting) unwatchAbort(signal, group);
  };
  const ended = outcome.then(end, end);

  const dismiss = (signal: AbortSignal, reason: unknown): void => {
    const group = waiting.get(signal);
    if (group === undefined) return;
    waiting.delete(signal);
    unwatchAbort(signal, group);
    waiters -= group.rejects.length;
    for (const reject of group.rejects) reject(reason);
  };

  const abort = (reason: unknown): void => {
    if (over || controller.signal.aborted) return;
    controller.abort(reason);
    onAbandoned();
    for (const signal of [...waiting.keys()]) dismiss(signal, reason);
  };

  const groupOf = (signal: AbortSignal): Group => {
    const known = waiting.get(signal);
    if (known !== undefined) return known;
    const onAbort = (): void => {
      if (over) return;
      dismiss(signal, signal.reason);
      if (waiters === 0 && !kept) abort(signal.reason);
    };
    const group: Group = { onAbort, rejects: [] };
    waiting.set(signal, group);
    watchAbort(signal, group);
    return group;
  };

  const join = (signal: AbortSignal): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      if (!over) {
        waiters++;
        groupOf(signal).rejects.push(reject);
      }
      // Whoever has been dismissed by then is settled already.
      outcome.then(resolve, reject);
    });

  return {
    ended,
    join,
    abort,
    keep: () => {
      kept = true;
    },
    get waiters() {
      return waiters;
    },
  };
}
