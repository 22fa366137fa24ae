import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalRequest, ApprovalStore } from "../../src/approval/index.js";
import type { GuardOptions } from "../../src/index.js";
import { memoryStore } from "../../src/store/index.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

/**
 * Rule: an approval covers the query and the body as they are sent. What any server could read in another way is another
 * request, and another question.
 */

async function scene(origin: string, options: Partial<GuardOptions> = {}) {
  const asked: ApprovalRequest[] = [];
  const { session } = await testGuard({
    policy: loopbackPolicy(origin, [
      {
        id: "pay",
        effect: "approve",
        service: "api",
        methods: ["GET", "POST"],
        path: "/pay",
        approval: { grant: { uses: 9 } },
      },
    ]),
    approvals: {
      prompts: { perSession: 1_000 },
      request: async (request, control) => {
        asked.push(request);
        return control.approve({ id: "grace", idp: "test" });
      },
    },
    ...options,
  });
  const call = async (search: string, init: RequestInit = {}): Promise<void> => {
    expect((await session.fetch(`${origin}/pay${search}`, init)).status).toBe(200);
  };
  return { asked, call };
}

async function upstream() {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  return api;
}

/** Spellings that some server reads in another way than the first of their row. */
const QUERIES: readonly (readonly string[])[] = [
  ["?to=a%20b", "?to=a+b", "?to=a%2Bb"],
  ["?a", "?a=", "?=a"],
  ["?a=1", "?a=1&", "?&a=1", "?a=1&&"],
  ["?a=1&b=2", "?b=2&a=1", "?a=1%26b=2"],
  ["?a=1&a=2", "?a=2&a=1", "?a=1,2"],
  ["", "?&"],
];

/** Spellings of one request: the canonical form is one, and so is what is sent. */
const SAME: readonly (readonly string[])[] = [
  ["?to=%61", "?to=a"],
  ["?to=%c3%a9", "?to=%C3%A9", "?to=é"],
  ["", "?", "#top"],
];

describe("a query", () => {
  it.each(QUERIES.map((row) => [row]))(
    "%j are as many requests, and each arrives as it was asked about",
    async (row) => {
      const api = await upstream();
      const { asked, call } = await scene(api.origin);
      for (const search of [...row, ...row]) await call(search);
      expect(asked).toHaveLength(row.length);
      expect(new Set(asked.map(({ fingerprint }) => fingerprint)).size).toBe(row.length);
      expect(api.received.map(({ url }) => url)).toEqual([...row, ...row].map((search) => `/pay${search}`));
    },
  );

  it.each(SAME.map((row) => [row]))("%j are one request", async (row) => {
    const api = await upstream();
    const { asked, call } = await scene(api.origin);
    for (const search of row) await call(search);
    expect(asked).toHaveLength(1);
    expect(new Set(api.received.map(({ url }) => url)).size).toBe(1);
  });
});

describe("a body", () => {
  const FORM = "application/x-www-form-urlencoded";
  const bodies: readonly (readonly [string, readonly string[]])[] = [
    [FORM, ["to=a%20b", "to=a+b", "to=a%2Bb"]],
    [FORM, ["a", "a=", "=a", "a=&"]],
    [FORM, ["a=1&b=2", "b=2&a=1", "a=1&&b=2"]],
    [FORM, ["to=%7e", "to=%7E", "to=~"]],
    ["application/json", ['{"a":1}', '{"a":1.0}', '{"a":1,"a":1}', '{"a":"1"}']],
    ["text/plain", ["a", "a ", "a\n"]],
  ];
  it.each(bodies)("%s: %j are as many requests, and each arrives as it was asked about", async (type, row) => {
    const api = await upstream();
    const { asked, call } = await scene(api.origin);
    const send = (body: string) => call("", { method: "POST", body, headers: { "content-type": type } });
    for (const body of [...row, ...row]) await send(body);
    expect(asked).toHaveLength(row.length);
    expect(api.received.map(({ body }) => body.toString())).toEqual([...row, ...row]);
  });

  it("of JSON whose keys come in another order is the same request", async () => {
    const api = await upstream();
    const { asked, call } = await scene(api.origin);
    const headers = { "content-type": "application/json" };
    for (const body of ['{"a":1,"b":2}', '{ "b": 2, "a": 1 }']) await call("", { method: "POST", body, headers });
    expect(asked).toHaveLength(1);
  });
});

it("a grant of the earlier fingerprint, which covered several spellings, is not honoured", async () => {
  const api = await upstream();
  const store = memoryStore();
  const pairs = [["to", "a b"]];
  const principal = JSON.stringify([null, "ada"]);
  const none = createHash("sha256").digest("hex");
  const preimage = [
    "gf1",
    "acme",
    "test-agent",
    principal,
    "api",
    "GET",
    api.origin,
    "/pay",
    pairs,
    "",
    "none",
    none,
    [],
  ];
  const gf1 = `gf1:${createHash("sha256").update(JSON.stringify(preimage)).digest("base64url")}`;
  const earlier: ApprovalStore = {
    ...store.approvals,
    openOrJoin: (_, opening) => store.approvals.openOrJoin(gf1, { ...opening, fingerprint: gf1 }),
    reserve: (id, _, lease) => store.approvals.reserve(id, gf1, lease),
  };
  const before = await scene(api.origin, { store: { ...store, approvals: earlier } });
  for (const search of ["?to=a+b", "?to=a%20b"]) await before.call(search);
  expect(before.asked.map(({ fingerprint }) => fingerprint)).toEqual([gf1]); // one approval, two spellings

  const now = await scene(api.origin, { store });
  for (const search of ["?to=a+b", "?to=a%20b"]) await now.call(search);
  expect(now.asked).toHaveLength(2);
  for (const request of now.asked) expect(request.fingerprint).toMatch(/^gf2:[\w-]{43}$/);
});
