import { describe, expect, it } from "vitest";
import { compilePolicy, type PolicyDocument } from "../../src/policy/index.js";
import { ask, documentOf, problemsOf } from "./support.js";

type Json = Readonly<Record<string, unknown>>;

/** A described service with one operation at `/a`, or where the path has the parameter, at `/a/{p}`. */
function described(parameter: Json, body?: Json): PolicyDocument {
  const requestBody = body === undefined ? {} : { requestBody: { content: { "application/json": { schema: body } } } };
  const path = parameter["in"] === "path" ? "/a/{p}" : "/a";
  const operation = { parameters: [{ name: "p", ...parameter }], ...requestBody };
  return documentOf([{}], { openapi: { openapi: "3.1.0", paths: { [path]: { get: operation, post: operation } } } });
}

const fits = (parameter: Json, at: string, headers: Readonly<Record<string, string>> = {}): boolean =>
  ask(compilePolicy(described(parameter)), { at, headers }).code !== "SCHEMA_REFUSED";

const list = { type: "array", items: { type: "integer" }, minItems: 2 };
const open = { type: "object", properties: { gte: { type: "integer" } } };
const range = {
  type: "object",
  properties: { gte: { type: "integer" }, lte: { type: "integer" } },
  additionalProperties: false,
};

describe("a parameter of an OpenAPI description", () => {
  it.each<[string, Json, string, boolean]>([
    ["a list over several pairs", { in: "query", schema: list }, "/a?p=1&p=2", true],
    ["such a list with something else in it", { in: "query", schema: list }, "/a?p=1&p=x", false],
    ["a list in one pair", { in: "query", explode: false, schema: list }, "/a?p=1,2", true],
    ["a list between blanks", { in: "query", style: "spaceDelimited", schema: list }, "/a?p=1%202", true],
    ["such a list with something else", { in: "query", style: "spaceDelimited", schema: list }, "/a?p=1%20x", false],
    ["a list between bars", { in: "query", style: "pipeDelimited", schema: list }, "/a?p=1%7C2", true],
    ["such a list that is too short", { in: "query", style: "pipeDelimited", schema: list }, "/a?p=1", false],
    ["an object in brackets", { in: "query", style: "deepObject", schema: range }, "/a?p[gte]=1&p%5Blte%5D=2", true],
    ["such an object with a text", { in: "query", style: "deepObject", schema: range }, "/a?p[gte]=x", false],
    ["such an object with another member", { in: "query", style: "deepObject", schema: range }, "/a?p[eq]=1", false],
    ["brackets in brackets", { in: "query", style: "deepObject", schema: open }, "/a?p[gte][x]=1", false],
    ["the bare name beside brackets", { in: "query", style: "deepObject", schema: open }, "/a?p[gte]=1&p=2", false],
    ["a list in brackets", { in: "query", style: "deepObject", schema: list }, "/a?p[]=1&p[]=2", true],
    ["such a list with something else", { in: "query", style: "deepObject", schema: list }, "/a?p[0]=1&p[1]=x", false],
    ["an object over pairs of its own", { in: "query", schema: range }, "/a?gte=1&lte=2", true],
    ["such an object with a text", { in: "query", schema: range }, "/a?gte=x", false],
    ["an object in one pair", { in: "query", explode: false, schema: range }, "/a?p=gte,1,lte,2", true],
    ["such an object with a name too many", { in: "query", explode: false, schema: range }, "/a?p=gte,1,lte", false],
    ["a list in a segment", { in: "path", schema: list }, "/a/1,2", true],
    ["an object in a segment", { in: "path", explode: true, schema: range }, "/a/gte=1,lte=2", true],
    ["such an object without a name", { in: "path", explode: true, schema: range }, "/a/gte=1,2", false],
    ["JSON", { in: "query", content: { "application/json": { schema: range } } }, '/a?p={"gte":1}', true],
    ["JSON of another shape", { in: "query", content: { "application/json": { schema: range } } }, "/a?p=[]", false],
    [
      "JSON with two readings",
      { in: "query", content: { "application/json": { schema: range } } },
      '/a?p={"gte":1,"gte":2}',
      false,
    ],
    ["a needed object that is not there", { in: "query", required: true, schema: range }, "/a?x=1", false],
    ["a cookie, which is never sent", { in: "cookie", required: true, schema: range }, "/a", true],
  ])("is read as its style says: %s", (_name, parameter, at, expected) => {
    expect(fits(parameter, at)).toBe(expected);
  });

  it("in a header is read too, but for those that OpenAPI says are described elsewhere", () => {
    expect(fits({ in: "header", schema: list }, "/a", { p: "1,2" })).toBe(true);
    expect(fits({ in: "header", schema: list }, "/a", { p: "1,x" })).toBe(false);
    expect(fits({ in: "header", name: "Authorization", required: true, schema: range }, "/a")).toBe(true);
  });

  it.each<[string, Json, string]>([
    ["matrix", { in: "path", style: "matrix", schema: list }, "/style"],
    ["label", { in: "path", style: "label", schema: list }, "/style"],
    ["a style that does not exist", { in: "query", style: "fancy", schema: list }, "/style"],
    ["a style of another place", { in: "header", style: "form", schema: list }, "/style"],
    ["XML", { in: "query", content: { "application/xml": {} } }, "/content"],
    ["a place that does not exist", { in: "body", schema: list }, ""],
  ])("that nobody could check does not load: %s", (_name, parameter, place) => {
    const path = parameter["in"] === "path" ? "~1a~1{p}" : "~1a";
    expect(problemsOf(described(parameter)).map(({ pointer }) => pointer)).toContain(
      `/services/api/openapi/paths/${path}/get/parameters/0${place}`,
    );
  });
});

