import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalReply, ApprovalRequest } from "../../src/approval/index.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import type { GuardOptions, PolicyError } from "../../src/index.js";
import { compilePolicy } from "../../src/policy/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

const BEA = { id: "bea", idp: "directory" };
const refunds = {
  id: "refund",
  effect: "approve",
  service: "api",
  methods: ["POST"],
  path: "/refunds",
  body: { "/cents": { gte: 1, lte: 5000 } },
} as const;
const VARY = { ttl: "5m", uses: 3, vary: ["/cents", "/notes/0"] };

type Answer = Parameters<Parameters<NonNullable<NonNullable<GuardOptions["approvals"]>["request"]>>[1]["approve"]>[1];

async function world(grant: object | undefined, answer: Answer | ((request: ApprovalRequest) => unknown) = {}) {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const { guard, session } = await testGuard({
    policy: loopbackPolicy(api.origin, [{ ...refunds, ...(grant === undefined ? {} : { approval: { grant } }) }]),
    approvals: {
      request: async (request, control) => {
        asked.push(request);
        if (typeof answer !== "function") return control.approve(BEA, answer);
        return answer(request) as ApprovalReply;
      },
    },
  });
  const call = (body: string | object): Promise<string | number> =>
    session
      .fetch(`${api.origin}/refunds`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      })
      .then(
        ({ status }) => status,
        (error: GuardError) => `${error.code} ${error.toModelText()}`,
      );
  return { api, guard, asked, call };
}

