import fs from "node:fs";
import { like, lock, refusal } from "./refuse.js";

/** What a descriptor was when code got it: numbers are given again, and the next file of a number is somebody else's. */
interface Identity {
  readonly dev: number;
  readonly ino: number;
}

/** Which descriptors code may use: its own. */
export interface Descriptors {
  /** Throws where it is somebody else's. */
  check(what: string, file: unknown): void;
  /** From now on, it is code's own. */
  add(file: number): void;
  /** Lets objects below Node's sockets be put on top of code's own descriptors only. */
  holdOpen(prototype: object): void;
}

// Taken at load: what is replaced later must not decide.
const { apply } = Reflect;
const { fstatSync, readlinkSync, closeSync, readdirSync, statSync } = fs;
const { get, set, delete: remove } = Map.prototype;
const { endsWith } = String.prototype;
const { nextTick } = process;

/** Standard input, output and error. */
const STANDARD = 2;
const FIX = "Open the file under lockdown, by its path; the descriptors of sockets and of the guard cannot be used.";

/**
 * Whoever knows the number of a descriptor can write what they like into a connection of the guard, and numbers are small:
 * they need not be known. So a descriptor can be used only by who opened it with `fs`, or if it was there before any code.
 */
export function createDescriptors(): Descriptors {
  const own = new Map<number, Identity>();
  const identity = (file: number): Identity | undefined => {
    try {
      const { dev, ino } = fstatSync(file);
      return { dev, ino };
    } catch {
      return undefined; // nothing is open there
    }
  };
  const add = (file: number): void => {
    const found = identity(file);
    if (found !== undefined) apply(set, own, [file, found]);
  };
  const mayUse = (file: number): boolean => {
    if (file <= STANDARD) return true;
    const found = identity(file);
    if (found === undefined) return true; // it fails with EBADF, as it should
    const was = apply(get, own, [file]) as Identity | undefined;
    if (was !== undefined && was.dev === found.dev && was.ino === found.ino) return true;
    apply(remove, own, [file]);
    return false;
  };
  const check = (what: string, file: unknown): void => {
    if (typeof file !== "number" || mayUse(file)) return;
    throw refusal(`${what} of the descriptor ${file}, which somebody else opened,`, FIX);
  };
  for (const file of inherited()) add(file);
  return {
    check,
    add,
    holdOpen(prototype) {
      const { open } = prototype as Readonly<Record<"open", (...given: readonly unknown[]) => unknown>>;
      lock(prototype, "open", function (this: object, ...given: readonly unknown[]): unknown {
        const file = Number(given[0]);
        check("Opening", file);
        return apply(open, this, [file]);
      });
    },
  };
}

/**
 * What the parent handed on: sockets to listen at, pipes, files. What Node itself has open by now is none of these, except
 * pipes, and it has both of their ends.
 */
function inherited(): readonly number[] {
  const ends = new Map<string, number>();
  const found: { readonly file: number; readonly pipe: string | null }[] = [];
  for (const file of openNumbers()) {
    if (file <= STANDARD) continue;
    try {
      const stat = fstatSync(file);
      const pipe = stat.isFIFO() ? `${stat.dev}/${stat.ino}` : null;
      if (pipe !== null) ends.set(pipe, (ends.get(pipe) ?? 0) + 1);
      if (pipe !== null || stat.isSocket() || stat.isFile()) found.push({ file, pipe });
    } catch {
      // It was the list itself.
    }
  }
  return found.filter(({ pipe }) => pipe === null || ends.get(pipe) === 1).map(({ file }) => file);
}

function openNumbers(): readonly number[] {
  for (const directory of ["/proc/self/fd", "/dev/fd"]) {
    try {
      return readdirSync(directory).map(Number);
    } catch {
      // Another system, or a permission that is not there.
    }
  }
  return Array.from({ length: 64 }, (_, file) => file);
}

/** Takes any function of `fs` that is handed a number first: that is a descriptor, in each of them, and in those to come. */
export function lockFiles(descriptors: Descriptors): void {
  const memory = memoryFiles();
  const opened = (file: number): void => {
    if (memory.is(file)) {
      closeSync(file);
      throw refusal("Opening the memory of the process", "It cannot be allowed under lockdown.");
    }
    descriptors.add(file);
  };
  const functions = fs as unknown as Record<string, unknown>;
  for (const name of Object.keys(functions)) {
    const original = functions[name];
    // Classes begin with a capital; their objects use the functions.
    if (typeof original !== "function" || /^[A-Z]/.test(name)) continue;
    const check = (given: readonly unknown[]): void => descriptors.check(`fs.${name}`, given[0]);
    functions[name] = like(
      original,
      (...given: unknown[]) => {
        const callback = given[given.length - 1];
        try {
          check(given);
        } catch (refused) {
          if (typeof callback !== "function") throw refused;
          return nextTick(callback as () => void, refused);
        }
        if (name === "open") tellOf(given, opened);
        const result = apply(original, fs, given);
        if (name === "openSync") opened(result as number);
        return result;
      },
      check,
    );
  }
}

function tellOf(given: unknown[], opened: (file: number) => void): void {
  const last = given.length - 1;
  const callback = given[last];
  if (typeof callback !== "function") return;
  given[last] = (error: unknown, file: number): void => {
    let fault = error;
    try {
      if (error === null || error === undefined) opened(file);
    } catch (refused) {
      fault = refused;
    }
    apply(callback, undefined, fault === error ? [error, file] : [fault]);
  };
}

/** On Linux, a process can read and write its own memory as a file, whatever the file is called on the way there. */
export function memoryFiles(): { is(file: number): boolean } {
  let device: number | undefined;
  try {
    device = statSync("/proc/self/stat").dev;
  } catch {
    // No such file system.
  }
  return {
    is(file) {
      if (device === undefined || fstatSync(file).dev !== device) return false;
      try {
        return apply(endsWith, readlinkSync(`/proc/self/fd/${file}`), ["/mem"]) as boolean;
      } catch {
        return true; // in doubt
      }
    },
  };
}
