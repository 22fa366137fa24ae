import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "./clock.js";

/** Editors write in several steps: what happens within this time is one change. Milliseconds. */
const SETTLING_MS = 100;

/** Files under watch. */
export interface FileWatch {
  /** Watches these files from now on, by absolute path, instead of those before. */
  follow(files: Iterable<string>): void;
  /** Ends it. */
  end(): void;
}

interface Directory {
  readonly watcher: FSWatcher;
  readonly names: Set<string>;
}

/**
 * Calls `changed` some time after one of the files was written, replaced or linked anew, one call at a time. Directories are
 * watched, since an editor that renames a new file into place leaves a watch on the old one behind. Keeps no process alive.
 *
 * A directory that cannot be watched is told to `failed`. One that is watched from now on counts as a change: something may
 * have happened there since the file was read.
 */
export function watchFiles(clock: Clock, changed: () => Promise<void>, failed: (error: Error) => void): FileWatch {
  const directories = new Map<string, Directory>();
  let running: Promise<void> = Promise.resolve();
  let cancel: (() => void) | undefined;
  let isOver = false;
  const settle = (): void => {
    cancel?.();
    cancel = clock.schedule(SETTLING_MS, () => {
      running = running.then(() => (isOver ? undefined : changed()));
    });
  };
  const open = (path: string): Directory => {
    const names = new Set<string>();
    const watcher = watch(path, { persistent: false }, (_, touched) => {
      // Mounted configuration is changed by a link beside the file, `..data`.
      if (touched === null || names.has(touched) || touched.startsWith("..")) settle();
    });
    watcher.on("error", failed);
    settle();
    return { watcher, names };
  };
  const add = (file: string): void => {
    const path = dirname(file);
    try {
      const directory = directories.get(path) ?? open(path);
      directories.set(path, directory);
      directory.names.add(basename(file));
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return {
    follow(files) {
      if (isOver) return;
      for (const { names } of directories.values()) names.clear();
      for (const file of files) add(file);
      for (const [path, { watcher, names }] of directories) {
        if (names.size > 0) continue;
        watcher.close();
        directories.delete(path);
      }
    },
    end() {
      isOver = true;
      cancel?.();
      for (const { watcher } of directories.values()) watcher.close();
    },
  };
}
