// Rule: what a tool call has sent after an approval, no repeat of that tool call sends again; and nobody else sees what came back.
import type { ServerResponse } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import type { AlreadySentError, GuardError } from "../../src/errors/guard-error.js";
import type { GuardOptions, Session } from "../../src/index.js";
import { fileStore, memoryStore, type Store } from "../../src/store/index.js";
import { decisionOn } from "../approval/support.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "../support/guards.js";
import { type ReceivedRequest, startUpstream } from "../support/upstream.js";

const BEA = { id: "bea", idp: "directory" };
const ASKER = {
  principal: { id: "ada", type: "human" },
  agent: { id: "refund-bot" },
  purpose: "refund order 4711",
} as const;
const CARD = "4111111111111111";

const answered = ({ url }: ReceivedRequest, response: ServerResponse): void => {
  if (url === "/gone") {
    response.socket?.destroy();
    return;
  }
  response.setHeader("content-type", "application/json");
  response.setHeader("x-request-cost", "5");
  response.statusCode = 201;
  const body = JSON.stringify({ url, card: CARD, long: url === "/long" ? "x".repeat(70_000) : "" });
  if (url === "/chunked") response.write(body.slice(0, 10));
  response.end(url === "/chunked" ? body.slice(10) : body);
};

async function world(approval: object = {}, options: Partial<GuardOptions> = {}) {
  const api = await startUpstream(answered);
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const { guard, directory, log } = await testGuard({
    policy: loopbackPolicy(api.origin, [
      { id: "write", effect: "approve", service: "api", methods: ["POST"], path: "/**", approval },
    ]),
    ...options,
    approvals: {
      waitMs: 0,
      request: async (request, control) => {
        asked.push(request);
        return control.pending();
      },
      ...options.approvals,
    },
  });
  const post = (session: Session, path: string, body = "1") =>
    session.fetch(`${api.origin}${path}`, { method: "POST", body });
  /** A tool that makes these requests, one after the other, and lets nothing be caught. */
  const tool = (session: Session, toolCallId: string, ...paths: string[]) =>
    session.run({ toolCallId }, async () => {
      const outcomes: unknown[] = [];
      for (const path of paths) {
        const response = await post(session, path);
        const { url } = (await response.json()) as { readonly url: string };
        outcomes.push(`${response.status} ${url}${response.headers.has("x-sallyport-replayed") ? " again" : ""}`);
      }
      return outcomes;
    });
  const code = (work: Promise<unknown>) => work.catch((error: GuardError) => error.code);
  const approveLast = () => guard.approvals.decide(decisionOn(asked.at(-1)!, "approve", BEA));
  const paths = () => api.received.map(({ url }) => url);
  return { guard, directory, log, api, asked, post, tool, code, approveLast, paths };
}

const STORES: Readonly<Record<string, () => { first: Store; second: Store; close(): Promise<unknown> }>> = {
  "in memory": () => {
    const store = memoryStore();
    return { first: store, second: store, close: async () => undefined };
  },
  "in files, opened again": () => {
    const directory = temporaryDirectory();
    const [first, second] = [fileStore(directory), fileStore(directory)];
    return { first, second, close: () => Promise.all([first.close(), second.close()]) };
  },
};

