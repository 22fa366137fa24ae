import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PolicyError } from "../../src/errors/guard-error.js";
import { compilePolicy, type Decision, type PolicyDocument, type RuleDocument } from "../../src/policy/index.js";
import { readPolicyFile } from "../../src/policy-file.js";
import { temporaryDirectory } from "../support/guards.js";
import { type Ask, ask, documentOf, ORIGIN, problemsOf } from "./support.js";

type Json = Readonly<Record<string, unknown>>;

const NOTE = {
  type: "object",
  required: ["title"],
  additionalProperties: false,
  properties: {
    title: { type: "string", maxLength: 5, pattern: "^[a-z]+$" },
    stars: { type: "integer", minimum: 0, exclusiveMinimum: true },
    color: { type: "string", nullable: true, enum: ["red"] },
    tags: { type: "array", items: { $ref: "#/components/schemas/Tag" } },
  },
};
const operation = (operationId: string, more: object = {}): Json => ({ operationId, responses: {}, ...more });
const json = (schema: object): Json => ({ "application/json": { schema } });

const description = (change: object = {}): Json => ({
  openapi: "3.0.3",
  info: { title: "notes", version: "1" },
  servers: [{ url: "/api/{version}", variables: { version: { default: "v1" } } }],
  paths: {
    "/notes": {
      post: operation("createNote", { requestBody: { $ref: "#/components/requestBodies/Note" } }),
      get: operation("listNotes", {
        parameters: [
          { name: "limit", in: "query", required: true, schema: { type: "integer", maximum: 10 } },
          { name: "ids", in: "query", schema: { type: "array", items: { type: "integer" } } },
        ],
      }),
    },
    "/notes/{note-id}": {
      parameters: [{ name: "note-id", in: "path", required: true, schema: { type: "integer" } }],
      get: operation("getNote"),
      delete: operation("deleteNote"),
    },
    "/notes/mine": { get: operation("getMine") },
    "/notes/{id}:archive": { post: operation("archiveNote") },
    "/notes/{id}": undefined,
    "/files": {
      post: operation("upload", {
        requestBody: {
          content: {
            "image/*": { schema: { type: "string", format: "binary" } },
            "application/x-www-form-urlencoded": {
              schema: {
                type: "object",
                properties: { n: { type: "integer" }, on: { type: "boolean" } },
                required: ["n"],
              },
            },
          },
        },
      }),
    },
  },
  components: {
    schemas: { Note: NOTE, Tag: { type: "object", properties: { name: { type: "string" } }, required: ["name"] } },
    requestBodies: { Note: { required: true, content: json({ $ref: "#/components/schemas/Note" }) } },
  },
  ...change,
});

const documentWith = (rules: readonly Partial<RuleDocument>[], openapi: unknown = description()): PolicyDocument => {
  const document = documentOf(rules, { openapi } as object);
  // What `documentOf` fills in, an operation says.
  const stripped = document.rules.map(({ methods, path, ...rule }) =>
    rule.operations === undefined ? { ...rule, methods, path } : rule,
  );
  return { ...document, rules: stripped as PolicyDocument["rules"] };
};
const codeOf = (rules: readonly Partial<RuleDocument>[], request: Ask): Decision["code"] =>
  ask(compilePolicy(documentWith(rules)), request).code;
const only = (...operations: string[]): readonly Partial<RuleDocument>[] => [{ operations }];
const NOTES = "/api/v1/notes";

describe("a rule that names operations", () => {
  it.each<[string, Ask, string[], string]>([
    ["its own", { at: `${NOTES}/7` }, ["getNote"], "ALLOWED"],
    ["HEAD with GET", { method: "HEAD", at: `${NOTES}/7` }, ["getNote"], "ALLOWED"],
    ["another method of the path", { method: "DELETE", at: `${NOTES}/7` }, ["getNote"], "NO_RULE"],
    ["another operation at a more concrete path", { at: `${NOTES}/mine` }, ["getNote"], "NO_RULE"],
    ["that other operation", { at: `${NOTES}/mine` }, ["getMine"], "ALLOWED"],
    ["a parameter inside a segment", { method: "POST", at: `${NOTES}/7:archive` }, ["archiveNote"], "ALLOWED"],
    ["what only looks like it", { method: "POST", at: `${NOTES}/7:delete` }, ["archiveNote"], "NO_RULE"],
    ["without the base path", { at: "/notes/7" }, ["getNote"], "NO_RULE"],
    ["one of several", { method: "DELETE", at: `${NOTES}/7` }, ["getNote", "deleteNote"], "ALLOWED"],
    ["with a slash at the end", { at: `${NOTES}/7/` }, ["getNote"], "NO_RULE"],
  ])("%s", (_name, request, operations, code) => {
    expect(codeOf(only(...operations), request)).toBe(code);
  });

  it("denies however the path is spelled", () => {
    const rules: Partial<RuleDocument>[] = [
      { path: "/**", methods: ["*"] },
      { id: "no", effect: "deny", operations: ["deleteNote", "archiveNote"] },
    ];
    for (const at of [`${NOTES}/7`, "/API/v1//notes/7/", "/api/v1/notes;x/7"])
      expect(codeOf(rules, { method: "DELETE", at })).toBe("RULE_DENY");
    for (const at of [`${NOTES}/7:archive`, `${NOTES}/7:ARCHIVE`, `${NOTES}/100%25:archive`])
      expect(codeOf(rules, { method: "POST", at })).toBe("RULE_DENY");
    expect(codeOf(rules, { method: "POST", at: `${NOTES}/7:other` })).toBe("ALLOWED");
  });
});

