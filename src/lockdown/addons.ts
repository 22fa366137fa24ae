import fs from "node:fs";
import { isAbsolute, sep } from "node:path";
import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
import { builtin } from "./builtin.js";
import { lock, refusal } from "./refuse.js";

const { apply } = Reflect;
const { startsWith } = String.prototype;
const { realpathSync } = fs;

/** Paths of add-ons, or of directories that hold some. */
export type Addons = readonly string[] | "all";

/**
 * Reads `/srv/app/node_modules/better-sqlite3, /opt/driver.node`, or `*` for all.
 *
 * @throws OptionsError listing every entry that is not an absolute path of something that is there.
 */
export function readAddons(text: string): Addons {
  const problems: ConfigurationProblem[] = [];
  const paths: string[] = [];
  for (const entry of text.split(",").map((one) => one.trim())) {
    if (entry === "") continue;
    if (entry === "*") return "all";
    try {
      if (!isAbsolute(entry)) throw new RangeError("relative");
      paths.push(realpathSync(entry));
    } catch {
      problems.push({
        pointer: "/SALLYPORT_LOCKDOWN_ADDONS",
        message: `"${entry}" is not the absolute path of a file or a directory that is there`,
      });
    }
  }
  if (problems.length > 0) throw new OptionsError(problems);
  return paths;
}

/** An add-on is machine code: nothing here holds it. So those that the operator names are loaded, and no others. */
export function lockAddons(addons: Addons): void {
  const check = (file: unknown): void => {
    if (addons === "all" || (typeof file === "string" && isNamed(addons, file))) return;
    throw refusal(`Loading the add-on ${String(file)}`, `List "${String(file)}" in SALLYPORT_LOCKDOWN_ADDONS.`);
  };
  const { dlopen } = process;
  lock(process, "dlopen", (module: object, file: unknown, ...more: readonly unknown[]): unknown => {
    check(file);
    return apply(dlopen, process, [module, file, ...more]);
  });
  lockExtensions(check);
}

function isNamed(addons: readonly string[], file: string): boolean {
  let real: string;
  try {
    real = realpathSync(file);
  } catch {
    return false;
  }
  for (let at = 0; at < addons.length; at++) {
    const addon = addons[at] as string;
    if (real === addon || (apply(startsWith, real, [addon.endsWith(sep) ? addon : addon + sep]) as boolean))
      return true;
  }
  return false;
}

/** An extension of SQLite is machine code as well. */
function lockExtensions(check: (file: unknown) => void): void {
  const sqlite = builtin("sqlite") as { readonly DatabaseSync?: { readonly prototype: object } } | undefined;
  const prototype = sqlite?.DatabaseSync?.prototype;
  const original = (prototype as { readonly loadExtension?: unknown } | undefined)?.loadExtension;
  if (prototype === undefined || typeof original !== "function") return;
  lock(prototype, "loadExtension", function (this: unknown, file: unknown, ...more: readonly unknown[]): unknown {
    check(file);
    return apply(original, this, [file, ...more]);
  });
}