describe.each(Object.entries(STORES))("with a store %s", (_name, stores) => {
  test("56: a tool with two approved requests is repeated from the top, in other sessions, and sends each once", async () => {
    const { first, close } = stores();
    onTestFinished(async () => void (await close()));
    const { guard, tool, code, approveLast, paths, directory } = await world({}, { store: first });
    for (const expected of ["APPROVAL_PENDING", "APPROVAL_PENDING"]) {
      const session = await guard.openSession(ASKER);
      expect(await code(tool(session, "call-1", "/one", "/two"))).toBe(expected);
      await session.close();
      await approveLast();
    }
    const last = await guard.openSession(ASKER);
    expect(await tool(last, "call-1", "/one", "/two")).toEqual(["201 /one again", "201 /two"]);
    expect(await tool(last, "call-1", "/one", "/two")).toEqual(["201 /one again", "201 /two again"]);
    expect(paths()).toEqual(["/one", "/two"]);
    const repeats = recordedEvents(directory).filter((event) => JSON.stringify(event).includes("ALREADY_SENT"));
    expect(repeats.map(({ type, tool_call_id }) => [type, tool_call_id])).toEqual(
      Array.from({ length: 3 }, () => ["request.denied", "call-1"]),
    );
  });

  test.each([
    ["another tool call", {}, "call-2"],
    ["another person's tool call of the same id", { principal: { id: "eve", type: "human" } }, "call-1"],
    ["the same person of another issuer", { principal: { ...ASKER.principal, issuer: "https://x" } }, "call-1"],
    ["a service of that id", { principal: { id: "ada", type: "service" } }, "call-1"],
    ["another tenant", { principal: { ...ASKER.principal, tenant: "globex" } }, "call-1"],
    ["another agent's tool call of the same id", { agent: { id: "other" } }, "call-1"],
  ])("%s sees nothing of it, and is asked about", async (_who, change, toolCallId) => {
    const { first, close } = stores();
    onTestFinished(async () => void (await close()));
    const { guard, tool, code, approveLast, asked, paths } = await world({}, { store: first });
    const mine = await guard.openSession(ASKER);
    expect(await code(tool(mine, "call-1", "/one"))).toBe("APPROVAL_PENDING");
    await approveLast();
    expect(await tool(mine, "call-1", "/one")).toEqual(["201 /one"]);
    const other = await guard.openSession({ ...ASKER, ...change } as typeof ASKER);
    expect(await code(tool(other, toolCallId, "/one"))).toBe("APPROVAL_PENDING");
    expect([asked.length, paths()]).toEqual([2, ["/one"]]);
    expect(await tool(mine, "call-1", "/one")).toEqual(["201 /one again"]);
  });
});

test("what is given again is what the caller got: masked, with its status and fields, also where it came in pieces", async () => {
  const { guard, post, code, approveLast } = await world();
  const session = await guard.openSession(ASKER);
  for (const path of ["/one", "/chunked"]) {
    const call = () => session.run({ toolCallId: "t" }, () => post(session, path));
    expect(await code(call())).toBe("APPROVAL_PENDING");
    await approveLast();
    const first = await call();
    const text = await first.text();
    expect(text).not.toContain(CARD);
    const again = await call();
    expect([await again.text(), again.status, again.headers.get("x-request-cost")]).toEqual([text, 201, "5"]);
  }
});

test("a rule may refuse a repeat: the error has the status, and the earlier response where it was kept", async () => {
  const { guard, post, code, approveLast, paths } = await world({ repeat: "refuse" });
  const session = await guard.openSession(ASKER);
  for (const path of ["/one", "/long"]) {
    const call = () => session.run({ toolCallId: "t" }, () => post(session, path));
    expect(await code(call())).toBe("APPROVAL_PENDING");
    await approveLast();
    await (await call()).text();
    const error = (await call().catch((one: unknown) => one)) as AlreadySentError;
    expect(error).toMatchObject({ code: "ALREADY_SENT", name: "AlreadySentError", status: 201 });
    expect(error.toModelText()).toContain("an earlier execution of this tool call has sent it");
    if (path === "/one") expect(await error.response?.json()).toMatchObject({ url: "/one" });
    else expect(error.response).toBe(undefined);
    expect(JSON.stringify(error)).not.toContain("/one\\");
  }
  expect(paths()).toEqual(["/one", "/long"]);
});

test("what was not kept is not sent again either: too long, broken off, left unread, or kept under another policy", async () => {
  const { guard, api, post, tool, code, approveLast, paths } = await world();
  const session = await guard.openSession(ASKER);
  const unread = async (response: Response) => void (await response.body?.cancel());
  const reads: Readonly<Record<string, (response: Response) => Promise<unknown>>> = {
    "/long": (response) => response.text(),
    "/chunked": unread,
    "/gone": unread,
  };
  for (const [path, read] of Object.entries(reads)) {
    const call = () => session.run({ toolCallId: "t" }, () => post(session, path).then(read));
    expect(await code(call())).toBe("APPROVAL_PENDING");
    await approveLast();
    await call().catch(() => undefined);
    expect(await code(call())).toBe("ALREADY_SENT");
  }
  expect(paths()).toEqual(["/long", "/chunked", "/gone"]);

  expect(await code(tool(session, "t2", "/one"))).toBe("APPROVAL_PENDING");
  await approveLast();
  await tool(session, "t2", "/one");
  const stricter = loopbackPolicy(api.origin, [
    { id: "write", effect: "approve", service: "api", methods: ["POST"], path: "/**", mask: ["/url"] },
  ]);
  await guard.setPolicy(stricter);
  expect(await code(tool(session, "t2", "/one"))).toBe("ALREADY_SENT");
  await guard.setPolicy({ ...stricter, rules: [{ ...stricter.rules[0]!, effect: "deny" }] });
  expect(await code(tool(session, "t2", "/one"))).toBe("RULE_DENY");
});

