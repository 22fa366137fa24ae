// Rule: an approval belongs to principal, agent and request, and to nobody else; not to the session that asked for it.
import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import type { GuardOptions, Session } from "../../src/index.js";
import type { SessionOptions } from "../../src/options.js";
import { fileStore, memoryStore, type Store } from "../../src/store/index.js";
import { decisionOn } from "../approval/support.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

const BEA = { id: "bea", idp: "directory" };
const ADA = { id: "ada", type: "human", tenant: "acme", issuer: "https://login.example" } as const;
const ASKER = { principal: ADA, agent: { id: "refund-bot" }, purpose: "refund order 4711" };

async function world(approval: object = {}, options: Partial<GuardOptions> = {}) {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const clock = fakeClock();
  const policy = loopbackPolicy(api.origin, [
    {
      id: "pay",
      effect: "approve",
      service: "api",
      methods: ["POST"],
      path: "/pay",
      approval,
    },
  ]);
  const made = await testGuard({
    policy,
    clock,
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
  const call = (session: Session, body = "1") =>
    session.fetch(`${api.origin}/pay`, { method: "POST", body }).then(
      ({ status }) => status,
      (error: GuardError) => error.code,
    );
  return { ...made, api, asked, call, clock, policy };
}

/** A session of somebody who differs in one thing only. */
const OTHERS: Readonly<Record<string, Partial<SessionOptions>>> = {
  "another person": { principal: { ...ADA, id: "eve" } },
  "the same name in another spelling": { principal: { ...ADA, id: "Ada" } },
  "the same id of another issuer": { principal: { ...ADA, issuer: "https://login.evil.example" } },
  "the same id of no issuer": { principal: { id: "ada", type: "human", tenant: "acme" } },
  "a service of the same id": { principal: { ...ADA, type: "service" } },
  "the same person in another tenant": { principal: { ...ADA, tenant: "globex" } },
  "another agent": { agent: { id: "refund-bot-2" } },
  "the same agent in another spelling": { agent: { id: "Refund-Bot" } },
  "another purpose": { purpose: "refund order 4712" },
};

const STORES: Readonly<Record<string, () => { first: Store; second: Store; close(): Promise<unknown> }>> = {
  "in memory": () => {
    const store = memoryStore();
    return { first: store, second: store, close: async () => undefined };
  },
  "in files, of two processes": () => {
    const directory = temporaryDirectory();
    const [first, second] = [fileStore(directory), fileStore(directory)];
    return { first, second, close: () => Promise.all([first.close(), second.close()]) };
  },
};

describe.each(Object.entries(STORES))("with a store %s", (_name, stores) => {
  test("a later session of the same principal and agent finds the approval, and then the grant: once", async () => {
    const { first, second, close } = stores();
    onTestFinished(async () => void (await close()));
    const one = await world({}, { store: first });
    const before = await one.guard.openSession(ASKER);
    expect(await one.call(before)).toBe("APPROVAL_PENDING");
    await before.close();
    const { id } = one.asked[0]!;
    const two = await testGuard({
      policy: one.policy,
      clock: one.clock,
      store: second,
      approvals: { waitMs: 0, request: async (_, control) => control.pending() },
    });
    const later = await two.guard.openSession(ASKER);
    expect(await one.call(later)).toBe("APPROVAL_PENDING");
    expect(await two.guard.approvals.list()).toMatchObject([
      { id, state: "pending", attempt: 2, joinedBy: [later.id] },
    ]);
    await later.close();
    expect((await two.guard.approvals.decide(decisionOn(one.asked[0]!, "approve", BEA))).state).toBe("approved");
    // Two sessions at once: one of them sends.
    const last = [await one.guard.openSession(ASKER), await two.guard.openSession(ASKER)];
    const results = await Promise.all(last.map((session) => one.call(session)));
    expect(results.filter((result) => result === 200)).toHaveLength(1);
    expect(one.api.received).toHaveLength(1);
    const events = [...recordedEvents(one.directory), ...recordedEvents(two.directory)];
    const reserved = events.filter(({ type }) => type === "approval.reserved");
    expect(reserved).toMatchObject([{ approval: { id, session_id: before.id, approver: "bea" } }]);
    expect(last.map((session) => session.id)).toContain(reserved[0]?.["session_id"]);
    expect(events.filter(({ type }) => type === "approval.joined").map((event) => event["session_id"])).toContain(
      later.id,
    );
  });

  test.each(Object.entries(OTHERS))("%s finds neither the approval nor the grant", async (_who, change) => {
    const { first, close } = stores();
    onTestFinished(async () => void (await close()));
    const { guard, call, asked, api } = await world({}, { store: first });
    const mine = await guard.openSession(ASKER);
    const other = await guard.openSession({ ...ASKER, ...change } as SessionOptions);
    expect(await call(mine)).toBe("APPROVAL_PENDING");
    await mine.close();
    expect(await call(other)).toBe("APPROVAL_PENDING");
    expect(asked).toHaveLength(2);
    await guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA));
    expect(await call(other)).toBe("APPROVAL_PENDING");
    expect(api.received).toHaveLength(0);
    expect(await call(await guard.openSession(ASKER))).toBe(200);
    expect(await call(other)).toBe("APPROVAL_PENDING");
    expect(api.received).toHaveLength(1);
  });
});

