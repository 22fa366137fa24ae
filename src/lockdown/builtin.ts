import { createRequire, isBuiltin } from "node:module";

const load = createRequire(import.meta.url);

/** A module of Node's, or undefined; without the warning that some are experiments: they are only looked at. */
export function builtin(name: string): object | undefined {
  if (!isBuiltin(`node:${name}`)) return undefined;
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return load(`node:${name}`) as object;
  } finally {
    process.emitWarning = emitWarning;
  }
}
