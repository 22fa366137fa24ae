// The size of what `import "sallyport"` can load: minified, with dependencies left out. The budget is a goal that is missed
// (masking alone, with its tables of vendors and national numbers, is more); what fails is to miss it by more than today.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const BUDGET = 120 * 1024;
const CEILING = 600 * 1024;
const root = fileURLToPath(new URL("..", import.meta.url));

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/index.ts"],
  bundle: true,
  minify: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  outdir: "size",
  write: false,
  metafile: true,
});

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const total = outputFiles.reduce((sum, { contents }) => sum + contents.length, 0);
const byRoom = new Map();
for (const { inputs } of Object.values(metafile.outputs)) {
  for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
    const room = file.split("/").slice(1, -1)[0] ?? "top floor";
    byRoom.set(room, (byRoom.get(room) ?? 0) + bytesInOutput);
  }
}
const rooms = [...byRoom].sort(([, a], [, b]) => b - a).map(([room, bytes]) => `${room} ${kib(bytes)}`);

/** What is loaded at once: the rest waits for a dynamic import. */
const atOnce = new Set();
const follow = (name) => {
  if (atOnce.has(name)) return;
  atOnce.add(name);
  for (const { path, kind, external } of metafile.outputs[name].imports)
    if (kind === "import-statement" && external !== true) follow(path);
};
follow(Object.keys(metafile.outputs).find((name) => metafile.outputs[name].entryPoint === "src/index.ts"));
const first = [...atOnce].reduce((sum, name) => sum + metafile.outputs[name].bytes, 0);

console.log(`sallyport, minified, without dependencies: ${kib(total)}, of which ${kib(first)} at once`);
console.log(`  ${rooms.join(", ")}`);
console.log(
  `  the budget is ${kib(BUDGET)}: over it by ${kib(Math.max(0, total - BUDGET))}; the ceiling is ${kib(CEILING)}`,
);
if (total > CEILING) {
  console.error(`over the ceiling by ${kib(total - CEILING)}`);
  process.exitCode = 1;
}
