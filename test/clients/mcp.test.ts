import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { MCPServerStreamableHttp } from "@openai/agents";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { findGuardError, type OnDeny, type PolicyDocument } from "../../src/index.js";
import { testGuard } from "../support/guards.js";

type Fetch = typeof globalThis.fetch;

/** Called by the test once it has seen the first progress of a tool that waits for it. */
let seen: () => void = () => undefined;
let executed: string[] = [];
let server: Server;
let origin: string;

/** The SDK's own server, with a tool of each kind. */
function toolServer(): McpServer {
  const mcp = new McpServer({ name: "tools", version: "1" });
  mcp.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => {
    executed.push(`echo ${text.length}`);
    return { content: [{ type: "text", text: `you said ${text.slice(0, 20)}` }] };
  });
  mcp.registerTool("slow", {}, async ({ _meta, sendNotification }) => {
    executed.push("slow");
    const first = new Promise<void>((resolve) => (seen = resolve));
    const progressToken = _meta?.progressToken ?? "";
    await sendNotification({ method: "notifications/progress", params: { progressToken, progress: 1, total: 2 } });
    await first;
    return { content: [{ type: "text", text: "done" }] };
  });
  mcp.registerTool("ask", {}, async () => {
    const answer = await mcp.server.elicitInput({
      message: "Which?",
      requestedSchema: { type: "object", properties: { which: { type: "string" } } },
    });
    return { content: [{ type: "text", text: JSON.stringify(answer.content) }] };
  });
  mcp.registerTool("drop", { inputSchema: { table: z.string() } }, ({ table }) => {
    executed.push(`drop ${table}`);
    return { content: [{ type: "text", text: `dropped ${table}` }] };
  });
  return mcp;
}

beforeEach(async () => {
  executed = [];
  const open = new Map<string, StreamableHTTPServerTransport | SSEServerTransport>();
  server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://mcp");
    if (pathname === "/moved") return void response.writeHead(307, { location: "/mcp" }).end();
    if (pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response);
      open.set(transport.sessionId, transport);
      return void (await toolServer().connect(transport));
    }
    if (pathname === "/messages") {
      const transport = open.get(searchParams.get("sessionId") ?? "") as SSEServerTransport;
      return void (await transport.handlePostMessage(request, response));
    }
    const known = open.get(String(request.headers["mcp-session-id"])) as StreamableHTTPServerTransport | undefined;
    if (known !== undefined) return void (await known.handleRequest(request, response));
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => `session-${open.size}`,
      onsessioninitialized: (id) => void open.set(id, transport),
    });
    await toolServer().connect(transport as never);
    await transport.handleRequest(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** What a session needs before any tool is called; `drop` is a matter for a person, and `delete` for nobody. */
const RULES: PolicyDocument["rules"] = [
  {
    id: "session",
    effect: "allow",
    service: "tools",
    // Newer clients ask first what the server speaks, and take a refusal of that for an end.
    mcp: { methods: ["server/discover", "initialize", "notifications/initialized", "tools/list"] },
  },
  { id: "answers", effect: "allow", service: "tools", mcp: { responses: true } },
  { id: "stream", effect: "allow", service: "tools", methods: ["GET", "DELETE"], path: "/mcp" },
  { id: "older-stream", effect: "allow", service: "tools", methods: ["GET"], path: "/sse" },
  { id: "older-messages", effect: "allow", service: "tools", methods: ["POST"], path: "/messages" },
  { id: "moved", effect: "allow", service: "tools", methods: ["POST"], path: "/moved" },
  { id: "harmless", effect: "allow", service: "tools", mcp: { tools: ["echo", "slow", "ask"] } },
  { id: "drop", effect: "approve", service: "tools", mcp: { tools: ["drop"] } },
];

async function guarded(onDeny: OnDeny, rules = RULES) {
  const { guard, session } = await testGuard({
    policy: {
      version: 1,
      services: { tools: { origins: [origin], addresses: ["127.0.0.0/8"], protocol: "mcp" } },
      rules,
    },
    approvals: { waitMs: 0, request: () => Promise.resolve({ kind: "pending" }) },
  });
  return { guard, fetch: session.createFetch({ onDeny }) };
}

async function connect(fetch: Fetch, path = "/mcp"): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { which: "this one" } }));
  await client.connect(new StreamableHTTPClientTransport(new URL(origin + path), { fetch }) as never);
  return client;
}

const call = (client: Client, name: string, given: Record<string, unknown> = {}): Promise<unknown> =>
  client.callTool({ name, arguments: given });

