import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/request/body/json.js";
import { readRpcMessages } from "../../../src/request/protocols/jsonrpc.js";
import { mcpHeaderProblem } from "../../../src/request/protocols/mcp-headers.js";

/** Whether these header fields may stand beside this body. */
function agree(fields: Readonly<Record<string, string>>, ...bodies: readonly object[]): boolean {
  const batch = bodies.map((body) => ({ jsonrpc: "2.0", id: 1, ...body }));
  const messages = readRpcMessages(batch as unknown as JsonValue, 8);
  if ("ok" in messages) throw new Error(messages.reason);
  return mcpHeaderProblem(Object.entries(fields), messages) === null;
}

const call = (name: string, given: object = {}) => ({ method: "tools/call", params: { name, arguments: given } });
const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString("base64")}?=`;

describe("the header fields that repeat an MCP message", () => {
  it("say its method and what it is about", () => {
    expect(agree({ "mcp-method": "tools/call", "mcp-name": "search" }, call("search"))).toBe(true);
    expect(agree({ "mcp-method": "tools/list" }, call("search"))).toBe(false);
    expect(agree({ "mcp-name": "remove" }, call("search"))).toBe(false);
    const read = { method: "resources/read", params: { uri: "docs://a", name: "docs://b" } };
    expect(agree({ "mcp-name": "docs://a" }, read)).toBe(true);
    expect(agree({ "mcp-name": "docs://b" }, read)).toBe(false);
    expect(agree({ "mcp-name": "t-1" }, { method: "tasks/get", params: { taskId: "t-1" } })).toBe(true);
    expect(agree({ "mcp-name": "t-1" }, { method: "ping" })).toBe(false);
  });

  it("may be left out, and say nothing of an answer", () => {
    expect(agree({ accept: "application/json" }, call("search"), call("remove"))).toBe(true);
    expect(agree({ "mcp-method": "tools/call" }, { result: {} })).toBe(false);
  });

  it("cannot speak for a batch, nor twice", () => {
    expect(agree({ "mcp-method": "tools/call" }, call("search"), call("search"))).toBe(false);
    const twice = [
      ["mcp-name", "search"],
      ["mcp-name", "search"],
    ] as const;
    const messages = readRpcMessages({ jsonrpc: "2.0", id: 1, ...call("search") } as unknown as JsonValue, 1);
    expect("ok" in messages ? null : mcpHeaderProblem(twice, messages)).toMatchObject({ code: "PROTOCOL_REFUSED" });
  });

  it("repeat arguments that are there, at any depth but not in lists", () => {
    const create = call("create", { repo: "app", at: { region: "eu", level: 3, open: true }, tags: ["infra"] });
    expect(agree({ "mcp-param-repo": "app", "mcp-param-region": "eu" }, create)).toBe(true);
    expect(agree({ "mcp-param-level": "3", "mcp-param-open": "true" }, create)).toBe(true);
    expect(agree({ "mcp-param-repo": "infra" }, create)).toBe(false);
    expect(agree({ "mcp-param-repo": "" }, create)).toBe(false);
  });

  it("repeat the argument of their own name, and no other that happens to have the value", () => {
    const create = call("create", { targetRepo: "app", note: "infra", at: { region: "eu" } });
    expect(agree({ "mcp-param-target_repo": "app" }, create)).toBe(true);
    expect(agree({ "mcp-param-target-repo": "infra" }, create)).toBe(false);
    expect(agree({ "mcp-param-region": "infra" }, create)).toBe(false);
    expect(agree({ "mcp-param-where": "eu" }, create)).toBe(true);
    expect(agree({ "mcp-param-note": "x" }, call("create", { note: null, other: "x" }))).toBe(false);
    const twice = { "mcp-param-target_repo": "app", "mcp-param-target-repo": "app" };
    expect(agree(twice, create)).toBe(false);
  });

  it("must be there for who speaks the version that has them", () => {
    const since = { "mcp-protocol-version": "2026-07-28" };
    expect(agree(since, call("search"))).toBe(false);
    expect(agree({ ...since, "mcp-method": "tools/call" }, call("search"))).toBe(false);
    expect(agree({ ...since, "mcp-method": "tools/call", "mcp-name": "search" }, call("search"))).toBe(true);
    expect(agree({ ...since, "mcp-method": "tools/list" }, { method: "tools/list" })).toBe(true);
    expect(agree({ ...since, "mcp-protocol-version": "2027-01-01" }, call("search"))).toBe(false);
    expect(agree({ "mcp-protocol-version": "2025-11-25" }, call("search"))).toBe(true);
  });

  it("must be there, too, where only the message says the version, and the two must say one", () => {
    const speaking = (version: string): object => ({
      method: "tools/list",
      params: { _meta: { "io.modelcontextprotocol/protocolVersion": version } },
    });
    expect(agree({}, speaking("2026-07-28"))).toBe(false);
    expect(agree({ "mcp-method": "tools/list" }, speaking("2026-07-28"))).toBe(true);
    expect(agree({ "mcp-protocol-version": "2025-11-25", "mcp-method": "tools/list" }, speaking("2026-07-28"))).toBe(
      false,
    );
  });

  it("are decoded where they are encoded, in the one way that all readers know", () => {
    expect(agree({ "mcp-name": encoded("caf\u00e9") }, { method: "prompts/get", params: { name: "caf\u00e9" } })).toBe(
      true,
    );
    expect(agree({ "mcp-name": encoded("remove") }, call("search"))).toBe(false);
    const odd = encoded("search").replace("base64", "BASE64");
    expect(agree({ "mcp-name": odd }, { method: "prompts/get", params: { name: odd } })).toBe(false);
    const broken = "=?base64?/w==?=";
    expect(agree({ "mcp-name": broken }, { method: "prompts/get", params: { name: broken } })).toBe(false);
  });
});
