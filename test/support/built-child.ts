import { type ChildProcess, spawn } from "node:child_process";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ready = new Map<string, Promise<string>>();

/** Builds a TypeScript program of the tests, once; answers with the file. */
export function builtProgram(program: URL): Promise<string> {
  const file = ready.get(program.href) ?? bundled(program);
  ready.set(program.href, file);
  return file;
}

async function bundled(program: URL): Promise<string> {
  const name = basename(fileURLToPath(program), ".ts");
  // Where its imports are found.
  const output = fileURLToPath(new URL(`../../node_modules/.cache/sallyport-${name}`, import.meta.url));
  await build({
    entryPoints: [fileURLToPath(program)],
    outdir: output,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
  });
  return join(output, `${name}.js`);
}

/** Starts such a program; what it prints is read, its errors are shown. */
export async function startBuilt(
  program: URL,
  ...args: readonly string[]
): Promise<ChildProcess & { readonly stdout: Readable }> {
  return spawn(process.execPath, [await builtProgram(program), ...args], { stdio: ["ignore", "pipe", "inherit"] });
}
