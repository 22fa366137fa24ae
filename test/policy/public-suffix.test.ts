import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/index.js";
import { documentOf, problemsOf } from "./support.js";

const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("/node_modules/tldts/"));

it("the list of public suffixes is loaded by a policy with a wildcard, and by nothing else", () => {
  compilePolicy(documentOf([{}], { origins: ["https://api.example.com", "public-web"] }));
  expect(isLoaded()).toBe(false);
  expect(problemsOf(documentOf([], { origins: ["https://*.github.io"] }))).toHaveLength(1);
  expect(isLoaded()).toBe(true);
});
