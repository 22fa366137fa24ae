/** Told when its signal aborts. */
export interface AbortWatcher {
  onAbort(): void;
}

const WATCHERS = new WeakMap<AbortSignal, Set<AbortWatcher>>();

/**
 * Watches a signal that many calls share (a session's) with one listener for all of them: Node warns at the eleventh
 * listener, and adding one is dearer than the rest of a call's bookkeeping. The listener goes with the last watcher, since
 * Node keeps a signal that has one alive.
 */
export function watchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  let watchers = WATCHERS.get(signal);
  if (watchers === undefined) {
    watchers = new Set();
    WATCHERS.set(signal, watchers);
  }
  if (watchers.size === 0) signal.addEventListener("abort", tellAll);
  watchers.add(watcher);
}

/** Ends the watch; without effect when there is none. */
export function unwatchAbort(signal: AbortSignal, watcher: AbortWatcher): void {
  const watchers = WATCHERS.get(signal);
  if (watchers?.delete(watcher) && watchers.size === 0) signal.removeEventListener("abort", tellAll);
}

function tellAll(event: Event): void {
  const signal = event.target as AbortSignal;
  const watchers = WATCHERS.get(signal);
  // As with listeners: one that another has ended meanwhile is not told.
  for (const watcher of [...(watchers ?? [])]) if (watchers?.has(watcher)) watcher.onAbort();
}
