import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker, type MaskerOptions } from "../../src/masking/index.js";
import { everyChunking, FORM_TYPE, JSON_TYPE, masker, oneByOne, SSE_TYPE, through, whole } from "./support.js";

const KEY = "0123456789abcdef";

/** The one output for every chunking, parsed. */
function masked(json: string, options: MaskerOptions): unknown {
  const outputs = [...everyChunking(JSON_TYPE, json, createMasker(options))];
  expect(outputs).toHaveLength(1);
  return JSON.parse(outputs[0] as string);
}

describe("path rules", () => {
  it("mask a member by its place, whatever it holds", () => {
    const options = { paths: ["/customer/email", "/items/*/card", "**/password"] };
    const json =
      '{"customer":{"email":"none","name":"Ada"},"items":[{"card":1},{"card":{"a":["}"]}}],"x":[{"password":true}],"password":"\\"y"}';
    expect(masked(json, options)).toEqual({
      customer: { email: "[REDACTED:FIELD]", name: "Ada" },
      items: [{ card: "[REDACTED:FIELD]" }, { card: "[REDACTED:FIELD]" }],
      x: [{ password: "[REDACTED:FIELD]" }],
      password: "[REDACTED:FIELD]",
    });
  });

  it("match a name however it is escaped", () => {
    expect(masked('{"p\\u0061ssword":"x","a/b":"y","c~d":"z"}', { paths: ["**/password", "/a~1b", "/c~0d"] })).toEqual({
      password: "[REDACTED:FIELD]",
      "a/b": "[REDACTED:FIELD]",
      "c~d": "[REDACTED:FIELD]",
    });
  });

  it("match an element by its index", () => {
    expect(masked('[["a","b"],["c"]]', { paths: ["/0/1", "/1/*"] })).toEqual([
      ["a", "[REDACTED:FIELD]"],
      ["[REDACTED:FIELD]"],
    ]);
  });

  it("leave other places alone, and null where it is", () => {
    const json = '{"customers":{"email":"a"},"customer":[{"email":"b"}],"email":null}';
    expect(masked(json, { paths: ["/customer/email", "/email"] })).toEqual(JSON.parse(json));
  });

  it.each([
    ['{"secret":1,"a":2}', { a: 2 }],
    ['{"a":2,"secret":"x"}', { a: 2 }],
    ['{"a":2 , "secret":[1,{"b":"}\\""}] , "c":3}', { a: 2, c: 3 }],
    ['{"secret":1}', {}],
    ['{"secret":1,"secret":2,"z":{"secret":null},"secret":3}', { z: {} }],
    ['{"list":["a","b","c"]}', { list: ["a", "c"] }],
    ['{"first":["a","b"],"only":["a"]}', { first: ["b"], only: [] }],
  ])("drop members and elements of %s with the right comma", (json, expected) => {
    expect(
      masked(json, { strategies: { "**/secret": "drop", "/list/1": "drop", "/first/0": "drop", "/only/0": "drop" } }),
    ).toEqual(expected);
  });

  it("apply a strategy of their own", () => {
    const options: MaskerOptions = { strategies: { "/pin": "partial", "/id": "hash", "/n": "hash" }, hashKey: KEY };
    const first = masked('{"pin":"12-34-56-78","id":"Ada","n":17}', options) as Record<string, string>;
    expect(first["pin"]).toBe("**-**-56-78");
    expect(first["id"]).toMatch(/^\[FIELD:[a-p]{32}\]$/);
    expect(first["n"]).toMatch(/^\[FIELD:[a-p]{32}\]$/);
    expect(masked('{"id":"\\u0041da"}', options)).toEqual({ id: first["id"] });
    expect(masked('{"id":"Ada"}', { ...options, hashKey: "another key, also long" })).not.toEqual({ id: first["id"] });
  });

  it("redact what is too long for the strategy to see all of", () => {
    const by = createMasker({ strategies: { "/id": "partial" } });
    for (const length of [4000, 4093, 4094, 4095, 4096, 5000]) {
      const json = JSON.stringify({ id: "x".repeat(length) });
      expect(through(by.open(JSON_TYPE), oneByOne(json))).toBe(whole(JSON_TYPE, json, by));
    }
  });

  it("given for one answer are added to the masker's own, which win", () => {
    const by = createMasker({ strategies: { "/a": "drop" } });
    expect(whole({ ...JSON_TYPE, paths: ["/a", "/b"] }, '{"a":1,"b":2,"c":3}', by)).toBe(
      '{"b":"[REDACTED:FIELD]","c":3}',
    );
  });

  it("name fields of a form by one step", () => {
    const by = createMasker({ paths: ["/password"], strategies: { "/secret": "drop" } });
    expect(everyChunking(FORM_TYPE, "secret=1&a=2&p%61ssword=x%26y&secret=3", by)).toEqual(
      new Set(["a=2&password=%5BREDACTED%3AFIELD%5D".replace("password", "p%61ssword")]),
    );
  });

  it("apply to the data of every event, over several lines too", () => {
    const by = createMasker({ paths: ["/user/name"] });
    expect(everyChunking(SSE_TYPE, 'data: {"user":\ndata: {"name":"Ada"}}\n\ndata: [{"user":1}]\n\n', by)).toEqual(
      new Set(['data: {"user":\ndata: {"name":"[REDACTED:FIELD]"}}\n\ndata: [{"user":1}]\n\n']),
    );
  });
});

