import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalCallback, ApprovalRequest } from "../../src/approval/index.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import type { GuardOptions, PolicyDocument } from "../../src/index.js";
import { fileStore, memoryStore } from "../../src/store/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

const BOSS = { id: "boss", idp: "directory" };
const refund = { id: "refund", effect: "approve", service: "api", methods: ["POST", "GET"], path: "/**" } as const;
const yes: ApprovalCallback = async (_, control) => control.approve(BOSS);

async function upstream(answer?: Parameters<typeof startUpstream>[0]): Promise<Upstream> {
  const server = await startUpstream(answer);
  onTestFinished(() => server.close());
  return server;
}

async function guarded(
  origin: string,
  approvals: GuardOptions["approvals"],
  {
    rules = [refund],
    service = {},
    ...rest
  }: { rules?: PolicyDocument["rules"]; service?: object } & Partial<GuardOptions> = {},
) {
  const asked: ApprovalRequest[] = [];
  const request: ApprovalCallback = (question, control) => {
    asked.push(question);
    return (approvals?.request ?? yes)(question, control);
  };
  const made = await testGuard({
    policy: loopbackPolicy(origin, rules, service),
    ...rest,
    approvals: { ...approvals, request },
  });
  const post = (path: string, body: unknown, init: RequestInit = {}): Promise<number | GuardError> =>
    made.session
      .fetch(origin + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        ...init,
      })
      .then(
        ({ status }) => status,
        (error: GuardError) => error,
      );
  return { ...made, asked, post };
}

const pending: ApprovalCallback = async (_, control) => control.pending();
const code = (result: number | GuardError): unknown => (typeof result === "number" ? result : result.code);

describe("binding, on the wire", () => {
  test("9: a redirect after the yes is a request of its own: judged, asked about, and not sent under the same grant", async () => {
    const api = await upstream((request, response) => {
      if (request.url === "/from") response.writeHead(307, { location: "/to" }).end();
      else response.end("ok");
    });
    const { post, asked } = await guarded(api.origin, {
      request: async ({ http }, control) => (http.path === "/from" ? control.approve(BOSS) : control.deny(BOSS)),
    });
    expect(code(await post("/from", { amount: 1 }))).toBe("APPROVAL_DENIED");
    expect(asked.map(({ http }) => http.path)).toEqual(["/from", "/to"]);
    expect(new Set(asked.map(({ fingerprint }) => fingerprint)).size).toBe(2);
    expect(api.received.map(({ url }) => url)).toEqual(["/from"]);
  });

  test.each([
    ["/caf\u00e9/%E2%82%AC", "/caf%C3%A9/%E2%82%AC"],
    ["/a/./b", "/a/b"],
    ["/a%2Fb", null],
    ["/a/%2e%2e/b", null],
    ["/%252e", null],
    ["/ok?q=\u00e4&q=2", "/ok"],
  ])("11: of %s the person is shown what is sent, or nothing is asked", async (path, shown) => {
    const api = await upstream();
    const { session, asked } = await guarded(api.origin, {});
    const status = await session.fetch(api.origin + path).then(
      (response) => response.status,
      () => 0,
    );
    const sent = api.received.map(({ url }) => url.split("?")[0]);
    expect(asked.map(({ http }) => http.path)).toEqual(sent);
    if (status !== 0 && shown !== null) expect(sent).toEqual([shown]);
    else expect(sent).toEqual([]);
  });

  test("11: a host in another script is shown in the form it is reached by", async () => {
    const asked: ApprovalRequest[] = [];
    const { session } = await testGuard({
      policy: loopbackPolicy("https://xn--bcher-kva.example", [refund]),
      approvals: {
        request: async (request, control) => {
          asked.push(request);
          return control.approve(BOSS);
        },
      },
      transport: { fetch: async () => new Response("ok") },
    });
    await session.fetch("https://b\u00fccher.example/x").catch(() => undefined);
    for (const { http } of asked) expect(http.origin).toBe("https://xn--bcher-kva.example");
  });

  test("54: a call that was edited after the yes is another call", async () => {
    const api = await upstream();
    const { guard, post, asked } = await guarded(api.origin, { request: pending, waitMs: 0 });
    const first = (await post("/refunds", { amount: 1 })) as GuardError;
    await decide(guard, asked[0]!);
    expect(code(await post("/refunds", { amount: 1_000 }))).toBe("APPROVAL_PENDING");
    expect(asked[1]?.http.body.preview).toContain("1000");
    expect(asked[1]?.id).not.toBe(first.approvalId);
    expect(api.received).toEqual([]);
  });
});

