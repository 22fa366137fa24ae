import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../src/request/json.js";
import { mcpProblem, readRpcMessages } from "../../src/request/jsonrpc.js";

const kindsOf = (body: JsonValue, max = 2): readonly string[] | string => {
  const messages = readRpcMessages(body, max);
  return "ok" in messages ? messages.reason : messages.map(({ kind }) => kind);
};
const call = { jsonrpc: "2.0", id: 1, method: "m" } as const;

describe("JSON-RPC messages", () => {
  it("are requests, notifications and responses", () => {
    expect(kindsOf(call)).toEqual(["request"]);
    expect(
      kindsOf([
        { jsonrpc: "2.0", method: "m", params: [1] },
        { jsonrpc: "2.0", id: "a", result: null },
      ]),
    ).toEqual(["notification", "response"]);
  });

  it.each([
    ["an empty batch", []],
    ["more messages than the limit", [call, call, call]],
    ["a batch in a batch", [[call]]],
    ["another version", { ...call, jsonrpc: "1.0" }],
    ["no version", { id: 1, method: "m" }],
    ["a call that is an answer, too", { ...call, result: {} }],
    ["an answer with result and error", { jsonrpc: "2.0", id: 1, result: 1, error: {} }],
    ["an answer to nothing", { jsonrpc: "2.0", result: 1 }],
    ["another spelling of a member", { ...call, Method: "other" }],
    ["a method that is not text", { ...call, method: ["m"] }],
    ["a method with a blank", { ...call, method: "m " }],
    ["a method with a look-alike", { ...call, method: "t\u043e\u043els/call" }],
    ["null for an id", { ...call, id: null }],
    ["a fraction for an id", { ...call, id: 1.5 }],
    ["text for params", { ...call, params: "x" }],
    ["null for params", { ...call, params: null }],
  ] as readonly [string, JsonValue][])("refuses %s", (_what, body) => {
    expect(kindsOf(body)).toEqual(expect.any(String));
  });
});

describe("MCP messages", () => {
  const problemOf = (method: string, params?: JsonValue): string | undefined =>
    mcpProblem({ kind: "request", method, params })?.reason;

  it("may call a tool with or without arguments", () => {
    expect(problemOf("tools/call", { name: "a.b-c_1" })).toBeUndefined();
    expect(problemOf("tools/call", { name: "a", arguments: {}, _meta: {} })).toBeUndefined();
    expect(problemOf("ping")).toBeUndefined();
  });

  it.each([
    ["params in a list", "ping", []],
    ["no params", "tools/call", undefined],
    ["no name", "tools/call", { arguments: {} }],
    ["a name with a blank", "tools/call", { name: "a " }],
    ["a name with a look-alike", "tools/call", { name: "se\u0430rch" }],
    ["arguments in a list", "tools/call", { name: "a", arguments: [] }],
    ["another spelling of the method", "Tools/Call", { name: "a" }],
  ] as readonly [string, string, JsonValue | undefined][])("refuses %s", (_what, method, params) => {
    expect(problemOf(method, params)).toEqual(expect.any(String));
  });
});
