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
 * Starts work at once. `onAbandoned` is called, synchronously, when the last caller has left: from then on the flight
 * must not be joined. The work itself may end later and must look at its signal before it keeps its result.
 */
export function startFlight<T>(work: (signal: AbortSignal) => Promise<T>, onAbandoned: () => void): Flight<T> {
  const controller = new AbortController();
  const outcome = work(controller.signal);
  let waiters = 0;
  let kept = false;
  let over = false;
  const ended = outcome.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );

  const abort = (reason: unknown): void => {
    if (over || controller.signal.aborted) return;
    controller.abort(reason);
    onAbandoned();
  };

  return {
    ended,
    get waiters() {
      return waiters;
    },
    keep() {
      kept = true;
    },
    abort,
    join(signal) {
      return new Promise<T>((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        waiters++;
        const leave = (): void => {
          waiters--;
          signal.removeEventListener("abort", onCallerAbort);
          controller.signal.removeEventListener("abort", onFlightAbort);
        };
        const onCallerAbort = (): void => {
          leave();
          reject(signal.reason);
          if (waiters === 0 && !kept) abort(signal.reason);
        };
        const onFlightAbort = (): void => {
          leave();
          reject(controller.signal.reason);
        };
        signal.addEventListener("abort", onCallerAbort, { once: true });
        controller.signal.addEventListener("abort", onFlightAbort, { once: true });
        outcome.then(
          (value) => {
            if (!signal.aborted && !controller.signal.aborted) leave();
            resolve(value);
          },
          (error: unknown) => {
            if (!signal.aborted && !controller.signal.aborted) leave();
            reject(error);
          },
        );
      });
    },
  };
}
