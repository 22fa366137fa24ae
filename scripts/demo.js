// Runs the demonstration. Node 20 does not read TypeScript, so it is bundled first; the package itself is the one in dist.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const outfile = fileURLToPath(new URL("../examples/demo/build/main.js", import.meta.url));

await build({
  absWorkingDir: root,
  entryPoints: ["examples/demo/main.ts"],
  outfile,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  // Without the paths of the compiler's own settings, which lead to the source: the demonstration uses the built package.
  tsconfigRaw: {},
  logLevel: "warning",
});
const { status, signal } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? (signal === null ? 1 : 130);
