// What it takes to import Sallyport in a new process, beside the libraries it could load. Run after `npm run build`.
// node bench/start.js
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const RUNS = 15;
const MODULES = ["node:http", "sallyport", "undici", "jose", "openid-client"];
const cwd = fileURLToPath(new URL("..", import.meta.url));

/** Milliseconds that one import takes in a process of its own, from inside: Node's own start is not in it. */
function timeOf(name) {
  const program = `const at = performance.now(); await import(${JSON.stringify(name)}); console.log(performance.now() - at);`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { cwd });
  if (status !== 0) throw new Error(`${name} could not be imported`);
  return Number(stdout);
}

const times = new Map(MODULES.map((name) => [name, []]));
for (let run = 0; run < RUNS; run++) for (const name of MODULES) times.get(name).push(timeOf(name));

console.table(
  [...times].map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    return { import: name, "median ms": Math.round(sorted[RUNS >> 1]), "fastest ms": Math.round(sorted[0]) };
  }),
);
