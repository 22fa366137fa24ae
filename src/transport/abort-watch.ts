/** Told when its signal aborts. */
export interface AbortWatcher {
  onAbort(): void;
}

/** The watchers of one signal, and its listener, which knows them by itself: an event is made by whoever owns the signal. */
interface Watch {
  readonly watchers: Set<AbortWatcher>;
  readonly tellAll: () => void;
}

const WATCHES = new WeakMap<AbortSignal, Watch>();

/**
 * Watches a signal that many calls share (a session's) with one listener for all of them: Node warns at the eleventh
 * listener, and adding one is dearer than the rest of a call's bookkeeping. The listener goes with the last watcher, since
 * Node keeps a signal that has one alive.
 */
export function watchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  let watch = WATCHES.get(signal);
  if (watch === undefined) {
    watch = createWatch();
    WATCHES.set(signal, watch);
  }
  if (watch.watchers.size === 0) signal.addEventListener("abort", watch.tellAll);
  watch.watchers.add(watcher);
}

/** Ends the watch; without effect when there is none. */
export function unwatchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const watch = WATCHES.get(signal);
  if (watch?.watchers.delete(watcher) && watch.watchers.size === 0) signal.removeEventListener("abort", watch.tellAll);
}

function createWatch(): Watch {
  const watchers = new Set<AbortWatcher>();
  return {
    watchers,
    tellAll: () => {
      // As with listeners: one that another has ended meanwhile is not told.
      for (const watcher of [...watchers]) if (watchers.has(watcher)) watcher.onAbort();
    },
  };
}
