import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/request/body/json.js";
import { mcpProblem, readRpcMessages, withoutCorrelation } from "../../../src/request/protocols/jsonrpc.js";

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

describe("a message without what tells its answer apart", () => {
  const tool = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "drop", arguments: { id: 1 } } };
  const same = (a: JsonValue, b: JsonValue): boolean =>
    JSON.stringify(withoutCorrelation(a)) === JSON.stringify(withoutCorrelation(b));

  it("is the same when it is made again under another id or progress token, alone or in a batch", () => {
    expect(same(tool, { ...tool, id: "two" })).toBe(true);
    expect(same([tool, tool], [{ ...tool, id: 5 }, tool])).toBe(true);
    const tokened = (progressToken: number): JsonValue => ({
      ...tool,
      params: { ...tool.params, _meta: { progressToken, other: 1 } },
    });
    expect(same(tokened(1), tokened(2))).toBe(true);
  });

  it.each([
    ["another argument, also one that is called id", { ...tool, params: { ...tool.params, arguments: { id: 2 } } }],
    ["another method", { ...tool, method: "tools/list" }],
    ["no id: nobody waits for its answer", { jsonrpc: "2.0", method: tool.method, params: tool.params }],
    ["more that is meant", { ...tool, params: { ...tool.params, _meta: { other: 1 } } }],
    ["another message beside it", [tool, tool]],
  ])("is another with %s", (_name, other) => {
    expect(same(tool, other)).toBe(false);
  });

  it("keeps the id of an answer: it says which question is answered", () => {
    const answer = { jsonrpc: "2.0", id: 1, result: {} };
    expect(same(answer, { ...answer, id: 2 })).toBe(false);
  });
});