describe("a request to a described service", () => {
  const everything: readonly Partial<RuleDocument>[] = [{}, { id: "asked", effect: "approve", path: `${NOTES}/**` }];

  it.each<[string, Ask, boolean]>([
    ["what fits", { at: NOTES, json: { title: "abc", stars: 1, color: null, tags: [{ name: "x" }] } }, true],
    ["a missing property", { at: NOTES, json: {} }, false],
    ["an unknown property", { at: NOTES, json: { title: "abc", x: 1 } }, false],
    ["a pattern", { at: NOTES, json: { title: "AB" } }, false],
    ["an exclusive bound of 3.0", { at: NOTES, json: { title: "abc", stars: 0 } }, false],
    ["a schema behind references", { at: NOTES, json: { title: "abc", tags: [{}] } }, false],
    ["no body where one is needed", { method: "POST", at: NOTES }, false],
    ["another media type", { at: NOTES, body: "title=abc", headers: { "content-type": "text/plain" } }, false],
    [
      "an encoded body",
      { at: NOTES, body: "{}", headers: { "content-type": "application/json", "content-encoding": "gzip" } },
      false,
    ],
    [
      "JSON that cannot be read strictly",
      { at: NOTES, body: '{"title":"a","title":"b"}', headers: { "content-type": "application/json" } },
      false,
    ],
    ["a body where none is described", { method: "DELETE", at: `${NOTES}/7`, json: {} }, false],
    ["a needed parameter", { at: `${NOTES}?limit=5&ids=1&ids=2` }, true],
    ["a missing parameter", { at: NOTES }, false],
    ["a parameter out of bounds", { at: `${NOTES}?limit=11` }, false],
    ["a parameter twice", { at: `${NOTES}?limit=5&limit=6` }, false],
    ["a list with something else in it", { at: `${NOTES}?limit=5&ids=1&ids=x` }, false],
    ["a path parameter of another type", { at: `${NOTES}/seven` }, false],
    ["a range of media types", { at: "/api/v1/files", body: "x", headers: { "content-type": "image/png" } }, true],
    ["a form that fits", { at: "/api/v1/files", form: "n=5&on=true" }, true],
    ["a form that does not", { at: "/api/v1/files", form: "n=five" }, false],
    ["what is not described", { at: "/elsewhere", json: { anything: 1 } }, true],
  ])("is held to %s", (_name, request, fits) => {
    const decision = ask(compilePolicy(documentWith(everything)), request);
    expect(decision.code === "SCHEMA_REFUSED").toBe(!fits);
  });

  it("hears where it does not fit, never a value", () => {
    const decision = ask(compilePolicy(documentWith(everything)), { at: NOTES, json: { title: "S3CRET" } });
    expect(decision.reason).toBe("it does not fit createNote: the body: maxLength at /properties/title");
  });

  it("needs its body read", () => {
    const policy = compilePolicy(documentWith(everything));
    expect(policy.decide({ method: "POST", url: `${ORIGIN}${NOTES}`, body: null }, {} as never).code).toBe(
      "SCHEMA_REFUSED",
    );
  });
});

