import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { ApprovalCallback } from "../../src/approval/index.js";
import { exportAudit, verifyAudit } from "../../src/audit/index.js";
import { describeLine } from "../../src/audit/reading/timeline.js";
import { staticSecret } from "../../src/broker/index.js";
import { findGuardError, type GuardOptions, type PolicyDocument } from "../../src/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

type Facts = Readonly<Record<string, unknown>>;

const upstream: typeof startUpstream = async (answer) => {
  const started = await startUpstream(answer);
  onTestFinished(() => started.close());
  return started;
};

const refunds = (origin: string): PolicyDocument => ({
  version: 1,
  services: { api: { origins: [origin], addresses: ["127.0.0.0/8"] } },
  rules: [{ id: "refund", effect: "approve", service: "api", methods: ["POST"], path: "/refunds" }],
});

const post = (fetch: typeof globalThis.fetch, origin: string): Promise<string> =>
  fetch(`${origin}/refunds`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"amount":50}',
  }).then(
    () => "sent",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

it("4: each hop of a redirect has a line, an attempt and a decision; the other origin gets no credential", async () => {
  const there = await upstream();
  const here = await upstream((_, response) => void response.writeHead(302, { location: `${there.origin}/b` }).end());
  const { session, directory } = await testGuard({
    policy: {
      version: 1,
      services: {
        here: { origins: [here.origin], addresses: ["127.0.0.0/8"], credential: "key" },
        there: { origins: [there.origin], addresses: ["127.0.0.0/8"] },
      },
      rules: [
        { id: "go", effect: "allow", service: "here", methods: ["GET"], path: "/a" },
        { id: "arrive", effect: "allow", service: "there", methods: ["GET"], path: "/b" },
      ],
    },
    credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
  });
  await (await session.fetch(`${here.origin}/a`)).text();
  const intents = recordedEvents(directory).filter(({ type }) => type === "request.intent");
  expect(intents).toMatchObject([
    { attempt: 1, decision: { rule: "go" }, http: { url: `${here.origin}/a` } },
    { attempt: 2, decision: { rule: "arrive" }, http: { url: `${there.origin}/b` } },
  ]);
  expect(new Set(intents.map((event) => event["request_id"])).size).toBe(1);
  expect(intents.map((event) => "credential" in event)).toEqual([true, false]);
  expect(there.received[0]?.headers).not.toHaveProperty("authorization");
});

it("5: after a 503 the guard sends nothing again; a caller that does makes a request of its own, and an export ends with the final one", async () => {
  let calls = 0;
  const api = await upstream((_, response) => void response.writeHead(++calls === 1 ? 503 : 200).end(`try ${calls}`));
  const { guard, session, directory } = await testGuard({
    policy: {
      version: 1,
      services: { api: { origins: [api.origin], addresses: ["127.0.0.0/8"] } },
      rules: [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/a" }],
    },
  });
  const fetchTwice = async (): Promise<string> => {
    const first = await session.fetch(`${api.origin}/a`);
    expect(await first.text()).toBe("try 1");
    expect(api.received).toHaveLength(1);
    return first.status === 503 ? await (await session.fetch(`${api.origin}/a`)).text() : "";
  };
  expect(await fetchTwice()).toBe("try 2");
  await guard.close();
  const events = recordedEvents(directory).filter(({ type }) => type.startsWith("request."));
  expect(events).toMatchObject([
    { type: "request.intent", attempt: 1 },
    { type: "request.completed", attempt: 1, http: { status: 503 } },
    { type: "request.intent", attempt: 1 },
    { type: "request.completed", attempt: 1, http: { status: 200 } },
  ]);
  const ids = events.map((event) => event["request_id"]);
  expect([ids[0] === ids[1], ids[2] === ids[3], ids[0] === ids[2]]).toEqual([true, true, false]);
  const { chunks } = await exportAudit(directory, { format: "har" });
  let har = "";
  for await (const chunk of chunks ?? []) har += chunk;
  const { log } = JSON.parse(har) as { log: { entries: { response: { status: number } }[] } };
  expect(log.entries.map(({ response }) => response.status)).toEqual([503, 200]);
});

it("6: a question that nobody answers in time is recorded as expired and denied, and nothing is sent", async () => {
  const clock = fakeClock();
  const api = await upstream();
  const { session, directory } = await testGuard({
    policy: refunds(api.origin),
    clock,
    approvals: { request: async (_, control) => control.pending(), waitMs: 0, pendingTtlMs: 60_000 },
  });
  expect(await post(session.fetch, api.origin)).toBe("APPROVAL_PENDING");
  await clock.advance(60_001);
  const decided = recordedEvents(directory).filter(({ type }) => type === "approval.decided");
  expect(decided).toMatchObject([{ approval: { outcome: "expired" } }]);
  expect(api.received).toHaveLength(0);
});

it.each<[string, ApprovalCallback]>([
  ["throws", () => Promise.reject(new Error("down"))],
  ["answers with a word", async () => "CONFIRMED: Deny" as never],
  [
    "answers with a verdict of its own making",
    async () => ({ kind: "decision", decision: { verdict: "yes" } }) as never,
  ],
])("6: a callback that %s is an error and a denial", async (_how, request) => {
  const api = await upstream();
  const { session, directory } = await testGuard({ policy: refunds(api.origin), approvals: { request } });
  expect(await post(session.fetch, api.origin)).toBe("APPROVAL_UNAVAILABLE");
  const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
  expect(denied).toMatchObject([{ decision: { enforced: "deny", code: "APPROVAL_UNAVAILABLE" } }]);
  expect(api.received).toHaveLength(0);
});

it("7: who said yes, why, and the digest of what was shown stand in the record", async () => {
  const api = await upstream();
  const { session, directory } = await testGuard({
    policy: refunds(api.origin),
    approvals: {
      request: async (_, control) =>
        control.approve({ id: "grace", idp: "https://login.example" }, { reason: "order came back" }),
    },
  });
  expect(await post(session.fetch, api.origin)).toBe("sent");
  const [decided] = recordedEvents(directory).filter(({ type }) => type === "approval.decided");
  const facts = decided?.["approval"] as Facts;
  expect(facts).toMatchObject({ outcome: "approved" });
  expect(JSON.stringify(facts)).toContain("grace");
  expect(JSON.stringify(facts)).toContain("order came back");
  expect(String(facts["shown_hash"])).toMatch(/[0-9a-f]{64}/);
});

it("a fetch given by the host is on the record of the session, in its ledger, and told by show and verify", async () => {
  const policy: PolicyDocument = { version: 1, services: { api: { origins: ["https://api.example"] } }, rules: [] };
  const note = "sessions that sent through a fetch given by the host, addresses not checked: 1";
  const told = async (options: Pick<GuardOptions, "transport">): Promise<readonly unknown[]> => {
    const { guard, directory } = await testGuard({ policy, ...options });
    await guard.close();
    const opened = recordedEvents(directory).filter(({ type }) => type === "session.opened");
    const shown = opened.map((line) => describeLine(line).includes("through a fetch given by the host"));
    const { verdict, notes } = await verifyAudit(directory);
    return [opened.map((line) => line["transport"]), shown, verdict, notes.includes(note)];
  };
  expect(await told({ transport: { fetch: async () => new Response() } })).toEqual([
    ["fetch"],
    [true],
    "COMPLETE",
    true,
  ]);
  expect(await told({})).toEqual([[undefined], [false], "COMPLETE", false]);
});

it("of many calls at once none is answered, and no further one sent, once the record is gone", async () => {
  const clock = fakeClock();
  const held: (() => void)[] = [];
  let whenAllAreHere = (): void => {};
  const { origin, received } = await upstream((_, response) => {
    held.push(() => void response.writeHead(200, { "content-length": "2" }).end("{}"));
    if (held.length === 20) whenAllAreHere();
  });
  const { session, directory } = await testGuard({
    clock,
    policy: {
      version: 1,
      services: { api: { origins: [origin], addresses: ["127.0.0.0/8"] } },
      rules: [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" }],
    },
  });
  const call = (): Promise<string | undefined> =>
    session.fetch(`${origin}/a`).then(
      () => "answered",
      (error: unknown) => findGuardError(error)?.code,
    );
  const allAreHere = new Promise<void>((resolve) => {
    whenAllAreHere = resolve;
  });
  const calls = Array.from({ length: 20 }, call);
  await allAreHere;
  const record = readdirSync(directory, { recursive: true }).find((name) => String(name).endsWith("/000000.jsonl"));
  rmSync(join(directory, String(record)));
  await clock.advance(10);
  for (const answer of held) answer();
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["AUDIT_INCOMPLETE"]));
  expect(new Set(await Promise.all(Array.from({ length: 20 }, call)))).toEqual(new Set(["AUDIT_UNAVAILABLE"]));
  expect(received).toHaveLength(20);
});
