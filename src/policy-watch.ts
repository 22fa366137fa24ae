import { watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "./clock.js";

/** Editors write in several steps: what happens within this time is one change. Milliseconds. */
const SETTLING_MS = 100;

/**
 * Calls `changed` some time after a file was written, replaced or linked anew, one call at a time; returns what ends it. The
 * directory is watched, since an editor that renames a new file into place leaves a watch on the old one behind. Keeps no
 * process alive.
 *
 * @throws where the directory cannot be watched.
 */
export function watchFile(
  path: string | URL,
  clock: Clock,
  changed: () => Promise<void>,
  failed: (error: Error) => void,
): () => void {
  const file = resolve(path instanceof URL ? fileURLToPath(path) : path);
  const name = basename(file);
  let running: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  let isOver = false;
  const watcher = watch(dirname(file), { persistent: false }, (_, touched) => {
    // Mounted configuration is changed by a link beside the file, `..data`.
    if (touched !== null && touched !== name && !touched.startsWith("..")) return;
    cancel?.();
    cancel = clock.schedule(SETTLING_MS, () => {
      running = running.then(() => (isOver ? undefined : changed()));
    });
  });
  watcher.on("error", failed);
  return () => {
    isOver = true;
    cancel?.();
    watcher.close();
  };
}
