// Changes the security core in one place at a time, in a copy, and says which changes no test notices.
//   node scripts/mutate.js [--seed 1] [--count 40] [--rooms policy,request]
// A mutant is killed if the tests of its room fail. Exits with 1 where fewer than nine in ten are. Slow: each mutant runs tests.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { transformSync } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const adversary = ["header-fields", "one-name", "vendor-policies", "delegation", "nul", "routing-headers"].map(
  (name) => `test/adversary/${name}.test.ts`,
);

/** Which tests speak for which room of `src`. */
const TESTS = {
  policy: ["test/policy", ...adversary],
  request: ["test/request", "test/policy", ...adversary],
  approval: ["test/approval", "test/integration/approvals.test.ts", "test/integration/approval-attacks.test.ts"],
  store: ["test/store", "test/integration/limits.test.ts"],
  broker: ["test/broker"],
  transport: ["test/transport"],
  masking: ["test/masking", "test/integration/placeholders.test.ts"],
  audit: ["test/audit"],
  call: ["test/integration", "test/adversary"],
};

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "40" },
    rooms: { type: "string", default: Object.keys(TESTS).join() },
  },
});
const rooms = values.rooms.split(",");
const unknown = rooms.filter((room) => !Object.hasOwn(TESTS, room));
if (unknown.length > 0) throw new Error(`No tests are known for ${unknown.join(", ")}.`);

/** What is changed into what: each turns a check the other way, or moves a bound by one. */
const CHANGES = [
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ < /g, " <= "],
  [/ <= /g, " < "],
  [/ > /g, " >= "],
  [/ >= /g, " > "],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/\.every\(/g, ".some("],
  [/\.some\(/g, ".every("],
  [/\bif \(/g, "if (!"],
  [/ \+ 1\b/g, ""],
  [/\b(\d[\d_]*)\b(?=[;,)]| \*)/g, (digits) => String(Number(digits.replaceAll("_", "")) + 1)],
];
/** Types, imports and comments do nothing at run time; what is left over of them is found by comparing the compiled code. */
const IDLE = /^\s*(?:\/?\*|\/\/|import |export type |type |readonly )/;

const compiled = (text) => transformSync(text, { loader: "ts" }).code;

function* mutantsOf(room, file) {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (IDLE.test(line)) continue;
    for (const [pattern, change] of CHANGES)
      for (const { 0: found, index } of line.matchAll(pattern)) {
        const put = typeof change === "string" ? change : change(found);
        const open = put === "if (!" ? wrapped(line, index) : null;
        const changed = open ?? line.slice(0, index) + put + line.slice(index + found.length);
        if (put !== "if (!" || open !== null)
          yield { room, file, at, text: lines.with(at, changed).join("\n"), was: line, now: changed };
      }
  }
}

/** `if (a && b)` as `if (!(a && b))`, where the condition ends on its line. */
function wrapped(line, index) {
  let depth = 0;
  for (let at = index + 3; at < line.length; at++) {
    if (line[at] === "(") depth++;
    else if (line[at] === ")" && --depth === 0)
      return `${line.slice(0, index)}if (!${line.slice(index + 3, at + 1)})${line.slice(at + 1)}`;
  }
  return null;
}

/** Numbers that are the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const filesOf = (room) =>
  readdirSync(join(root, "src", room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && entry.name !== "index.ts")
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** As many of each room, so that none hides behind a large one. */
function sample() {
  const next = random(Number(values.seed));
  const left = rooms.map((room) => filesOf(room).flatMap((file) => [...mutantsOf(room, file)]));
  const chosen = [];
  while (chosen.length < Number(values.count) && left.some((mutants) => mutants.length > 0))
    for (const mutants of left) {
      const [mutant] = mutants.splice(Math.floor(next() * mutants.length), 1);
      if (mutant === undefined || chosen.length >= Number(values.count)) continue;
      if (isAlive(mutant)) chosen.push(mutant);
    }
  return chosen;
}

/** Whether the change is one: it compiles, and to something else. */
function isAlive({ file, text }) {
  try {
    return compiled(text) !== compiled(readFileSync(file, "utf8"));
  } catch {
    return false;
  }
}

const copy = mkdtempSync(join(tmpdir(), "sallyport-mutants-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
for (const name of readdirSync(root))
  if (!["node_modules", ".git", "dist"].includes(name))
    cpSync(join(root, name), join(copy, name), { recursive: true, filter: (from) => !from.endsWith("node_modules") });
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

const run = (paths) =>
  spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--bail=1", "--reporter=dot", ...paths], {
    cwd: copy,
    encoding: "utf8",
    timeout: 600_000,
  });

for (const room of rooms) {
  const { status, stdout } = run(TESTS[room]);
  if (status !== 0) throw new Error(`The tests of ${room} fail without a mutant:\n${stdout.slice(-2000)}`);
}
const mutants = sample();
const survivors = [];
for (const [index, mutant] of mutants.entries()) {
  const place = relative(root, mutant.file);
  writeFileSync(join(copy, place), mutant.text);
  const survived = run(TESTS[mutant.room]).status === 0;
  writeFileSync(join(copy, place), readFileSync(mutant.file));
  console.log(`${index + 1}/${mutants.length} ${survived ? "SURVIVED" : "killed  "} ${place}:${mutant.at + 1}`);
  if (survived) {
    console.log(`  - ${mutant.was.trim()}\n  + ${mutant.now.trim()}`);
    survivors.push(mutant);
  }
}
const killed = mutants.length - survivors.length;
console.log(`${killed} of ${mutants.length} killed`);
if (killed < mutants.length * 0.9) process.exitCode = 1;
