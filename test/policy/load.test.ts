import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { PolicyError } from "../../src/errors/guard-error.js";
import { compilePolicy, type MethodName, type PolicyDocument, policySchema } from "../../src/policy/index.js";
import { documentOf, problemsOf } from "./support.js";

const pointersOf = (document: unknown): string[] => problemsOf(document).map(({ pointer }) => pointer);
/** The problems of a document whose one rule is changed. */
const withRule = (changes: object): ReturnType<typeof problemsOf> => problemsOf(documentOf([changes]));

describe("a document that cannot be understood", () => {
  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["text", "{}"],
    ["a list", []],
    ["a function", () => ({})],
    ["a promise", Promise.resolve({})],
    ["an empty object", {}],
    ["another version", { version: 2, services: {}, rules: [] }],
    ["a version in text", { version: "1", services: {}, rules: [] }],
  ])("is refused with a PolicyError: %s", (_name, document) => {
    expect(() => compilePolicy(document as PolicyDocument)).toThrow(PolicyError);
  });

  it("is refused where it is not plain data", () => {
    const cyclic: Record<string, unknown> = { version: 1, services: {}, rules: [] };
    cyclic["description"] = cyclic;
    expect(pointersOf(cyclic)).not.toEqual([]);
    expect(pointersOf({ ...documentOf([{}]), description: () => "x" })).toEqual(["/description"]);
    expect(pointersOf(documentOf([{ query: { q: new Date() as never } }]))).toEqual(["/rules/0/query/q"]);
    expect(pointersOf(documentOf([{ body: { "/a": { gte: Number.NaN } } }]))).toEqual(["/rules/0/body/~1a/gte"]);
  });

  it("is refused where it is nested too deeply", () => {
    let matcher: object = { not: "a" };
    for (let depth = 0; depth < 20_000; depth++) matcher = { not: matcher };
    expect(withRule({ query: { q: matcher } })[0]?.message).toContain("deep");
  });

  it("is read once, so that a getter cannot show the checks another value", () => {
    let reads = 0;
    const rule = { ...documentOf([{ id: "a" }]).rules[0] };
    Object.defineProperty(rule, "effect", { enumerable: true, get: () => (reads++ === 0 ? "deny" : "allow") });
    const policy = compilePolicy({ ...documentOf([]), rules: [rule as never] });
    expect(policy.document.rules[0]?.effect).toBe("deny");
    expect(reads).toBe(1);
  });

  it("does not take a key from a polluted prototype", () => {
    const prototype = Object.prototype as Record<string, unknown>;
    prototype["optional"] = true;
    try {
      const policy = compilePolicy(documentOf([{ query: { q: { prefix: "a" } } }]));
      expect(policy.decide({ method: "GET", url: "https://api.example.com/" }, null as never).effect).toBe("deny");
    } finally {
      delete prototype["optional"];
    }
  });
});

describe("the schema", () => {
  it("is valid under its own meta-schema, and strict", () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
    expect(ajv.validateSchema(policySchema)).toBe(true);
    expect(() => ajv.compile(policySchema)).not.toThrow();
  });
});

