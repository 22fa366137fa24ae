import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url).pathname;

/** Numbers that names of tests, or of their cases, begin with. */
function scenariosIn(folder: string): readonly number[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && name !== "scenarios.test.ts")
    .flatMap((name) => [...readFileSync(join(root, folder, name), "utf8").matchAll(/["'`]([0-9]+): \S/g)])
    .map(([, number]) => Number(number));
}

test("each of the 77 acceptance scenarios of credentials is a test of that number", () => {
  const found = new Set(["broker", "identity"].flatMap(scenariosIn));
  const all = Array.from({ length: 77 }, (_, index) => index + 1);
  expect(all.filter((number) => !found.has(number))).toEqual([]);
});