const decide = (guard: Awaited<ReturnType<typeof guarded>>["guard"], request: ApprovalRequest, verdict = "approve") =>
  guard.approvals.decide({
    approvalId: request.id,
    fingerprint: request.fingerprint,
    verdict: verdict as "approve",
    by: BOSS,
    at: request.createdAt,
    nonce: `n-${request.id}-${verdict}`,
  });

describe("single use, on the wire", () => {
  test("12: fifty identical calls are one question and one send, and the others are told which", async () => {
    const api = await upstream();
    const { post, asked } = await guarded(api.origin, {});
    const results = await Promise.all(Array.from({ length: 50 }, () => post("/refunds", { amount: 1 })));
    expect(results.filter((result) => result === 200)).toHaveLength(1);
    expect(results.filter((result) => code(result) === "APPROVAL_CONSUMED")).toHaveLength(49);
    expect(asked).toHaveLength(1);
    expect(api.received).toHaveLength(1);
  });

  test("13: two guards on one directory send once, and ask once", async () => {
    const api = await upstream();
    const directory = temporaryDirectory();
    const open = () => {
      const store = fileStore(directory);
      onTestFinished(() => store.close());
      return guarded(api.origin, { request: pending, waitMs: 0 }, { store });
    };
    const [one, two] = [await open(), await open()];
    await one.post("/refunds", { amount: 1 });
    expect(code(await two.post("/refunds", { amount: 1 }))).toBe("APPROVAL_PENDING");
    expect(one.asked.length + two.asked.length).toBe(1);
    await decide(two.guard, one.asked[0]!);
    const results = await Promise.all([one, two, one, two].map(({ post }) => post("/refunds", { amount: 1 })));
    expect(results.filter((result) => result === 200)).toHaveLength(1);
    expect(results.filter((result) => result !== 200).map(code)).toEqual(expect.arrayContaining(["APPROVAL_CONSUMED"]));
    expect(api.received).toHaveLength(1);
  });

  test("19: nobody listening gives the yes back; a reset after the body leaves it unknown, and nothing is repeated", async () => {
    const gone = await startUpstream();
    await gone.close();
    const refused = await guarded(gone.origin, {});
    await refused.post("/refunds", { amount: 1 });
    expect((await refused.guard.approvals.list())[0]?.state).toBe("approved");
    const api = await upstream((_, response) => void response.socket?.destroy());
    const reset = await guarded(api.origin, {});
    await reset.post("/refunds", { amount: 1 });
    expect((await reset.guard.approvals.list())[0]?.state).toBe("unknown");
    expect(api.received).toHaveLength(1);
  });

  test("21: a repeated call after a 503 needs another yes, unless the rule gives several uses", async () => {
    const api = await upstream((_, response) => void response.writeHead(503).end());
    const once = await guarded(api.origin, {});
    expect([await once.post("/x", 1), await once.post("/x", 1)]).toEqual([503, 503]);
    expect(once.asked).toHaveLength(2);
    const thrice = await guarded(api.origin, {}, { rules: [{ ...refund, approval: { grant: { uses: 3 } } }] });
    for (let use = 0; use < 3; use++) expect(await thrice.post("/x", 1)).toBe(503);
    expect(thrice.asked).toHaveLength(1);
    expect(thrice.asked[0]?.grant).toEqual({ uses: 3, ttlMs: 300_000 });
    await thrice.post("/x", 1);
    expect(thrice.asked).toHaveLength(2);
  });

  test("25: a store that fails refuses what must be asked about, and nothing else", async () => {
    const api = await upstream();
    const broken = new Proxy(memoryStore().approvals, { get: () => () => Promise.reject(new Error("password=x")) });
    const free = { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/free" } as const;
    const { post, session } = await guarded(
      api.origin,
      { store: broken },
      { rules: [{ ...refund, methods: ["POST"] }, free] },
    );
    const refused = await post("/refunds", 1);
    expect(code(refused)).toBe("APPROVAL_UNAVAILABLE");
    expect((refused as GuardError).message).not.toContain("password");
    expect((await session.fetch(`${api.origin}/free`)).status).toBe(200);
  });

  test("51: free calls beside one that waits go on, and its no neither drops nor blocks them", async () => {
    const api = await upstream();
    const free = { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/free" } as const;
    let answer: (() => void) | undefined;
    const { post, session } = await guarded(
      api.origin,
      {
        request: (_, control) =>
          new Promise((resolve) => {
            answer = () => resolve(control.deny(BOSS));
          }),
      },
      { rules: [{ ...refund, methods: ["POST"] }, free] },
    );
    const waiting = post("/refunds", 1);
    const reads = await Promise.all([1, 2, 3].map(() => session.fetch(`${api.origin}/free`)));
    expect(reads.map(({ status }) => status)).toEqual([200, 200, 200]);
    answer?.();
    expect(code(await waiting)).toBe("APPROVAL_DENIED");
  });
});

describe("durability and time, on the wire", () => {
  test("22: what is pending when a guard is gone is listed by the next one, decided there, and sent once", async () => {
    const api = await upstream();
    const directory = join(temporaryDirectory(), "state");
    const open = () => {
      const store = fileStore(directory);
      onTestFinished(() => store.close());
      return guarded(api.origin, { request: pending, waitMs: 0 }, { store });
    };
    const before = await open();
    const { approvalId } = (await before.post("/refunds", 1)) as GuardError;
    const after = await open();
    expect((await after.guard.approvals.list({ state: "pending" })).map(({ id }) => id)).toEqual([approvalId]);
    await decide(after.guard, before.asked[0]!);
    expect([await after.post("/refunds", 1), code(await after.post("/refunds", 1))]).toEqual([200, "APPROVAL_PENDING"]);
    // The answer to a question of another guard's session is on record as well.
    const decided = recordedEvents(after.directory).filter(({ type }) => type === "approval.decided");
    expect(decided).toHaveLength(1);
    expect(decided[0]).toMatchObject({ approval: { id: approvalId, outcome: "approved", approver: "boss" } });
  });

  test("30, 57: an abort ends the wait at once with its reason, and nothing is sent afterwards", async () => {
    const api = await upstream();
    let answer: (() => void) | undefined;
    const { post, guard } = await guarded(api.origin, {
      request: (_, control) =>
        new Promise((resolve) => {
          answer = () => resolve(control.approve(BOSS));
        }),
    });
    const controller = new AbortController();
    const call = post("/refunds", 1, { signal: controller.signal });
    while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error("enough"));
    expect(((await call) as GuardError).message).toBe("enough");
    answer();
    while ((await guard.approvals.list())[0]?.state === "pending")
      await new Promise((resolve) => setImmediate(resolve));
    expect((await guard.approvals.list())[0]?.state).toBe("approved");
    expect(api.received).toEqual([]);
    expect(await post("/refunds", 1)).toBe(200);
  });

  test("60: pending, yes, no, expiry and a late yes, with a clock that is moved by hand and no network", async () => {
    const clock = fakeClock();
    const sent: string[] = [];
    const { guard, post, asked } = await guarded(
      "https://api.internal.example",
      { request: pending, waitMs: 0, pendingTtlMs: 60_000, grantTtlMs: 10_000 },
      {
        clock,
        store: memoryStore(),
        transport: {
          fetch: async (input) => {
            sent.push(String(input));
            return new Response("{}");
          },
        },
      },
    );
    const results: unknown[] = [];
    results.push(code(await post("/a", 1)));
    await decide(guard, asked[0]!);
    results.push(code(await post("/a", 1)));
    await post("/b", 1);
    await decide(guard, asked[1]!, "deny");
    results.push(code(await post("/b", 1)));
    await post("/c", 1);
    await clock.advance(60_000);
    results.push((await guard.approvals.get(asked[2]!.id))?.state);
    results.push(await decide(guard, asked[2]!).catch((error: GuardError) => error.code));
    await post("/c", 1);
    await decide(guard, asked[3]!);
    await clock.advance(10_000);
    results.push(code(await post("/c", 1)));
    expect(results).toEqual([
      ...["APPROVAL_PENDING", 200, "APPROVAL_DENIED", "expired", "APPROVAL_EXPIRED", "APPROVAL_PENDING"],
    ]);
    expect(sent).toHaveLength(1);
  });

  test("59: a policy that asks under another digest asks again, and one that denies denies", async () => {
    const api = await upstream();
    const { guard, post, asked } = await guarded(api.origin, { request: pending, waitMs: 0 });
    await post("/refunds", 1);
    await decide(guard, asked[0]!);
    await guard.setPolicy(loopbackPolicy(api.origin, [{ ...refund, reason: "another" }]));
    expect(code(await post("/refunds", 1))).toBe("APPROVAL_PENDING");
    await decide(guard, asked[1]!);
    await guard.setPolicy(loopbackPolicy(api.origin, []));
    expect(code(await post("/refunds", 1))).toBe("NO_RULE");
    expect(api.received).toEqual([]);
  });

  test("64: a data: URL is nobody's question, and no denial", async () => {
    const api = await upstream();
    const { session, directory, asked } = await guarded(api.origin, {});
    expect(await (await session.fetch("data:,")).text()).toBe("");
    expect(asked).toEqual([]);
    expect(recordedEvents(directory).filter(({ type }) => type === "request.denied")).toEqual([]);
  });
});

describe("the record of an approval", () => {
  test("has every step under the request that took it, with what was shown, by whom, and how long it took", async () => {
    const api = await upstream();
    const { guard, post, asked, directory } = await guarded(api.origin, {
      request: pending,
      waitMs: 0,
      quorum: [{ name: "two", n: 2 }],
    });
    await post("/refunds?secret=hunter2", 1);
    await decide(guard, asked[0]!);
    await guard.approvals.decide({
      approvalId: asked[0]!.id,
      fingerprint: asked[0]!.fingerprint,
      verdict: "approve",
      by: { id: "carla", idp: "directory" },
      at: "now",
      nonce: "c",
    });
    expect(await post("/refunds?secret=hunter2", 1)).toBe(200);
    const events = recordedEvents(directory) as readonly Readonly<Record<string, unknown>>[];
    const steps = events.filter(({ type }) => String(type).startsWith("approval."));
    expect(steps.map(({ type }) => type)).toEqual([
      ...["approval.requested", "approval.voted", "approval.decided", "approval.joined", "approval.reserved"],
    ]);
    const calls = events.filter(({ type }) => ["request.denied", "request.intent"].includes(String(type)));
    expect(steps.map((step) => step["request_id"])).toEqual([
      ...[calls[0]?.["request_id"], calls[0]?.["request_id"], calls[0]?.["request_id"]],
      ...[calls[1]?.["request_id"], calls[1]?.["request_id"]],
    ]);
    for (const step of steps) {
      expect(step["http"]).toMatchObject({ method: "POST", host: "127.0.0.1", port: api.port });
      expect(step["approval"]).toMatchObject({ id: asked[0]!.id, shown_hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(JSON.stringify(step)).not.toContain("hunter2");
    }
    expect(steps[2]).toMatchObject({
      approval: { outcome: "approved", approver: "carla" },
      timing: { approval_ms: expect.any(Number) },
    });
    expect(steps[4]).toMatchObject({ approval: { approver: "carla" } });
  });

  test("a memory store that holds questions says that it is for development; a file store says nothing", async () => {
    const api = await upstream();
    const memory = await guarded(api.origin, {});
    expect(memory.log.lines.filter((line) => line.includes("memory store"))).toHaveLength(1);
    const store = fileStore(temporaryDirectory());
    onTestFinished(() => store.close());
    const { lines } = (await guarded(api.origin, {}, { store })).log;
    expect(lines.filter((line) => line.includes("memory store"))).toEqual([]);
  });

  test("approvals.onDeny: session.fetch answers a refusal with 403 and a problem document", async () => {
    const api = await upstream();
    const { session } = await guarded(api.origin, { request: pending, waitMs: 0, onDeny: "respond" });
    const response = await session.fetch(`${api.origin}/refunds`, { method: "POST", body: "1" });
    expect([response.status, response.headers.get("x-sallyport-code")]).toEqual([403, "APPROVAL_PENDING"]);
    await expect(
      session.createFetch({ onDeny: "throw" })(`${api.origin}/refunds`, { method: "POST", body: "1" }),
    ).rejects.toMatchObject({
      code: "APPROVAL_PENDING",
    });
  });
});
