import fs from "node:fs";

/** How long a change by another process stays unseen where the system reports none, as on some mounted directories. */
const AT_LEAST_EVERY_MS = 1_000;

/** Calls `onChange` when a journal in the directory may have changed. Keeps no process alive. */
export function lookOut(directory: string, onChange: () => void): () => void {
  const timer = setInterval(onChange, AT_LEAST_EVERY_MS);
  timer.unref();
  let watcher: fs.FSWatcher | undefined;
  try {
    watcher = fs.watch(directory, { persistent: false }, (_event, name) => {
      if (name === null || name.endsWith(".journal")) onChange();
    });
    watcher.on("error", () => watcher?.close());
  } catch {
    // No more watches to be had; the timer is there.
  }
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}
