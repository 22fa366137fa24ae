import { Buffer } from "node:buffer";
import fs from "node:fs";
import { hostname } from "node:os";
import type { Clock } from "../../clock.js";
import { type AuditFileSystem, systemCode } from "../file-system.js";

/** Who writes a directory. */
interface Holder {
  readonly pid: number;
  /** When the lock was taken, for people. */
  readonly started: string;
  readonly host: string;
  /** Tells a process from a later one of the same number; where the system says nothing of the kind, it is not there. */
  readonly process?: string;
}

/** `foreign`: on another machine, or in another container; from here nobody can tell whether it lives. */
export type LockState = "none" | "live" | "stale" | "foreign";

/** Takes the lock of a new directory. Exclusive; throws what the file system throws. */
export function takeLock(path: string, files: AuditFileSystem, clock: Clock): void {
  const file = files.createFile(path);
  try {
    const identity = processIdentity(process.pid);
    const holder: Holder = {
      pid: process.pid,
      started: new Date(clock.now()).toISOString(),
      host: hostname(),
      ...(identity === undefined ? {} : { process: identity }),
    };
    files.write(file, Buffer.from(`${JSON.stringify(holder)}\n`));
  } finally {
    files.close(file);
  }
}

/** Whether whoever holds a lock still runs. In doubt, yes: two writers would break a record that was whole. */
export function stateOf(path: string): LockState {
  const text = readLock(path);
  if (text === undefined) return "none";
  const holder = parseHolder(text);
  if (holder === undefined) return "live";
  if (holder.host !== hostname()) return "foreign";
  const here = processIdentity(process.pid);
  if (holder.process !== undefined && here !== undefined) {
    const [boot, namespace] = here.split("/");
    const [itsBoot, itsNamespace] = holder.process.split("/");
    if (boot !== itsBoot) return "stale";
    if (namespace !== itsNamespace) return "foreign";
  }
  if (!isRunning(holder.pid)) return "stale";
  // A number that was given to another process since.
  const identity = processIdentity(holder.pid);
  return holder.process !== undefined && identity !== undefined && identity !== holder.process ? "stale" : "live";
}

/** Takes a stale lock over, so that one process alone recovers what its holder left. Answers the lock's new path. */
export function takeOver(path: string, unique: string): string | undefined {
  const seen = readLock(path);
  if (seen === undefined || stateOf(path) !== "stale") return undefined;
  const mine = `${path}.${unique}`;
  try {
    fs.renameSync(path, mine);
    if (readLock(mine) === seen) return mine;
    // Somebody was faster, and this is their new lock.
    fs.renameSync(mine, path);
  } catch {
    // Somebody was faster.
  }
  return undefined;
}

function readLock(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    return systemCode(error) === "ENOENT" ? undefined : "";
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    const isHolder = Number.isSafeInteger(holder?.pid) && (holder?.pid ?? 0) > 0 && typeof holder?.host === "string";
    return isHolder ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

/** Boot of the machine, namespace of process numbers, and start of the process (proc(5)); `undefined` elsewhere. */
function processIdentity(pid: number): string | undefined {
  try {
    const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const namespace = fs.readlinkSync("/proc/self/ns/pid");
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in brackets, may hold spaces and brackets; the start time is the 20th field after it.
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${boot}/${namespace}/${start}`;
  } catch {
    return undefined;
  }
}