describe("where a rule lets the requests of one yes differ", () => {
  test("8: an approver narrows them: a call inside passes unasked, one outside is refused and told why", async () => {
    const { api, asked, call, guard } = await world(VARY, { pins: { "/cents": { lte: 1000 } } });
    const refused = await call({ cents: 4200 });
    expect(refused).toMatch(/^APPROVAL_MISMATCH .*a person said yes to less than this: \/cents must be <= 1000/);
    expect(api.received).toHaveLength(0);
    expect(await call({ cents: 1000 })).toBe(200);
    expect(await call({ cents: 1001 })).toMatch(/^APPROVAL_MISMATCH/);
    expect(await call({ cents: 7 })).toBe(200);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.grant).toMatchObject({ uses: 3, vary: ["/cents", "/notes/0"] });
    expect((await guard.approvals.list())[0]).toMatchObject({ state: "approved", usesLeft: 1 });
    expect(api.received.map(({ body }) => body.toString())).toEqual(['{"cents":1000}', '{"cents":7}']);
  });

  test("8: nobody can widen: another place, more uses, and what is not a pin make the answer no answer", async () => {
    for (const grant of [
      { uses: 3, ttlMs: 1000, pins: { "/cents": { lte: 1000 }, "/note": "x" } },
      { uses: 3, ttlMs: 1000, pins: { path: "/**" } },
      { uses: 3, ttlMs: 1000, pins: { "/*": 1 } },
      { uses: 3, ttlMs: 1000, pins: { "/cents": { matches: ".*" } } },
      { uses: 3, ttlMs: 1000, pins: { "/cents": { lte: "1000" } } },
      { uses: 3, ttlMs: 1000, pins: { "/cents": {} } },
      { uses: 3, ttlMs: 1000, pins: {} },
      { uses: 3, ttlMs: 1000, pins: [] },
      { uses: 4, ttlMs: 1000, pins: { "/cents": { lte: 1000 } } },
    ]) {
      const { api, call } = await world(VARY, ({ id, fingerprint }) => ({
        kind: "decision",
        decision: { approvalId: id, fingerprint, verdict: "approve", by: BEA, at: "now", nonce: "n", grant },
      }));
      expect(await call({ cents: 10 })).toMatch(/^APPROVAL_UNAVAILABLE/);
      expect(api.received).toHaveLength(0);
    }
  });

  test("8: where the rule says nothing, nothing may be pinned, and a yes is to exactly one body", async () => {
    const pinned = await world({ uses: 3 }, { pins: { "/cents": 10 } });
    expect(await pinned.call({ cents: 10 })).toMatch(/^APPROVAL_UNAVAILABLE/);
    const { call, asked } = await world({ uses: 3 });
    expect(await call({ cents: 10 })).toBe(200);
    expect(await call({ cents: 11 })).toBe(200);
    expect(asked).toHaveLength(2);
  });

  test("the rule is judged all the same: pins that are wider than it let nothing more through", async () => {
    const { call, api } = await world(VARY, { pins: { "/cents": { lte: 1_000_000 } } });
    expect(await call({ cents: 10 })).toBe(200);
    expect(await call({ cents: 5001 })).toMatch(/^NO_RULE/);
    expect(api.received).toHaveLength(1);
  });

  test("what differs anywhere else, or cannot be read for certain, is a question of its own", async () => {
    const { call, asked } = await world(VARY);
    for (const body of [
      { cents: 10, notes: ["a", "b"] },
      { cents: 10, notes: ["a", "c"] },
      { cents: 10, notes: ["a"] },
      { cents: 10, notes: "a" },
      { cents: 10, note: "a" },
      { cents: 10, vary: ["/cents"] },
      '{"cents":10.0,"notes":["a","b"]}',
      '{"cents":11.0,"notes":["a","b"]}',
    ]) {
      expect(await call(body)).toBe(200);
    }
    expect(asked).toHaveLength(8);
    expect(new Set(asked.map(({ fingerprint }) => fingerprint)).size).toBe(8);
    expect(asked.map(({ grant }) => grant.vary !== undefined)).toEqual([...Array(6).fill(true), false, false]);
    expect(await call({ cents: 12, notes: ["z", "b"] })).toBe(200);
    expect(asked).toHaveLength(8);
  });

  test("of several people who say yes each may pin, and all of it holds", async () => {
    const api = await startUpstream();
    onTestFinished(() => api.close());
    const { guard, session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ ...refunds, approval: { quorum: 2, grant: VARY } }]),
      approvals: { request: async (_, control) => control.pending(), waitMs: 0 },
    });
    const call = (cents: number): Promise<string | number> =>
      session
        .fetch(`${api.origin}/refunds`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ cents }),
        })
        .then(
          ({ status }) => status,
          (error: GuardError) => error.code,
        );
    expect(await call(10)).toBe("APPROVAL_PENDING");
    const [record] = await guard.approvals.list();
    for (const [id, bounds] of [
      ["bea", { lte: 100 }],
      ["carl", { gte: 50 }],
    ] as const) {
      await guard.approvals.decide({
        approvalId: record?.id ?? "",
        fingerprint: record?.fingerprint ?? "",
        verdict: "approve",
        by: { id, idp: "directory" },
        at: "now",
        nonce: id,
        grant: { uses: 3, ttlMs: 60_000, pins: { "/cents": bounds } },
      });
    }
    expect(await call(10)).toBe("APPROVAL_MISMATCH");
    expect(await call(101)).toBe("APPROVAL_MISMATCH");
    expect(await call(75)).toBe(200);
    const answers = recordedEvents(directory).filter(({ type }) => /^approval\.(?:voted|decided)$/.test(type));
    expect(answers.map(({ type, approval }) => [type, approval])).toEqual([
      ["approval.voted", expect.objectContaining({ approver: "bea", uses: 3, pins: '{"/cents":{"lte":100}}' })],
      ["approval.decided", expect.objectContaining({ approver: "carl", uses: 3, pins: '{"/cents":{"gte":50}}' })],
    ]);
  });

  test("a place that is none, or several, does not load; nor does one for a wider credential", () => {
    const problems = (rule: object): readonly string[] => {
      try {
        compilePolicy(loopbackPolicy("https://api.example", [{ ...refunds, ...rule }]));
        return [];
      } catch (error) {
        return (error as PolicyError).problems.map(({ pointer }) => pointer);
      }
    };
    expect(problems({ approval: { grant: VARY } })).toEqual([]);
    expect(problems({ approval: { grant: { vary: ["/items/*/cents", "/a~b"] } } })).toEqual([
      "/rules/0/approval/grant/vary/0",
      "/rules/0/approval/grant/vary/1",
    ]);
    for (const vary of [[], ["cents"], [""], ["/a", "/a"]])
      expect(problems({ approval: { grant: { vary } } })).not.toEqual([]);
    expect(problems({ scopes: ["a"], stepUp: { scopes: ["b"], approval: { grant: VARY } } })).toEqual([
      "/rules/0/stepUp/approval/grant/vary",
    ]);
  });
});
