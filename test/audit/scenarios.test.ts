import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url).pathname;

/** Numbers that names of tests, and of rows of their tables, begin with. */
const numbersIn = (folder: string): readonly number[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [
      ...readFileSync(join(root, folder, name), "utf8").matchAll(/["'`]((?:[0-9]+, )*[0-9]+): [a-z]/g),
    ])
    .flatMap(([, numbers = ""]) => numbers.split(", ").map(Number));

test("each acceptance scenario of the record is a test of that number", () => {
  const own = ["audit", "recording"].flatMap(numbersIn);
  const ofCalls = numbersIn("integration").filter((number) => number >= 4 && number <= 7);
  const found = new Set([...own, ...ofCalls]);
  const wanted = [...Array.from({ length: 57 }, (_, index) => index + 1), 74, 75, 76];
  expect(wanted.filter((number) => !found.has(number))).toEqual([]);
});