describe("load errors", () => {
  it("come all at once, each with its place, from shape and meaning alike", () => {
    const document = {
      version: 1,
      id: "bad",
      unknown: true,
      services: {
        crm: { origins: ["https://CRM.internal.example"], addresses: ["10.20.0.1/16"], redirect: 3 },
        web: { origins: ["https://*.com"], addresses: ["169.254.169.254/32"] },
      },
      rules: [
        { id: "one", effect: "allow", service: "crm", methods: ["FETCH"], path: "/a/%41" },
        { id: "one", effect: "allow", service: "web", methods: ["GET"], path: "/a/../b" },
        { id: "two", effect: "permit", service: "crm", methods: ["GET"], path: "/a" },
        { id: "three", effect: "allow", service: "erp", methods: [], path: "/a" },
        { id: "four", effect: "allow", service: "web", methods: ["GET"], path: "/{a}", params: { b: "1" } },
        { id: "five", effect: "deny", query: { q: { matches: "(?=x)" } }, body: { amount: { gte: "5" } } },
        { id: "six", effect: "allow", service: "nowhere", path: "/x", approval: { wait: "soon" }, when: {} },
        { id: "seven", effect: "deny", body: { amount: 5 }, who: { "/princpal/id": "x" } },
      ],
    };
    expect(pointersOf(document).sort()).toEqual(
      [
        "/unknown",
        "/services/crm/redirect",
        "/services/web/origins/0",
        "/services/web/addresses/0",
        "/rules/0/methods/0",
        "/rules/0/path",
        "/rules/1/id",
        "/rules/1/path",
        "/rules/2/effect",
        "/rules/3/methods",
        "/rules/4/params/b",
        "/rules/5/body/amount/gte",
        "/rules/6/approval/wait",
        "/rules/6/when",
        "/rules/7/body/amount",
        "/rules/7/who/~1princpal~1id",
      ].sort(),
    );
  });

  it("are listed in the error's message, with the number of them", () => {
    expect(() => compilePolicy(documentOf([{ methods: ["X", "Y"] as unknown as MethodName[] }]))).toThrow(
      /2 problems:\n {2}\/rules\/0\/methods\/0: .*\n {2}\/rules\/0\/methods\/1: /,
    );
  });

  it.each<[string, object, string, RegExp]>([
    ["an unknown key", { metods: ["GET"] }, "/rules/0/metods", /not a known key/],
    ["an unknown operator", { query: { q: { like: "x" } } }, "/rules/0/query/q/like", /not a known key/],
    [
      "an unknown operator under not",
      { query: { q: { not: { like: "x" } } } },
      "/rules/0/query/q/not/like",
      /known key/,
    ],
    ["an empty matcher", { query: { q: {} } }, "/rules/0/query/q", /./],
    ["an empty list of methods", { methods: [] }, "/rules/0/methods", /empty/],
    ["an empty list to match", { query: { q: [] } }, "/rules/0/query/q", /empty/],
    ["an empty list under in", { query: { q: { in: [] } } }, "/rules/0/query/q/in", /empty/],
    ["an object in a list", { query: { q: [{ eq: "x" }] } }, "/rules/0/query/q/0", /./],
    ["an empty prefix", { query: { q: { prefix: "" } } }, "/rules/0/query/q/prefix", /./],
    ["optional: false", { query: { q: { optional: false } } }, "/rules/0/query/q/optional", /must be true/],
    ["a method in lower case", { methods: ["get"] }, "/rules/0/methods/0", /must be one of/],
    ["a method that is not ordinary", { methods: ["TRACE"] }, "/rules/0/methods/0", /must be one of/],
    ["a path that is relative", { path: "a" }, "/rules/0/path", /./],
    ["a path with an escape", { path: "/a%2Fb" }, "/rules/0/path", /percent/],
    ["a path with a dot segment", { path: "/a/./b" }, "/rules/0/path", /dot segment/],
    ["a path with a query", { path: "/a?b" }, "/rules/0/path", /query/],
    ["a path with a star inside", { path: "/a/*/b" }, "/rules/0/path", /\*/],
    ["a path with stars inside", { path: "/a/**/b" }, "/rules/0/path", /\*/],
    ["a path with half a parameter", { path: "/a/x{id}" }, "/rules/0/path", /brace/],
    ["a path with an unnamed parameter", { path: "/a/{}" }, "/rules/0/path", /brace/],
    ["a path with a parameter twice", { path: "/{id}/{id}" }, "/rules/0/path", /twice/],
    ["a path with a backslash", { path: "/a\\b" }, "/rules/0/path", /backslash/],
    ["a parameter the path does not have", { params: { id: "1" } }, "/rules/0/params/id", /no parameter/],
    ["an expression with look-ahead", { query: { q: { matches: "a(?=b)" } } }, "/rules/0/query/q/matches", /RE2/],
    ["an expression with a back-reference", { query: { q: { matches: "(a)\\1" } } }, "/rules/0/query/q/matches", /RE2/],
    [
      "an expression that is broken",
      { query: { q: { not: { matches: "(" } } } },
      "/rules/0/query/q/not/matches",
      /RE2/,
    ],
    ["a body key that is no pointer", { body: { amount: 5 } }, "/rules/0/body/amount", /Pointer/],
    ["a body key with a broken escape", { body: { "/a~2": 5 } }, "/rules/0/body/~1a~02", /Pointer/],
    ["a who key that points nowhere", { who: { "/groups": "x" } }, "/rules/0/who/~1groups", /principal/],
    ["approval on an allow", { approval: { wait: "5s" } }, "/rules/0/approval", /approve rule/],
    ["a duration without a unit", { effect: "approve", approval: { wait: "5" } }, "/rules/0/approval/wait", /./],
    [
      "a quorum of more people than there are",
      { effect: "approve", approval: { approvers: ["ada", "bo"], quorum: 3 } },
      "/rules/0/approval/quorum",
      /listed/,
    ],
    [
      "a wait for an answer that can no longer come",
      { effect: "approve", approval: { wait: "2h", expires: "90m" } },
      "/rules/0/approval/wait",
      /expires/,
    ],
    ["an unknown record level", { record: "all" }, "/rules/0/record", /must be one of/],
  ])("name %s", (_name, changes, pointer, message) => {
    expect(withRule(changes)).toEqual([{ pointer, message: expect.stringMatching(message) }]);
  });

  it.each(["service", "methods", "path"] as const)(
    "name an allow rule without %s, which a deny may leave out",
    (key) => {
      const [rule] = documentOf([{}]).rules;
      const { [key]: _, ...rest } = { ...rule, id: "r", effect: "allow" };
      expect(problemsOf({ ...documentOf([]), rules: [rest] })).toHaveLength(1);
      expect(compilePolicy({ ...documentOf([]), rules: [{ ...rest, effect: "deny" } as never] })).toBeDefined();
    },
  );

  it("name a service with a bad name, and a rule for a service that is not there", () => {
    const document = documentOf([{ service: ["api", "erp"] }]);
    expect(problemsOf(document)).toEqual([{ pointer: "/rules/0/service", message: expect.stringContaining('"erp"') }]);
    const named = { ...document, rules: [], services: { "a b": { origins: ["https://h.example"] } } };
    expect(problemsOf(named)).toEqual([{ pointer: "/services/a b", message: expect.stringMatching(/name/) }]);
  });

  it("name a service that is not there once for each rule, and do not follow from another problem", () => {
    const document = { ...documentOf([{ service: "crm" }]), services: { crm: { origins: [] } } };
    expect(pointersOf(document)).toEqual(["/services/crm/origins"]);
  });

  it("never appear for the example policies of this version", () => {
    const folder = new URL("../cases/policies/", import.meta.url);
    const later = new Set(["P_GQL.json", "P_MCP.json", "P_GRAPH.json", "P_SF.json", "P_RATE.json"]);
    for (const file of readdirSync(folder)) {
      const document = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as PolicyDocument;
      if (!later.has(file)) expect(compilePolicy(document).hash).toHaveLength(64);
    }
  });
});

describe("the hash of a policy", () => {
  it("does not depend on the order of keys, but on everything else", () => {
    const document = documentOf([{ id: "a" }, { id: "b" }]);
    const shuffled = JSON.parse(JSON.stringify({ ...document, version: undefined }));
    expect(compilePolicy({ ...shuffled, version: 1 }).hash).toBe(compilePolicy(document).hash);
    expect(compilePolicy(documentOf([{ id: "b" }, { id: "a" }])).hash).not.toBe(compilePolicy(document).hash);
  });

  it("and the policy do not change with the caller's object", () => {
    const document = JSON.parse(JSON.stringify(documentOf([{ id: "a", effect: "deny" }])));
    const policy = compilePolicy(document);
    document.rules[0].effect = "allow";
    expect(policy.decide({ method: "GET", url: "https://api.example.com/" }, null as never).effect).toBe("deny");
    expect(policy.document.rules[0]?.effect).toBe("deny");
  });
});
