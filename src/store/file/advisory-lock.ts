import fs from "node:fs";

/** Longer than any write takes on a disk that works. */
const PATIENCE_MS = 1_000;

/**
 * Runs `work` while a lock file says so to others. Only a courtesy, which saves processes the lines that would not count:
 * where its holder was killed or stands still, it is taken from them, and after a second nobody waits for it any longer. The
 * journal is right without it.
 */
export async function politely<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const until = performance.now() + PATIENCE_MS;
  let held = take(path);
  while (!held && performance.now() < until) {
    if (isAbandoned(path)) remove(path);
    else await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * 3));
    held = take(path);
  }
  try {
    return await work();
  } finally {
    if (held) remove(path);
  }
}

function take(path: string): boolean {
  try {
    fs.writeFileSync(path, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
    return true;
  } catch {
    return false;
  }
}

function isAbandoned(path: string): boolean {
  try {
    if (Date.now() - fs.statSync(path).mtimeMs > PATIENCE_MS) return true;
    const holder = Number(fs.readFileSync(path, "utf8"));
    // Signal 0 asks whether the process is there.
    if (Number.isSafeInteger(holder) && holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function remove(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // Taken away by somebody who thought us gone.
  }
}