test("a task that was handed on is another asker than the agent itself, and than one handed on by somebody else", async () => {
  const { guard, call, asked } = await world();
  const chain = async (...agents: string[]) => {
    let session = await guard.openSession({ ...ASKER, agent: { id: agents[0]! } });
    for (const id of agents.slice(1))
      session = await guard.openSession({ parent: session, agent: { id }, purpose: ASKER.purpose });
    return session;
  };
  const sessions = [
    await chain("refund-bot"),
    await chain("planner", "refund-bot"),
    await chain("stranger", "refund-bot"),
    await chain("planner", "stranger", "refund-bot"),
  ];
  for (const session of sessions) expect(await call(session)).toBe("APPROVAL_PENDING");
  expect(asked).toHaveLength(4);
  await guard.approvals.decide(decisionOn(asked[1]!, "approve", BEA));
  for (const session of [sessions[0]!, sessions[2]!, sessions[3]!])
    expect(await call(session)).toBe("APPROVAL_PENDING");
  expect(await call(await chain("planner", "refund-bot"))).toBe(200);
});

test("a rule may say that the purpose does not matter", async () => {
  const { guard, call, asked } = await world({ purpose: "any" });
  expect(await call(await guard.openSession(ASKER))).toBe("APPROVAL_PENDING");
  await guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA));
  expect(await call(await guard.openSession({ ...ASKER, agent: { id: "x" } }))).toBe("APPROVAL_PENDING");
  expect(await call(await guard.openSession({ ...ASKER, purpose: "something else" }))).toBe(200);
});

test("whose identity no longer verifies finds nothing, since no session is opened", async () => {
  let isRevoked = false;
  const { guard, call, asked, api } = await world(
    {},
    {
      identity: {
        verify: async () => {
          if (isRevoked) throw Object.assign(new Error("refused"), { code: "IDENTITY_REFUSED" });
          return { principal: ADA, expiresAt: Number.POSITIVE_INFINITY };
        },
      },
    },
  );
  const asker = { identityToken: "a.b.c", agent: ASKER.agent, purpose: ASKER.purpose };
  expect(await call(await guard.openSession(asker))).toBe("APPROVAL_PENDING");
  await guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA));
  isRevoked = true;
  await expect(guard.openSession(asker)).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
  isRevoked = false;
  expect(await call(await guard.openSession(asker))).toBe(200);
  expect(api.received).toHaveLength(1);
});

