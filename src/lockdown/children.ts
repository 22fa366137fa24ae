import childProcess from "node:child_process";
import workerThreads from "node:worker_threads";
import { lock, refusal } from "./refuse.js";

const { apply, construct } = Reflect;
const FIX = "Run what needs another process elsewhere, or let go of SALLYPORT_LOCKDOWN_CHILDREN=refuse.";

/** What to do about code that starts a process or a thread, where none of this holds unless it is loaded there, too. */
export type Children = "warn" | "refuse";

const STARTERS = ["spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync"] as const;

/**
 * Another process is another network: a `curl` is not held by anything here. By default it is started and a warning names
 * it, once for each way of starting one. The same goes for threads.
 */
export function watchChildren(children: Children): void {
  const warned = new Set<string>();
  const notice = (what: string): void => {
    if (children === "refuse") throw refusal(what, FIX);
    if (warned.has(what)) return;
    warned.add(what);
    process.emitWarning(`${what} was called: what it starts can reach the network beside the guard.`, {
      code: "SALLYPORT_LOCKDOWN_CHILD",
      detail: "SALLYPORT_LOCKDOWN_CHILDREN=refuse refuses it, and so does node --permission.",
    });
  };
  const holder = childProcess as unknown as Record<string, unknown>;
  for (const name of STARTERS) {
    const original = holder[name];
    if (typeof original !== "function") continue;
    const watched = function (this: unknown, ...given: readonly unknown[]): unknown {
      notice(`child_process.${name}`);
      return apply(original, this, given);
    };
    // `util.promisify(exec)` asks the function itself how.
    for (const key of Object.getOwnPropertySymbols(original)) {
      const promised = (original as unknown as Record<symbol, unknown>)[key];
      if (typeof promised !== "function") continue;
      Object.defineProperty(watched, key, {
        value: (...given: readonly unknown[]): unknown => {
          notice(`child_process.${name}`);
          return apply(promised, undefined, given);
        },
      });
    }
    lock(childProcess, name, watched);
  }
  const { spawn } = childProcess.ChildProcess.prototype as unknown as {
    spawn: (...given: readonly unknown[]) => unknown;
  };
  lock(childProcess.ChildProcess.prototype, "spawn", function (this: unknown, ...given: readonly unknown[]): unknown {
    if (children === "refuse") throw refusal("ChildProcess.spawn", FIX);
    return apply(spawn, this, given);
  });
  lockWorkers(notice);
}

/** A thread has modules of its own, in which nothing is locked. */
function lockWorkers(notice: (what: string) => void): void {
  lock(
    workerThreads,
    "Worker",
    new Proxy(workerThreads.Worker, {
      construct(target, given: unknown[], newTarget) {
        notice("worker_threads.Worker");
        return construct(target, given, newTarget) as object;
      },
    }),
  );
}