test("identical requests of one execution are several, and a repeat knows as many of them", async () => {
  const { guard, tool, code, approveLast, paths } = await world();
  const session = await guard.openSession(ASKER);
  const run = () => tool(session, "t", "/same", "/same");
  expect(await code(run())).toBe("APPROVAL_PENDING");
  await approveLast();
  expect(await code(run())).toBe("APPROVAL_PENDING");
  await approveLast();
  expect(await run()).toEqual(["201 /same again", "201 /same"]);
  expect(await run()).toEqual(["201 /same again", "201 /same again"]);
  expect(paths()).toEqual(["/same", "/same"]);
});

test("two executions at once send once, also where the grant is good for several uses", async () => {
  const { guard, tool, code, approveLast, paths } = await world({ grant: { uses: 9 } });
  const sessions = [await guard.openSession(ASKER), await guard.openSession(ASKER)];
  expect(await code(tool(sessions[0]!, "t", "/one"))).toBe("APPROVAL_PENDING");
  await approveLast();
  await Promise.all(Array.from({ length: 8 }, (_, index) => code(tool(sessions[index % 2]!, "t", "/one"))));
  expect(paths()).toEqual(["/one"]);
});

test("a request of which nothing left is sent by the repeat", async () => {
  const api = await startUpstream(answered);
  const { guard, code, approveLast } = await world();
  const closed = loopbackPolicy(api.origin, [
    { id: "write", effect: "approve", service: "api", methods: ["POST"], path: "/**" },
  ]);
  await guard.setPolicy(closed);
  const session = await guard.openSession(ASKER);
  const call = () =>
    session.run({ toolCallId: "t" }, () => session.fetch(`${api.origin}/one`, { method: "POST", body: "1" }));
  expect(await code(call())).toBe("APPROVAL_PENDING");
  await approveLast();
  await api.close();
  await expect(call()).rejects.toBeInstanceOf(TypeError);
  await expect(call()).rejects.toBeInstanceOf(TypeError);
});

test("a store that cannot remember lets nothing out, and the approval stays", async () => {
  const whole = memoryStore();
  let isAway = false;
  const sent: NonNullable<Store["sent"]> = {
    ...whole.sent!,
    begin: async (...given) => {
      if (isAway) throw new Error("redis://user:password@host");
      return whole.sent!.begin(...given);
    },
  };
  const { guard, tool, code, approveLast, paths } = await world({}, { store: { ...whole, sent } });
  const session = await guard.openSession(ASKER);
  expect(await code(tool(session, "t", "/one"))).toBe("APPROVAL_PENDING");
  await approveLast();
  isAway = true;
  const refused = await tool(session, "t", "/one").catch((error: GuardError) => error);
  expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(String(refused)).not.toContain("password");
  isAway = false;
  expect(paths()).toEqual([]);
  expect(await tool(session, "t", "/one")).toEqual(["201 /one"]);
});

test("what is remembered is bounded: the oldest responses go first, and then the oldest requests", async () => {
  const { sent } = memoryStore();
  const request = { execution: "e", requestId: "r", sessionId: "s", at: 1, expiresAt: 100, policyDigest: "p" };
  const outcome = { status: 200, statusText: "", headers: [], body: "x".repeat(1024 * 1024) };
  for (let index = 0; index < 20; index++) {
    await sent!.begin(`k${index}`, request);
    await sent!.finish(`k${index}`, "e", outcome);
  }
  const bodies = await Promise.all(Array.from({ length: 20 }, (_, index) => sent!.get(`k${index}`, 2)));
  expect(bodies.map((one) => one?.outcome?.body !== undefined)).toEqual(
    Array.from({ length: 20 }, (_, index) => index >= 4),
  );
  for (let index = 20; index < 5_010; index++) await sent!.begin(`k${index}`, request);
  expect([await sent!.get("k0", 2), await sent!.get("k9", 2)]).toEqual([undefined, undefined]);
  expect(await sent!.get("k10", 2)).toBeDefined();
  expect(await sent!.get("k10", 100)).toBe(undefined);
});