/** Whether a JSON body fits this schema. */
const holds = (schema: Json, json: unknown): boolean =>
  ask(compilePolicy(described({ in: "cookie" }, schema)), { at: "/a", json }).code !== "SCHEMA_REFUSED";

describe("a format", () => {
  it.each<[string, readonly unknown[], readonly unknown[]]>([
    ["int32", [0, -2147483648, 2147483647], [2147483648, 1.5]],
    ["int64", [9007199254740991], [1.5, 1e19]],
    ["float", [1.5, -3.4e38], [3.5e38]],
    ["byte", ["", "YQ==", "YWI="], ["YQ", "Y===", "a-b_"]],
    ["date", ["2024-02-29"], ["2023-02-29", "2024-2-9", "2024-13-01", "2024-01-01T00:00:00Z"]],
    ["time", ["23:59:60Z", "00:00:00.5+02:00"], ["24:00:00Z", "10:00:00", "10:00Z"]],
    [
      "date-time",
      ["2024-02-29T10:00:00Z", "2024-02-29t10:00:00.123-05:30"],
      ["2023-02-29T10:00:00Z", "2024-02-29 10:00:00Z", "2024-02-29T10:00:00"],
    ],
    ["uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567e89b12d3a456426614174000", "x"]],
    ["email", ["ada+x@mail.example", "o'neil@a-b.example"], ["ada", "@a.example", "a@b@c.example ", "a..b@c.example"]],
    ["hostname", ["a.example", "a-1"], ["a_b.example", "-a.example", "a..b", ""]],
    ["ipv4", ["10.0.0.1"], ["10.0.0.01", "10.0.0", "10.0.0.256", "0x7f.0.0.1"]],
    ["ipv6", ["::1", "fe80::1", "::ffff:10.0.0.1"], ["10.0.0.1", ":::", "fe80::1%eth0", "::1]/["]],
    ["uri", ["https://a.example/x?y#z", "urn:isbn:1"], ["/x", "https://a.example/a b", "https://a.example/%zz"]],
    ["uri-reference", ["/x", "?y"], ["a b"]],
    ["something-else", ["anything"], []],
  ])("%s holds for what it names and for nothing else", (format, good, bad) => {
    const schema = { type: typeof (good[0] ?? "") as string, format };
    expect(good.filter((value) => !holds(schema, value))).toEqual([]);
    expect(bad.filter((value) => holds(schema, value))).toEqual([]);
  });

  it("is tested in time that grows with the text and no faster", () => {
    for (const format of ["email", "hostname", "uri", "date-time", "ipv6", "byte"]) {
      expect(holds({ type: "string", format }, `${"a-.".repeat(100_000)}@${"a-.".repeat(100_000)}!`)).toBe(false);
    }
  });
});

describe("uniqueItems", () => {
  const schema = { type: "array", uniqueItems: true };

  it("holds where no item is there twice, whatever the order of its members", () => {
    expect(holds(schema, [1, "1", { a: 1, b: 2 }, { a: 2, b: 1 }, [1], [[1]], null])).toBe(true);
    expect(
      holds(schema, [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ]),
    ).toBe(false);
    expect(holds(schema, ["x", "y", "x"])).toBe(false);
    expect(holds({ type: "array", uniqueItems: false }, [1, 1])).toBe(true);
  });

  it("is told without comparing every item with every other", () => {
    const many = Array.from({ length: 40_000 }, (_, id) => ({ id }));
    // Each with each, as validators usually do, takes longer than a test may.
    expect(holds(schema, many)).toBe(true);
  });
});
