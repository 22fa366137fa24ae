import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Scenarios that are no test of this version, and why. */
const NO_TEST: Readonly<Record<number, string>> = {
  5: "the guard does not send again after a 503: whoever does makes a call of its own",
  74: "a figure of a benchmark, which is not there yet",
  75: "a figure of a benchmark, which is not there yet",
  76: "a figure of a benchmark, which is not there yet",
};

const root = new URL("..", import.meta.url).pathname;

/** Numbers that names of tests, and of rows of their tables, begin with. */
const numbersIn = (folder: string): readonly number[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [
      ...readFileSync(join(root, folder, name), "utf8").matchAll(/["'`]((?:[0-9]+, )*[0-9]+): [a-z]/g),
    ])
    .flatMap(([, numbers = ""]) => numbers.split(", ").map(Number));

test("each acceptance scenario of the record is a test of that number, or says why not", () => {
  const own = ["audit", "recording"].flatMap(numbersIn);
  const ofCalls = numbersIn("integration").filter((number) => number >= 4 && number <= 7);
  const found = new Set([...own, ...ofCalls]);
  const wanted = [...Array.from({ length: 57 }, (_, index) => index + 1), 74, 75, 76];
  expect(wanted.filter((number) => !found.has(number) && !(number in NO_TEST))).toEqual([]);
  expect(Object.keys(NO_TEST).filter((number) => found.has(Number(number)))).toEqual([]);
});
