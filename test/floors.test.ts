import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = resolve(import.meta.dirname, "../src");
const GROUND = new Set(["request", "policy", "masking", "errors", "clock", "shapes", "regular-file"]);
const MIDDLE = new Set(["identity", "broker", "approval", "transport", "audit", "store", "recording"]);

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Path below src for a relative import. */
  readonly target: string | null;
}

const files = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => join(entry.parentPath, entry.name));

const imports: readonly Import[] = files.flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?\bfrom "([^"]+)";$|\bimport\("([^"]+)"\)/gm)].map(
    (match) => {
      const specifier = match[1] ?? match[2] ?? "";
      const target = specifier.startsWith(".") ? relative(SRC, resolve(file, "..", specifier)) : null;
      return { from: relative(SRC, file), specifier, target };
    },
  ),
);

const room = (path: string): string => path.split("/")[0]?.replace(/\.[jt]s$/, "") ?? "";
const floor = (path: string): number => (GROUND.has(room(path)) ? 0 : MIDDLE.has(room(path)) ? 1 : 2);

/** Circles that are still there, below the top floor. This list only becomes shorter, and so do they. */
const CIRCLES: readonly (readonly string[])[] = [
  ["approval/check-options.ts", "approval/options.ts"],
  ["approval/types.ts", "approval/votes/quorum.ts"],
  [
    "broker/credential-error.ts",
    "broker/custody.ts",
    "broker/events.ts",
    "broker/leases.ts",
    "broker/live-secrets.ts",
    "broker/oauth/dpop.ts",
    "broker/provider.ts",
    "broker/revoke.ts",
  ],
  [
    "masking/detectors/credit-card.ts",
    "masking/detectors/numbers.ts",
    "masking/detectors/phone.ts",
    "masking/detectors/us-ssn.ts",
  ],
  ["masking/json/names.ts", "masking/json/pairs.ts", "masking/name-reader.ts", "masking/scanner.ts"],
  ["policy/clauses.ts", "policy/match/elsewhere.ts", "policy/match/exact.ts", "policy/operation.ts", "policy/when.ts"],
  ["policy/obligations.ts", "policy/predicates.ts", "policy/rule.ts"],
  ["policy/tools/check-headers.ts", "policy/tools/learn.ts"],
  ["transport/added.ts", "transport/transport.ts"],
  ["transport/proxy/proxy-options.ts", "transport/tls-options.ts", "transport/transport-options.ts"],
];
/** Folders that are still too full, and how full they may be. Only becomes shorter, too. */
const CROWDED: Readonly<Record<string, number>> = { policy: 28, transport: 28 };

/** Files that import each other, directly or by way of others (Tarjan's strongly connected components). */
function circles(): readonly (readonly string[])[] {
  const graph = new Map<string, string[]>();
  for (const file of files) graph.set(relative(SRC, file), []);
  for (const { from, target } of imports) if (target !== null) graph.get(from)?.push(target.replace(/\.js$/, ".ts"));
  const found: string[][] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): void => {
    const at = order.size;
    order.set(file, at);
    low.set(file, at);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!graph.has(next)) continue;
      if (!order.has(next)) visit(next);
      const reaches = stack.includes(next) ? (low.get(next) as number) : at;
      low.set(file, Math.min(low.get(file) as number, reaches));
    }
    if (low.get(file) !== at) return;
    const circle = stack.splice(stack.indexOf(file)).sort();
    if (circle.length > 1) found.push(circle);
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found.sort();
}

describe("the three floors", () => {
  it("are seen by this test", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(200);
  });

  it("import down, never up", () => {
    expect(imports.filter(({ from, target }) => target !== null && floor(target) > floor(from))).toEqual([]);
  });

  it("have no circle of files, types included, but for those that wait to be dissolved", () => {
    const isKnown = (circle: readonly string[]): boolean =>
      CIRCLES.some((known) => circle.every((file) => known.includes(file)));
    expect(circles().filter((circle) => !isKnown(circle))).toEqual([]);
    expect(CIRCLES.flat().filter((file) => floor(file) === 2)).toEqual([]);
  });

  it("have at most 25 files in a folder, beside its rooms", () => {
    const sizes = new Map<string, number>();
    for (const file of files) {
      const folder = dirname(relative(SRC, file));
      sizes.set(folder, (sizes.get(folder) ?? 0) + 1);
    }
    const crowded = [...sizes].filter(([folder, size]) => size > (CROWDED[folder] ?? 25));
    expect(crowded).toEqual([]);
  });

  it("of the middle meet only through their index", () => {
    const sideways = imports.filter(
      ({ from, target }) =>
        target !== null &&
        floor(from) === 1 &&
        floor(target) === 1 &&
        room(from) !== room(target) &&
        !target.endsWith("/index.js"),
    );
    expect(sideways).toEqual([]);
  });

  it("keep each dependency in one file of one folder", () => {
    const users = new Map<string, Set<string>>();
    for (const { from, specifier, target } of imports) {
      // The command line is a program that uses the library, and libraries of its own.
      if (target !== null || specifier.startsWith("node:") || room(from) === "cli") continue;
      const name = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      users.set(name, (users.get(name) ?? new Set()).add(from));
    }
    const spread = [...users].filter(([, from]) => {
      const byRoom = new Map<string, number>();
      for (const file of from) byRoom.set(room(file), (byRoom.get(room(file)) ?? 0) + 1);
      return [...byRoom.values()].some((count) => count > 1);
    });
    expect(spread.map(([name, from]) => [name, [...from]])).toEqual([]);
  });

  it("have no clock, no randomness and no network on the ground", () => {
    const impure = files
      .filter((file) => floor(relative(SRC, file)) === 0 && !file.endsWith("clock.ts"))
      .filter((file) =>
        /\bDate\.now\(|\bMath\.random\(|\bperformance\.|\bsetTimeout\(|\bfetch\(/.test(readFileSync(file, "utf8")),
      )
      .map((file) => relative(SRC, file));
    expect(impure).toEqual([]);
  });

  it("load only the smallest libraries when the package is imported; the others come with what needs them", () => {
    const loaded = new Set<string>();
    const packages = new Set<string>();
    const visit = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      const text = readFileSync(join(SRC, file), "utf8");
      for (const [, clause = "", specifier = ""] of text.matchAll(/^(?:import|export)\b([^;]*?)\bfrom "([^"]+)";$/gm)) {
        const isType = clause.trim().startsWith("type ") || /^\s*\{(\s*type [^,}]+,?)+\s*\}\s*$/.test(clause);
        if (isType || specifier.startsWith("node:")) continue;
        if (specifier.startsWith("."))
          visit(relative(SRC, resolve(SRC, file, "..", specifier)).replace(/\.js$/, ".ts"));
        else packages.add(specifier);
      }
    };
    visit("index.ts");
    expect(loaded.size).toBeGreaterThan(100);
    expect([...packages].sort()).toEqual(["canonicalize", "ipaddr.js", "openapi-fetch", "re2js"]);
  });
});
