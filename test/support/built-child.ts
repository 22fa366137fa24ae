import { type ChildProcess, spawn } from "node:child_process";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Builds a TypeScript program of the tests and starts it; what it prints is read, its errors are shown. */
export async function startBuilt(
  program: URL,
  ...args: readonly string[]
): Promise<ChildProcess & { readonly stdout: Readable }> {
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
  return spawn(process.execPath, [join(output, `${name}.js`), ...args], { stdio: ["ignore", "pipe", "inherit"] });
}
