import { describe, expect, it } from "vitest";
import type { MatcherDocument } from "../../src/policy/index.js";
import { allows, bodyMatcher, stops } from "./support.js";

const both = { allow: true, deny: true };
const neither = { allow: false, deny: false };
/** Doubt: fails an allow, fires a deny. */
const doubt = { allow: false, deny: true };

describe("a matcher on a value of its type", () => {
  it.each<[string, MatcherDocument, unknown, unknown]>([
    ["a value equals", "EUR", "EUR", "USD"],
    ["a number equals", 5, 5, 6],
    ["a boolean equals", true, true, false],
    ["null equals null", null, null, "x"],
    ["a list is one of", ["EUR", "USD"], "USD", "GBP"],
    ["a list may mix types", ["EUR", 5], 5, 6],
    ["eq", { eq: "a" }, "a", "b"],
    ["in", { in: [1, 2] }, 2, 3],
    ["gt excludes its bound", { gt: 5 }, 5.5, 5],
    ["gte includes its bound", { gte: 5 }, 5, 4.9],
    ["lt excludes its bound", { lt: 5 }, 4, 5],
    ["lte includes its bound", { lte: 5 }, 5, 5.1],
    ["two bounds both hold", { gte: 0, lte: 500 }, 500, 501],
    ["prefix", { prefix: "A-" }, "A-1", "B-1"],
    ["suffix", { suffix: ".pdf" }, "x.pdf", "x.exe"],
    ["contains a substring", { contains: "needle" }, "a needle", "hay"],
    ["contains an element", { contains: "b" }, ["a", "b"], ["a"]],
    ["an element is not a substring", { contains: "b" }, ["b"], ["abc"]],
    ["matches", { matches: "^[0-9]+$" }, "42", "42a"],
    ["matches is a search unless anchored", { matches: "4" }, "142", "5"],
    ["minLength of text", { minLength: 2 }, "ab", "a"],
    ["maxLength of text", { maxLength: 2 }, "ab", "abc"],
    ["length counts characters, not code units", { maxLength: 2 }, "😀😀", "😀😀😀"],
    ["length of an array", { minLength: 1, maxLength: 2 }, [1, 2], [1, 2, 3]],
    ["exists", { exists: true }, "anything", undefined],
    ["exists: false", { exists: false }, undefined, "anything"],
    ["not of a value", { not: "a" }, "b", "a"],
    ["not of a list", { not: ["a", "b"] }, "c", "b"],
    ["not of operators", { not: { prefix: "a" } }, "b", "ab"],
    ["not of not", { not: { not: "a" } }, "a", "b"],
    ["operators must all hold", { prefix: "a", suffix: "z", not: "a-z" }, "a--z", "a-z"],
  ])("%s", (_name, matcher, yes, no) => {
    expect(bodyMatcher(matcher, { v: yes })).toEqual(both);
    expect(bodyMatcher(matcher, { v: no })).toEqual(
      // null is compared with a string in one of the rows, which is a wrong type
      matcher === null ? doubt : neither,
    );
  });
});

describe("an absent value", () => {
  it.each<[string, MatcherDocument]>([
    ["equals", "a"],
    ["one of", ["a"]],
    ["a bound", { lt: 5 }],
    ["text", { prefix: "a" }],
    ["length", { maxLength: 3 }],
    ["exists", { exists: true }],
    ["a not beside another operator", { not: "a", prefix: "b" }],
    ["a demand for presence, even where optional is written too", { exists: true, optional: true }],
    ["a not of a matcher that absence fulfils", { not: { exists: false } }],
    ["a not of an optional matcher", { not: { optional: true, eq: "a" } }],
  ])("fails an allow and does not fire a deny: %s", (_name, matcher) => {
    expect(bodyMatcher(matcher, {})).toEqual(neither);
  });

  it.each<[string, MatcherDocument]>([
    ["not", { not: "a" }],
    ["not of not exists", { not: { exists: true } }],
    ["exists: false", { exists: false }],
    ["optional", { optional: true, eq: "a" }],
  ])("holds in an allow and fires a deny: %s", (_name, matcher) => {
    expect(bodyMatcher(matcher, {})).toEqual(both);
  });

  it("is also one whose parent is absent or null", () => {
    for (const json of [{}, { a: null }]) {
      expect(allows({ body: { "/a/b": "x" } }, { json })).toBe(false);
      expect(stops({ body: { "/a/b": "x" } }, { json })).toBe(false);
      expect(stops({ body: { "/a/b": { not: "x" } } }, { json })).toBe(true);
    }
  });

  it("is every value of a request without a body", () => {
    expect(allows({ body: { "/v": "x" } })).toBe(false);
    expect(allows({ body: { "/v": { optional: true, eq: "x" } } })).toBe(true);
    expect(stops({ body: { "/v": "x" } })).toBe(false);
    expect(stops({ body: { "/v": { not: "x" } } })).toBe(true);
  });

  it("is the element of an empty list", () => {
    expect(allows({ body: { "/v/*": "x" } }, { json: { v: [] } })).toBe(false);
    expect(stops({ body: { "/v/*": "x" } }, { json: { v: [] } })).toBe(false);
  });
});

