import childProcess from "node:child_process";
import workerThreads from "node:worker_threads";
import { hideClass, type NativePrototypes } from "./handles.js";
import { like, lock, refusal } from "./refuse.js";

const { apply, construct } = Reflect;
const FIX = "Run what needs another process elsewhere, or let go of SALLYPORT_LOCKDOWN_CHILDREN=refuse.";

/** What to do about code that starts a process or a thread, where none of this holds unless it is loaded there, too. */
export type Children = "warn" | "refuse";

const STARTERS = ["spawn", "exec", "execFile", "fork", "spawnSync", "execSync", "execFileSync"] as const;

/**
 * Another process is another network: a `curl` is not held by anything here. By default it is started and a warning names
 * it, once for each way of starting one. The same goes for threads, and for a program that takes the place of this one.
 */
export function watchChildren(children: Children, natives: NativePrototypes): void {
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
  const watch = (holder: object, name: string, what: string): void => {
    const original = (holder as Readonly<Record<string, unknown>>)[name];
    if (typeof original !== "function") return;
    const watched = function (this: unknown, ...given: readonly unknown[]): unknown {
      notice(what);
      return apply(original, this, given);
    };
    // `util.promisify(exec)` asks the function itself how.
    lock(
      holder,
      name,
      like(original, watched, () => notice(what)),
    );
  };
  for (const name of STARTERS) watch(childProcess, name, `child_process.${name}`);
  watch(process, "execve", "process.execve");
  hideClass(natives.process, "Process");
  if (children === "refuse") {
    // What all of the above lead to, for whoever gets there in another way.
    for (const holder of [childProcess.ChildProcess.prototype, natives.process])
      watch(holder, "spawn", "ChildProcess.spawn");
  }
  lockWorkers(notice);
}

/** A thread has modules of its own, in which nothing is locked. */
function lockWorkers(notice: (what: string) => void): void {
  const Worker = new Proxy(workerThreads.Worker, {
    construct(target, given: unknown[], newTarget) {
      notice("worker_threads.Worker");
      return construct(target, given, newTarget) as object;
    },
  });
  lock(workerThreads, "Worker", Worker);
  lock(Worker.prototype, "constructor", Worker);
}
