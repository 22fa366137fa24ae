import { setMaxListeners } from "node:events";

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

/**
 * Starts work at once. `onAbandoned` is called, synchronously, when nobody is left or the flight is aborted: from then
 * on it must not be joined. The work itself may end later and must look at its signal before it keeps its result.
 */
export function startFlight<T>(work: (signal: AbortSignal) => Promise<T>, onAbandoned: () => void): Flight<T> {
  const controller = new AbortController();
  /** One rejection per caller: ten thousand callers are one listener on our own signal, not ten thousand. */
  const waiting = new Set<(reason: unknown) => void>();
  let kept = false;
  let over = false;
  const outcome = work(controller.signal);
  const end = (): void => {
    over = true;
  };
  const ended = outcome.then(end, end);

  const abort = (reason: unknown): void => {
    if (over || controller.signal.aborted) return;
    controller.abort(reason);
    onAbandoned();
    for (const reject of waiting) reject(reason);
  };

  const join = (signal: AbortSignal): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        if (!waiting.delete(leave)) return;
        signal.removeEventListener("abort", onCallerAbort);
        finish();
      };
      const leave = (reason: unknown): void => settle(() => reject(reason));
      const onCallerAbort = (): void => {
        leave(signal.reason);
        if (waiting.size === 0 && !kept) abort(signal.reason);
      };
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      waiting.add(leave);
      // A session's calls may all bring the session's signal: many listeners on it are no leak.
      setMaxListeners(0, signal);
      signal.addEventListener("abort", onCallerAbort, { once: true });
      outcome.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => leave(error),
      );
    });

  return {
    ended,
    join,
    abort,
    keep: () => {
      kept = true;
    },
    get waiters() {
      return waiting.size;
    },
  };
}
