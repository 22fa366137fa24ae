import { Kind, parse } from "graphql";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/request/body/json.js";
import {
  documentHash,
  type GraphqlLibrary,
  type GraphqlLimits,
  readGraphql,
} from "../../../src/request/protocols/graphql.js";

const library: GraphqlLibrary = { parse, Kind };
const LIMITS: GraphqlLimits = { maxOperations: 1, introspection: false, persisted: new Map() };

const read = (body: JsonValue, limits: Partial<GraphqlLimits> = {}): readonly string[] | string => {
  const fields = readGraphql(library, body, { ...LIMITS, ...limits });
  return "ok" in fields ? fields.reason : fields.map(({ type, field }) => `${type} ${field}`);
};
const fieldsOf = (query: string): readonly string[] | string => read({ query });

describe("a GraphQL body is read into root fields", () => {
  it("by their own name, whatever their alias", () => {
    expect(fieldsOf("{ a: b c }")).toEqual(["query b", "query c"]);
  });

  it("through fragments, inline fragments and fragments in fragments, whatever their type condition", () => {
    expect(
      fieldsOf("mutation { ...A ... on Query { x } ... { y } } fragment A on Nothing { ...B } fragment B on M { z }"),
    ).toEqual(["mutation z", "mutation x", "mutation y"]);
  });

  it("also where a directive leaves them out", () => {
    expect(
      fieldsOf("query ($s: Boolean!) { a @skip(if: $s) b @include(if: false) ...F @defer } fragment F on Q { c }"),
    ).toEqual(["query a", "query b", "query c"]);
  });

  it("of subscriptions, as a type of their own", () => {
    expect(fieldsOf("subscription { a }")).toEqual(["subscription a"]);
  });

  it("of the operation that is named", () => {
    expect(read({ query: "query A { a } mutation B { b }", operationName: "B" })).toEqual(["mutation b"]);
  });

  it("of every operation of a batch", () => {
    expect(read([{ query: "{ a }" }, { query: "mutation { b }" }], { maxOperations: 2 })).toEqual([
      "query a",
      "mutation b",
    ]);
  });
});

describe("a GraphQL body is refused", () => {
  const chain = (length: number): string =>
    `{ ...F0 } ${Array.from({ length }, (_, at) => `fragment F${at} on Q { ...F${at + 1} }`).join(" ")} fragment F${length} on Q { a }`;

  it.each([
    ["an empty batch", []],
    ["more operations than the limit", [{ query: "{ a }" }, { query: "{ a }" }]],
    ["a batch in a batch", [[{ query: "{ a }" }]]],
    ["text", "{ a }"],
    ["no document", { variables: {} }],
    ["a document that does not parse", { query: "{ a" }],
    ["an unknown fragment", { query: "{ a ...Ghost }" }],
    ["an unknown fragment deep inside", { query: "{ a { b { ...Ghost } } }" }],
    ["a fragment in itself", { query: "{ ...F } fragment F on Q { a ...F }" }],
    ["two fragments in each other", { query: "{ ...F } fragment F on Q { ...G } fragment G on Q { b { ...F } }" }],
    ["a circle that nothing uses", { query: "{ a } fragment F on Q { ...F }" }],
    ["two fragments of one name", { query: "{ ...F } fragment F on Q { a } fragment F on Q { b }" }],
    ["a chain of too many fragments", { query: chain(60) }],
    ["too many levels", { query: `${"{ a ".repeat(60)}${"}".repeat(60)}` }],
    ["too many tokens", { query: `{ v { ${"a ".repeat(2_000)} } }` }],
    ["brackets that would exhaust the stack", { query: `{ a(x: ${"[".repeat(100_000)}) }` }],
    ["too many root fields", { query: `{ ${Array.from({ length: 51 }, (_, at) => `x${at}: a`).join(" ")} }` }],
    ["several operations and no name", { query: "query A { a } query B { b }" }],
    ["several operations and null for a name", { query: "query A { a } query B { b }", operationName: null }],
    ["an operation that is not there", { query: "query A { a }", operationName: "Z" }],
    ["an empty operation name", { query: "query A { a }", operationName: "" }],
    ["two operations of one name", { query: "query A { a } mutation A { b }", operationName: "A" }],
    ["an anonymous operation beside a named one", { query: "query A { a } { b }", operationName: "A" }],
    ["a type definition", { query: "{ a } type T { a: Int }" }],
    ["nothing but fragments", { query: "fragment F on Q { a }" }],
    ["introspection", { query: "{ __schema { types { name } } }" }],
    [
      "introspection through a fragment and an alias",
      { query: '{ ...F } fragment F on Q { a: __type(name: "T") { name } }' },
    ],
    ["introspection in what a mutation gives back", { query: "mutation { a { query { __schema { description } } } }" }],
    ["the id of a stored document", { query: "{ a }", documentId: "1" }],
    ["an unknown extension", { query: "{ a }", extensions: { run: "other" } }],
    [
      "a hash that is not listed",
      { extensions: { persistedQuery: { version: 1, sha256Hash: documentHash("{ a }") } } },
    ],
  ] as readonly [string, JsonValue][])("%s", (_what, body) => {
    expect(read(body)).toEqual(expect.any(String));
  });

  it("up to the limits it is not", () => {
    expect(fieldsOf(chain(40))).toEqual(["query a"]);
    expect(read({ query: "{ __schema { types { name } } __typename }" }, { introspection: true })).toEqual([
      "query __schema",
      "query __typename",
    ]);
  });
});

describe("a persisted operation", () => {
  const text = "{ a }";
  const limits = { persisted: new Map([[documentHash(text), text]]) };
  const extensions = { persistedQuery: { version: 1, sha256Hash: documentHash(text) } };

  it("is judged by its listed text", () => {
    expect(read({ extensions }, limits)).toEqual(["query a"]);
    expect(read({ query: text, extensions }, limits)).toEqual(["query a"]);
  });

  it("is refused beside another text: the server may run either", () => {
    expect(read({ query: "{ b }", extensions }, limits)).toMatch(/another than the text/);
    expect(read({ query: "", extensions }, limits)).toMatch(/another than the text/);
  });
});
