import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { type Descriptors, memoryFiles } from "./descriptors.js";
import { hideClass } from "./handles.js";
import { like, lock, NO_LIST, refusal } from "./refuse.js";

const { apply, getPrototypeOf } = Reflect;
const { add, has } = WeakSet.prototype;
const { isPrototypeOf: isBefore } = Object.prototype;
const { open } = fs.promises;
/** Neither read nor write: whatever descriptor they are led to, nothing is told or changed. */
const HARMLESS: ReadonlySet<string> = new Set(["constructor", "fd", "sync", "datasync", "stat", "getAsyncId"]);

/**
 * A `FileHandle` reads and writes the descriptor that its property `fd` names. Only handles that were opened here count, and
 * their property is one that nobody can change.
 */
export async function lockFileHandles(descriptors: Descriptors): Promise<void> {
  const own = new WeakSet<object>();
  const memory = memoryFiles();
  const sample = await open(fileURLToPath(import.meta.url));
  const prototype = getPrototypeOf(sample) as object;
  const numberOf = Reflect.getOwnPropertyDescriptor(prototype, "fd")?.get;
  const natives = nativeOf(sample);
  await sample.close();
  if (numberOf === undefined || natives === undefined)
    throw new TypeError("this version of Node has no handles of files that can be held");
  const check = (what: string, value: unknown): void => {
    if (typeof value !== "object" || value === null || apply(has, own, [value])) return;
    if (apply(isBefore, prototype, [value])) throw refusal(`${what} with a handle of one's own making`, NO_LIST);
  };

  for (const name of Object.getOwnPropertyNames(prototype)) {
    const original: unknown = (prototype as Record<string, unknown>)[name];
    if (HARMLESS.has(name) || typeof original !== "function") continue;
    lock(
      prototype,
      name,
      like(original, function (this: unknown, ...given: readonly unknown[]): unknown {
        check(`FileHandle.${name}`, this);
        return apply(original, this, given);
      }),
    );
  }
  hideClass(prototype, "FileHandle");
  hideClass(natives, "FileHandle");

  const promises = fs.promises as unknown as Record<string, unknown>;
  for (const name of Object.keys(promises)) {
    const original = promises[name];
    if (typeof original !== "function" || name === "open") continue;
    promises[name] = like(original, (...given: readonly unknown[]) => {
      check(`fs.promises.${name}`, given[0]);
      return apply(original, fs.promises, given);
    });
  }
  promises["open"] = like(open, async (...given) => {
    const handle = (await apply(open, fs.promises, given)) as fs.promises.FileHandle;
    const { fd } = handle;
    if (memory.is(fd)) {
      await handle.close();
      throw refusal("Opening the memory of the process", NO_LIST);
    }
    Object.defineProperty(handle, "fd", {
      get: () => (apply(numberOf, handle, []) === -1 ? -1 : fd),
      configurable: false,
      enumerable: false,
    });
    apply(add, own, [handle]);
    descriptors.add(fd);
    return handle;
  });
}

/** The object below a handle. It is found by its methods: the symbol it is kept under is Node's own. */
function nativeOf(handle: object): object | undefined {
  for (const key of Object.getOwnPropertySymbols(handle)) {
    const value: unknown = (handle as Record<symbol, unknown>)[key];
    if (typeof value === "object" && value !== null && "releaseFD" in value) return getPrototypeOf(value) as object;
  }
  return undefined;
}
