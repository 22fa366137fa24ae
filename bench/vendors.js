// What further vendors cost: the same masker built with 30, 100, 200 and all of them, on the same body, in turns. Every copy of
// the sources has a list of vendors of its own, as there is no option for it. `npm run bench:vendors`
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const COUNTS = [30, 100, 200, Number.POSITIVE_INFINITY];

/** The list of the index in the order of their names, cut off after so many vendors. */
const cut = (count) => `
import { VENDORS as ALL } from "./every.js";
export * from "./every.js";
const names = [...new Set(ALL.map(({ vendor }) => vendor))].sort();
const taken = new Set(names.filter((_, i) => Math.floor(i * Math.min(1, ${count} / names.length)) !== Math.floor((i - 1) * Math.min(1, ${count} / names.length))));
export const VENDORS = ALL.filter(({ vendor }) => taken.has(vendor));
export const COUNT = taken.size;
`;

async function maskers(directory) {
  const compiled = join(directory, "all");
  const project = join(root, "tsconfig.build.json");
  execFileSync(process.execPath, [tsc, "-p", project, "--outDir", compiled, "--emitDeclarationOnly", "false"]);
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  const made = [];
  for (const count of COUNTS) {
    const copy = join(directory, `with-${count}`);
    cpSync(compiled, copy, { recursive: true });
    const vendors = join(copy, "masking", "detectors", "vendors");
    renameSync(join(vendors, "index.js"), join(vendors, "every.js"));
    writeFileSync(join(vendors, "index.js"), cut(count === Number.POSITIVE_INFINITY ? 1e9 : count));
    const { COUNT } = await import(pathToFileURL(join(vendors, "index.js")).href);
    const { createMasker } = await import(pathToFileURL(join(copy, "masking", "index.js")).href);
    made.push({ vendors: COUNT, masker: createMasker(), best: 0 });
  }
  return made;
}

const page = readFileSync(join(root, "docs", "masking.md"), "utf8").replaceAll("`", "");
const body = Buffer.from(
  JSON.stringify(
    Array.from({ length: 12_000 }, (_, i) => ({
      id: `acct_${100_000 + i}`,
      name: `Customer number ${i}`,
      created_at: `2026-01-1${i % 10}T12:30:4${i % 10}Z`,
      note: page.slice((i * 97) % 8000, ((i * 97) % 8000) + 120).replace(/[0-9@:]/g, "-"),
      url: `https://example.com/path/to/thing?x=${i}`,
    })),
  ),
);

function rate(masker) {
  const pass = masker.open({ contentType: "application/json" });
  const before = process.cpuUsage();
  for (let at = 0; at < body.length; at += 65_536) pass.push(body.subarray(at, at + 65_536));
  pass.flush();
  const { user, system } = process.cpuUsage(before);
  return body.length / (user + system);
}

const directory = mkdtempSync(join(tmpdir(), "vendors-"));
try {
  const made = await maskers(directory);
  for (let round = 0; round < 15; round++) for (const one of made) one.best = Math.max(one.best, rate(one.masker));
  const [least] = made;
  console.table(
    made.map(({ vendors, best }) => ({
      vendors,
      "MB/s": Math.round(best),
      "of the first": Number((best / least.best).toFixed(3)),
    })),
  );
} finally {
  rmSync(directory, { recursive: true });
}