describe("a value of the wrong type", () => {
  it.each<[string, MatcherDocument, unknown]>([
    ["a number in text is not the number", 100, "100"],
    ["text is not a number", "100", 100],
    ["a bound on text", { lte: 500 }, "100"],
    ["a bound on null", { lte: 500 }, null],
    ["a bound on a list", { lte: 500 }, [100]],
    ["a prefix of a number", { prefix: "1" }, 100],
    ["an expression on an object", { matches: "." }, {}],
    ["a length of a number", { maxLength: 5 }, 1],
    ["a substring of an object", { contains: "a" }, { a: 1 }],
    ["a number as a substring", { contains: 5 }, "x5"],
    ["a number as a substring of itself", { contains: 5 }, "5"],
    ["a truth as a substring", { contains: true }, "true"],
    ["text where a list of numbers is meant", [1, 2], "1"],
    ["the text true is not true", true, "true"],
    ["a list around the value", "external", ["external"]],
  ])("fails an allow and fires a deny: %s", (_name, matcher, value) => {
    expect(bodyMatcher(matcher, { v: value })).toEqual(doubt);
  });

  it("stays doubt under not", () => {
    expect(bodyMatcher({ not: true }, { v: "true" })).toEqual(doubt);
    expect(bodyMatcher({ not: { gt: 5 } }, { v: "6" })).toEqual(doubt);
    expect(bodyMatcher({ not: { not: 5 } }, { v: "5" })).toEqual(doubt);
  });

  it("wins over another operator that does not hold", () => {
    expect(bodyMatcher({ prefix: "b", gt: 5 }, { v: "a" })).toEqual(doubt);
  });
});

describe("a repeated value", () => {
  const body = { "/lines/*/sku": { prefix: "A-" } };
  const lines = (...skus: unknown[]): object => ({ json: { lines: skus.map((sku) => ({ sku })) } });

  it("must match every time in an allow", () => {
    expect(allows({ body }, lines("A-1", "A-2"))).toBe(true);
    expect(allows({ body }, lines("A-1", "B-2"))).toBe(false);
    expect(allows({ body }, { json: { lines: [{ sku: "A-1" }, {}] } })).toBe(false);
  });

  it("need match only once in a deny", () => {
    expect(stops({ body }, lines("B-1", "A-2"))).toBe(true);
    expect(stops({ body }, lines("B-1", "B-2"))).toBe(false);
    expect(stops({ body }, lines("B-1", 7))).toBe(true);
  });

  it("of a query parameter must match every time in an allow, once in a deny", () => {
    const query = { format: ["csv", "json"] };
    expect(allows({ query }, { at: "/?format=csv&format=json" })).toBe(true);
    expect(allows({ query }, { at: "/?format=csv&format=exe" })).toBe(false);
    expect(stops({ query }, { at: "/?format=exe&format=csv" })).toBe(true);
    expect(stops({ query }, { at: "/?format=exe&format=com" })).toBe(false);
  });

  it("of a header must match every time in an allow, once in a deny", () => {
    const headers = { "X-Tenant": "acme" };
    const sent = (...values: string[]): { headers: [string, string][] } => ({
      headers: values.map((value) => ["x-tenant", value]),
    });
    expect(allows({ headers }, sent("acme", "acme"))).toBe(true);
    expect(allows({ headers }, sent("acme", "evil"))).toBe(false);
    expect(stops({ headers }, sent("evil", "acme"))).toBe(true);
    expect(stops({ headers }, sent("evil"))).toBe(false);
  });

  it("of an object's members is meant by * as well", () => {
    expect(allows({ body: { "/prices/*": { lte: 5 } } }, { json: { prices: { a: 1, b: 5 } } })).toBe(true);
    expect(allows({ body: { "/prices/*": { lte: 5 } } }, { json: { prices: { a: 1, b: 6 } } })).toBe(false);
  });
});

describe("a body that cannot be read", () => {
  it.each<[string, object]>([
    ["no content type", { body: '{"v":"x"}' }],
    ["another media type", { headers: { "content-type": "text/plain" }, body: '{"v":"x"}' }],
    ["a content coding", { headers: { "content-type": "application/json", "content-encoding": "gzip" }, body: "{}" }],
    ["another charset", { headers: { "content-type": "application/json;charset=utf-16" }, body: '{"v":"x"}' }],
    ["broken JSON", { headers: { "content-type": "application/json" }, body: '{"v":"x"' }],
    ["a key twice", { headers: { "content-type": "application/json" }, body: '{"v":"x","v":"x"}' }],
    ["a key in two cases", { headers: { "content-type": "application/json" }, body: '{"v":"x","V":"x"}' }],
    ["multipart", { headers: { "content-type": "multipart/form-data; boundary=b" }, body: "--b--" }],
    ["a broken escape in a form", { form: "v=x&w=%zz" }],
    ["bytes that are not UTF-8 in a form", { form: "v=x&w=%ff" }],
    ["a semicolon in a form, a separator to some", { form: "w=1;v=x" }],
    ["a control character in a form's name", { form: "v%00=y&v=x" }],
  ])("fails an allow and fires a deny, whatever the matcher: %s", (_name, request) => {
    for (const matcher of ["x", { not: "x" }, { optional: true as const }, { exists: false }]) {
      expect(allows({ body: { "/v": matcher } }, request)).toBe(false);
      expect(stops({ body: { "/v": matcher } }, request)).toBe(true);
    }
  });
});