describe("a description that does not load", () => {
  const at = (openapi: unknown, rules: readonly Partial<RuleDocument>[] = []): readonly string[] =>
    problemsOf(documentWith(rules, openapi)).map(({ pointer }) => pointer);
  const withPaths = (paths: object): Json => description({ paths });

  it.each<[string, Json, string]>([
    ["Swagger 2", { swagger: "2.0", paths: {} }, "/openapi"],
    ["no paths", { openapi: "3.1.0" }, "/paths"],
    ["a reference elsewhere", withPaths({ "/a": { $ref: "https://evil.example/a.json#/x" } }), "/paths/~1a/$ref"],
    ["a reference to a file", withPaths({ "/a": { $ref: "other.json" } }), "/paths/~1a/$ref"],
    ["a reference to nothing", withPaths({ "/a": { $ref: "#/nowhere" } }), "/paths/~1a"],
    ["a circle", withPaths({ "/a": { $ref: "#/paths/~1a" } }), "/paths/~1a"],
    ["two templates of one shape", withPaths({ "/a/{x}": { get: {} }, "/a/{y}": { get: {} } }), "/paths/~1a~1{y}"],
    [
      "one id twice",
      withPaths({ "/a": { get: { operationId: "x" }, put: { operationId: "x" } } }),
      "/paths/~1a/put/operationId",
    ],
    ["servers elsewhere", description({ servers: [{ url: "https://other.example/api" }] }), "/servers"],
    [
      "a pattern that RE2 refuses",
      withPaths({ "/a": { post: { requestBody: { content: json({ type: "string", pattern: "(?=a)" }) } } } }),
      "/paths/~1a/post/requestBody/content/application~1json/schema",
    ],
  ])("%s", (_name, openapi, pointer) => {
    expect(at(openapi)).toContain(`/services/api/openapi${pointer}`);
  });

  it("or a rule that names what is not there", () => {
    expect(at(description(), [{ operations: ["createNot"] }])).toEqual(["/rules/0/operations/0"]);
    expect(problemsOf(documentOf([{ operations: ["createNote"] }])).map(({ pointer }) => pointer)).toContain(
      "/rules/0/operations",
    );
    const both = documentOf([{ operations: ["createNote"] }], { openapi: description() });
    expect(problemsOf(both).map(({ pointer }) => pointer)).toEqual(["/rules/0/methods", "/rules/0/path"]);
  });

  it("is not looked into where it shows examples", () => {
    const schema = { type: "object", example: { $ref: "x.json" }, properties: { example: { type: "string" } } };
    const openapi = withPaths({ "/a": { post: { operationId: "a", requestBody: { content: json(schema) } } } });
    const policy = compilePolicy(documentWith(only("a"), openapi));
    expect(ask(policy, { at: "/api/v1/a", json: { example: "x" } }).code).toBe("ALLOWED");
    expect(ask(policy, { at: "/api/v1/a", json: { example: 1 } }).code).toBe("SCHEMA_REFUSED");
  });
});

describe("OpenAPI 3.1", () => {
  it("is JSON Schema as it stands, at the server that is the service's", () => {
    const openapi = {
      openapi: "3.1.0",
      servers: [{ url: "https://other.example/x" }, { url: `${ORIGIN}/v2/` }],
      paths: {
        "/a": {
          post: {
            operationId: "a",
            requestBody: { content: json({ type: ["object", "null"], properties: { n: { exclusiveMinimum: 1 } } }) },
          },
        },
      },
    };
    const policy = compilePolicy(documentWith(only("a"), openapi));
    expect(ask(policy, { at: "/v2/a", json: null }).code).toBe("ALLOWED");
    expect(ask(policy, { at: "/v2/a", json: { n: 2 } }).code).toBe("ALLOWED");
    expect(ask(policy, { at: "/v2/a", json: { n: 1 } }).code).toBe("SCHEMA_REFUSED");
    expect(ask(policy, { at: "/a", json: null }).code).toBe("NO_RULE");
  });
});

describe("a policy file", () => {
  it("names its description by path, JSON or YAML, and the hash covers it", async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, "apis"));
    const policy = documentWith(only("a"), "./apis/a.yaml");
    const file = join(directory, "policy.json");
    writeFileSync(file, JSON.stringify(policy));
    const yaml = (id: string): string => `openapi: 3.1.0\npaths:\n  /a:\n    get:\n      operationId: ${id}\n`;
    writeFileSync(join(directory, "apis", "a.yaml"), yaml("a"));
    const loaded = compilePolicy(await readPolicyFile(file));
    expect(ask(loaded, { at: "/a" }).code).toBe("ALLOWED");
    writeFileSync(join(directory, "apis", "a.yaml"), `${yaml("a")}      deprecated: true\n`);
    expect(compilePolicy(await readPolicyFile(file)).hash).not.toBe(loaded.hash);
    writeFileSync(join(directory, "apis", "a.yaml"), yaml("b"));
    expect(() => compilePolicy(policy)).toThrow(PolicyError);
    writeFileSync(file, JSON.stringify(documentWith(only("a"), "./apis/none.json")));
    await expect(readPolicyFile(file)).rejects.toMatchObject({ problems: [{ pointer: "/services/api/openapi" }] });
  });
});