describe("numbers", () => {
  it("become texts when they are masked", () => {
    expect(
      masked('{"card":4111111111111111,"float":4111111111111111.0,"ssn":78051121,"n":[4111111111111111 ]}', {}),
    ).toEqual({
      card: "[REDACTED:CREDIT_CARD]",
      float: "[REDACTED:CREDIT_CARD]",
      ssn: 78051121,
      n: ["[REDACTED:CREDIT_CARD]"],
    });
  });

  it("are judged by the name of their member", () => {
    expect(masked('{"ssn":578051121,"id":578051121}', {})).toEqual({ ssn: "[REDACTED:US_SSN]", id: 578051121 });
  });

  it("stay as they are where they are measurements", () => {
    const json =
      '{"a":0.4111111111111111,"b":4.111111111111111e15,"c":-12.5,"d":1748503543012,"e":123456789012345678901234567890}';
    expect(whole(JSON_TYPE, json)).toBe(json);
  });
});

describe("JSON", () => {
  it("stays JSON of the same structure, whatever is masked in it, for every way to cut it", () => {
    const sensitive = fc.constantFrom(
      "jane@example.com",
      "4111 1111 1111 1111",
      "::1",
      `ghp_${"a1B2".repeat(9)}`,
      "\ud83d\ude00 078-05-1123",
      "-----BEGIN PRIVATE KEY-----\nx",
    );
    const leaf = fc.oneof(
      fc.string({ unit: "binary" }),
      sensitive,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.constantFrom(true, null, 4111111111111111),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("password", "a", "ssn")), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    const by = createMasker({
      paths: ["**/password", "/a/*"],
      strategies: { EMAIL: "partial", US_SSN: "hash" },
      hashKey: KEY,
    });
    fc.assert(
      fc.property(tree, fc.boolean(), fc.array(fc.nat(), { maxLength: 6 }), (value, pretty, cuts) => {
        const json = JSON.stringify(value, null, pretty ? 2 : 0);
        if (json.includes("\\u0000")) return;
        const bytes = Buffer.from(json);
        const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
        const output = through(by.open(JSON_TYPE), chunks);
        expect(output).toBe(whole(JSON_TYPE, json, by));
        sameShape(JSON.parse(json), JSON.parse(output), "");
      }),
      { numRuns: 300 },
    );
  });
});

/** Same structure; a scalar may have become a text, and what is under a path rule is one text. */
function sameShape(before: unknown, after: unknown, name: string): void {
  if (typeof after === "string") return;
  if (Array.isArray(before)) {
    expect(Array.isArray(after)).toBe(true);
    expect((after as unknown[]).length).toBe(before.length);
    for (const [i, value] of before.entries()) sameShape(value, (after as unknown[])[i], name);
  } else if (typeof before === "object" && before !== null) {
    const names = Object.keys(after as object);
    expect(names.length).toBeLessThanOrEqual(Object.keys(before).length);
    for (const key of names)
      if (key in before) sameShape(before[key as never], (after as Record<string, unknown>)[key], key);
  } else expect(after).toEqual(before);
}

describe("masking without rules", () => {
  it("changes nothing in a document without findings", () => {
    const json = JSON.stringify(
      { a: [1, "two", { three: null }], "k\\ey": "tab\tand \u00fc and \ud83d\ude00" },
      null,
      2,
    );
    expect(everyChunking(JSON_TYPE, json, masker)).toEqual(new Set([json]));
  });
});
