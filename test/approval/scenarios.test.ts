import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Scenarios about agent frameworks and client libraries: they are tests of the adapters, which are an issue of their own. */
const WAIT_FOR_ADAPTERS = [17, 18, 52, 56, 58, 61, 62, 63];

const root = new URL("..", import.meta.url).pathname;

/** Numbers that test names begin with. */
function scenariosIn(folder: string): readonly number[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [
      ...readFileSync(join(root, folder, name), "utf8").matchAll(
        /\b(?:it|test)(?:\.each\([\s\S]*?\))?\(\s*["'`]((?:[0-9]+, )*[0-9]+): /g,
      ),
    ])
    .flatMap(([, numbers = ""]) => numbers.split(", ").map(Number));
}

test("each of the 64 acceptance scenarios of approvals is a test of that number, or waits for the adapters", () => {
  const found = new Set(
    ["approval", "integration", "store", "cli"]
      .flatMap(scenariosIn)
      .concat(scenariosIn("request").filter((n) => n < 12)),
  );
  const all = Array.from({ length: 64 }, (_, index) => index + 1);
  expect(all.filter((number) => !found.has(number) && !WAIT_FOR_ADAPTERS.includes(number))).toEqual([]);
});
