import { createRequire } from "node:module";
import v8 from "node:v8";
import type { WASIOptions } from "node:wasi";
import { OptionsError } from "../errors/guard-error.js";
import { builtin } from "./builtin.js";
import type { Descriptors } from "./descriptors.js";
import { lock, NO_LIST, refusal, refusing } from "./refuse.js";

const { apply, construct } = Reflect;
const { has } = Set.prototype;
const { exec } = RegExp.prototype;

/** Bindings that are facts and tables. All others reach sockets, names, files, processes, or what passes through them. */
const BINDINGS: ReadonlySet<unknown> = new Set(["config", "constants", "icu", "natives", "util", "uv"]);
/** Flags of the engine that lead to nothing but memory and texts of errors. Others can make it show what it should hide. */
const FLAGS = /^--(?:no-)?(?:expose[-_]gc|(?:max|min)[-_][a-z_-]+=\d+|stack[-_](?:size|trace[-_]limit)=\d+)$/;

/** Ways out that begin at `process`, at the engine, and at WebAssembly. */
export function lockProcess(descriptors: Descriptors): void {
  refuseInternals();
  lockBindings();
  // The list of handles is the sockets themselves.
  for (const name of ["_getActiveHandles", "_getActiveRequests"]) lock(process, name, refusing(`process.${name}`));
  const { setFlagsFromString } = v8;
  lock(v8, "setFlagsFromString", (flags: unknown): void => {
    if (typeof flags !== "string" || apply(exec, FLAGS, [flags]) === null)
      throw refusal(`v8.setFlagsFromString(${String(flags)})`, NO_LIST);
    setFlagsFromString(flags);
  });
  lockWasi(descriptors);
  // An accessor there is handed every object that is made without the member of its name: sockets, requests, callbacks.
  Object.preventExtensions(Object.prototype);
}

/** With `--expose-internals`, every module can import what is below Node's own. */
function refuseInternals(): void {
  try {
    createRequire(import.meta.url)("internal/options");
  } catch {
    return;
  }
  throw new OptionsError([{ pointer: "/execArgv", message: "--expose-internals undoes the lockdown: leave it out" }]);
}

function lockBindings(): void {
  const holder = process as unknown as Record<string, unknown>;
  for (const name of ["binding", "_linkedBinding"]) {
    const original = holder[name];
    if (typeof original !== "function") continue;
    lock(process, name, (which: unknown): unknown => {
      if (name === "binding" && typeof which === "string" && (apply(has, BINDINGS, [which]) as boolean))
        return apply(original, process, [which]);
      throw refusal(`process.${name}(${String(which)})`, NO_LIST);
    });
  }
}

/** A WebAssembly program writes to the descriptors that it is given as its standard ones. */
function lockWasi(descriptors: Descriptors): void {
  const wasi = builtin("wasi") as { readonly WASI: new (options: WASIOptions) => object };
  const WASI = new Proxy(wasi.WASI, {
    construct(target, [given]: [WASIOptions?], newTarget) {
      const options = { ...given };
      for (const name of ["stdin", "stdout", "stderr"] as const) descriptors.check(`WASI's ${name}`, options[name]);
      return construct(target, [options], newTarget) as object;
    },
  });
  lock(wasi, "WASI", WASI);
  lock(WASI.prototype, "constructor", WASI);
}