/** A session with a bare fetch and one through the guard must come to the same. */
async function same(use: (fetch: Fetch) => Promise<unknown>): Promise<void> {
  const bare = await use(globalThis.fetch);
  const once = executed.splice(0);
  const { fetch } = await guarded("throw");
  expect(await use(fetch)).toEqual(bare);
  expect(executed).toEqual(once);
}

describe("@modelcontextprotocol/sdk, through the guard,", () => {
  it("gets what it gets from a bare fetch, and the service gets what it got from it", () =>
    same(async (fetch) => {
      const client = await connect(fetch);
      const { tools } = await client.listTools();
      const answers = [tools.map(({ name }) => name), await call(client, "echo", { text: "hello" })];
      await (client.transport as unknown as StreamableHTTPClientTransport).terminateSession();
      await client.close();
      return answers;
    }));

  it("streams: the first part is there before the second is sent", () =>
    same(async (fetch) => {
      const client = await connect(fetch);
      const progress: unknown[] = [];
      const result = await client.callTool({ name: "slow" }, undefined, {
        onprogress: (step) => {
          progress.push(step);
          seen();
        },
      });
      await client.close();
      return { progress, result };
    }));

  it("is asked back by a tool, and answers", () =>
    same(async (fetch) => {
      const client = await connect(fetch);
      const result = await call(client, "ask");
      await client.close();
      return result;
    }));

  it("uploads", () =>
    same(async (fetch) => {
      const client = await connect(fetch);
      const result = await call(client, "echo", { text: "line one\n".repeat(20_000) });
      await client.close();
      return result;
    }));

  it("is redirected as by a bare fetch", () =>
    same(async (fetch) => {
      const outcome = await connect(fetch, "/moved").then(
        () => "connected",
        (error: unknown) => String(error),
      );
      return outcome;
    }));

  it("works over the older transport, too", () =>
    same(async (fetch) => {
      const client = new Client({ name: "test", version: "1" });
      await client.connect(new SSEClientTransport(new URL(`${origin}/sse`), { fetch }) as never);
      const result = await call(client, "echo", { text: "hello" });
      await client.close();
      return result;
    }));

  it("understands a denial as a response, and does not try again", async () => {
    const { fetch } = await guarded("respond");
    let posts = 0;
    const counting: Fetch = (...args) => {
      if (args[1]?.method === "POST") posts++;
      return fetch(...args);
    };
    const client = await connect(counting);
    posts = 0;
    const error = await call(client, "delete", { all: true }).catch((thrown: unknown) => thrown);
    expect(findGuardError(error)).toMatchObject({ code: "NO_RULE" });
    expect(posts).toBe(1);
    expect(executed).toEqual([]);
    // The session survives.
    expect(await call(client, "echo", { text: "hello" })).toMatchObject({ content: [{ text: "you said hello" }] });
    await client.close();
  });

  it("keeps a denial that is thrown where findGuardError finds it", async () => {
    const { fetch } = await guarded("throw");
    const client = await connect(fetch);
    const error = await call(client, "delete", { all: true }).catch((thrown: unknown) => thrown);
    expect(findGuardError(error)).toMatchObject({ code: "NO_RULE", name: "DeniedError" });
    expect(executed).toEqual([]);
    await client.close();
  });

  it("is told to wait while a person is asked, and gets through once they said yes", async () => {
    const { guard, fetch } = await guarded("respond");
    const client = await connect(fetch);
    const error = await call(client, "drop", { table: "logs" }).catch((thrown: unknown) => thrown);
    const [question] = await guard.approvals.list({ state: "pending" });
    expect(findGuardError(error)).toMatchObject({ code: "APPROVAL_PENDING", approvalId: question?.id });
    expect(executed).toEqual([]);
    await guard.approvals.decide({
      approvalId: question?.id ?? "",
      fingerprint: question?.fingerprint ?? "",
      verdict: "approve",
      by: { id: "boss", idp: "directory" },
      at: new Date().toISOString(),
      nonce: "n-1",
    });
    expect(await call(client, "drop", { table: "logs" })).toMatchObject({ content: [{ text: "dropped logs" }] });
    expect(executed).toEqual(["drop logs"]);
    await client.close();
  });
});

describe("the MCP client of @openai/agents, through the guard,", () => {
  it("calls tools, and reports a denial", async () => {
    const { fetch } = await guarded("respond");
    const tools = new MCPServerStreamableHttp({ url: `${origin}/mcp`, name: "tools", fetch });
    await tools.connect();
    expect(await tools.callTool("echo", { text: "hello" })).toMatchObject([{ text: "you said hello" }]);
    await expect(tools.callTool("delete", {})).rejects.toThrow(/NO_RULE/);
    await tools.close();
  });
});