describe("the end of a session", () => {
  test("by closing or by time leaves its approval until the approval's own time, and ends its held calls", async () => {
    const { guard, call, asked, clock } = await world({ wait: "10m", expires: "1h" });
    const closing = await guard.openSession(ASKER);
    const held = call(closing);
    await clock.advance(0);
    await closing.close();
    expect(await held).toBe("SESSION_CLOSED");
    const expiring = await guard.openSession({ ...ASKER, ttl: "5m" });
    const heldToo = call(expiring);
    await clock.advance(300_000);
    expect(await heldToo).toBe("SESSION_EXPIRED");
    expect(await guard.approvals.list()).toMatchObject([{ id: asked[0]!.id, state: "pending" }]);
    await clock.advance(3_300_000 - 1);
    expect((await guard.approvals.get(asked[0]!.id))?.state).toBe("pending");
    await clock.advance(1);
    expect((await guard.approvals.get(asked[0]!.id))?.state).toBe("expired");
    await expect(guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA))).rejects.toMatchObject({
      code: "APPROVAL_EXPIRED",
    });
  });

  test("takes back what it asked, and what it was given and has not used, only where it is told to", async () => {
    const { guard, call, asked } = await world();
    for (const late of [false, true]) {
      const session = await guard.openSession(ASKER);
      for (const body of ["pending", "approved"]) expect(await call(session, body)).toBe("APPROVAL_PENDING");
      await guard.approvals.decide(decisionOn(asked.at(-1)!, "approve", BEA));
      const other = await guard.openSession(ASKER);
      expect(await call(other, "of another session")).toBe("APPROVAL_PENDING");
      if (late) await session.close();
      await session.close({ cancelApprovals: true });
      const states = (await guard.approvals.list()).slice(0, 3).map(({ state }) => state);
      expect(states).toEqual(["pending", "revoked", "cancelled"]);
      await other.close({ cancelApprovals: true });
    }
  });

  test("closes also where the options are wrong, or where it is the listener of a signal", async () => {
    const { guard, call } = await world();
    const [one, two] = [await guard.openSession(ASKER), await guard.openSession(ASKER)];
    await expect(one.close({ cancelAprovals: true } as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    expect(await call(one)).toBe("SESSION_CLOSED");
    await two.close("SIGTERM" as never);
    expect(await call(two)).toBe("SESSION_CLOSED");
  });
});

test("revoking an agent takes back all that it asked, in whatever session and spelling, and nothing of others", async () => {
  const { guard, call, asked } = await world();
  const sessions = [ASKER, { ...ASKER, agent: { id: "Refund-Bot" } }, { ...ASKER, agent: { id: "other" } }];
  for (const one of sessions) {
    const session = await guard.openSession(one);
    for (const body of ["a", "b"]) expect(await call(session, body)).toBe("APPROVAL_PENDING");
    await guard.approvals.decide(decisionOn(asked.at(-1)!, "approve", BEA));
    await session.close();
  }
  const parent = await guard.openSession(ASKER);
  const helper = await guard.openSession({ parent, agent: { id: "helper" }, purpose: "part" });
  expect(await call(helper)).toBe("APPROVAL_PENDING");
  await guard.revoke({ agent: "refund-bot" });
  const states = (await guard.approvals.list()).map(({ subject, state }) => `${subject.agent} ${state}`);
  expect(states).toEqual([
    ...["helper cancelled", "other approved", "other pending"],
    ...["Refund-Bot revoked", "Refund-Bot cancelled", "refund-bot revoked", "refund-bot cancelled"],
  ]);
  // A later session has to ask anew.
  expect(await call(await guard.openSession(ASKER), "b")).toBe("APPROVAL_PENDING");
});

test("deciding on what is no longer pending says so, with the state, and changes nothing", async () => {
  const { guard, call, asked } = await world();
  const session = await guard.openSession(ASKER);
  const ends: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["approved", async () => guard.approvals.decide(decisionOn(asked.at(-1)!, "approve", BEA))],
    ["denied", async () => guard.approvals.decide(decisionOn(asked.at(-1)!, "deny", BEA))],
    ["cancelled", (id) => guard.approvals.cancel(id, BEA)],
    [
      "revoked",
      async (id) => {
        await guard.approvals.decide(decisionOn(asked.at(-1)!, "approve", BEA));
        await guard.approvals.revoke(id, BEA);
      },
    ],
  ];
  for (const [state, end] of ends) {
    expect(await call(session, state)).toBe("APPROVAL_PENDING");
    const { id } = asked.at(-1)!;
    await end(id);
    const late = decisionOn(asked.at(-1)!, "approve", { id: "cleo", idp: "directory" });
    for (const again of [late, late])
      await expect(guard.approvals.decide(again)).rejects.toMatchObject({
        name: "ApprovalNotPendingError",
        code: "APPROVAL_NOT_PENDING",
        state,
        approvalId: id,
      });
    expect((await guard.approvals.get(id))?.state).toBe(state);
  }
});
