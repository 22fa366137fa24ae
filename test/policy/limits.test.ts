import { describe, expect, it } from "vitest";
import { compilePolicy, type LimitDocument, type Policy, type RuleDocument } from "../../src/policy/index.js";
import { ask, documentOf, ORIGIN, policyOf, problemsOf } from "./support.js";

const perMinute: LimitDocument = { requests: 3, per: "60s", by: "agent" };
const budget: LimitDocument = { sum: "/amount", max: 2000, per: "1h", by: "session" };

describe("the limits that a decision asks to be counted", () => {
  it("are those of the rule, with what the request uses up", () => {
    const policy = policyOf({ id: "pay", limits: [perMinute, budget] });
    expect(ask(policy, { json: { amount: 12.5 } }).obligations.limits).toEqual([
      { rule: "pay", by: "agent", counts: "requests", max: 3, windowMs: 60_000, amount: 1 },
      { rule: "pay", by: "session", counts: "/amount", max: 2000, windowMs: 3_600_000, amount: 12.5 },
    ]);
  });

  it("are absent where no matching rule has any, also beside rules that have", () => {
    const policy = policyOf({ id: "free", path: "/free" }, { id: "counted", path: "/counted", limits: [perMinute] });
    expect(ask(policy, { at: "/free" }).obligations).not.toHaveProperty("limits");
    expect(ask(policy, { at: "/counted" }).obligations.limits).toHaveLength(1);
  });

  it("are those of all rules that match, so that a wide allow is no way around a narrow one's limit", () => {
    const policy = policyOf({ id: "wide" }, { id: "narrow", path: "/a", limits: [perMinute] });
    expect(ask(policy, { at: "/a" }).obligations.limits).toMatchObject([{ rule: "narrow" }]);
  });

  it("hold for what a person must approve too", () => {
    const policy = policyOf({ id: "ask", effect: "approve", limits: [perMinute] });
    expect(ask(policy)).toMatchObject({ effect: "approve", obligations: { limits: [{ rule: "ask" }] } });
  });

  it("sum all elements of a list", () => {
    const policy = policyOf({ limits: [{ ...budget, sum: "/lines/*/amount" }] });
    expect(ask(policy, { json: { lines: [{ amount: 1 }, { amount: 2 }] } }).obligations.limits?.[0]?.amount).toBe(3);
  });
});

describe("what is summed", () => {
  const policy = policyOf({ id: "pay", limits: [budget] });
  it.each([
    ["absent", {}],
    ["text", { amount: "5" }],
    ["negative, which would give back what was used", { amount: -5 }],
    ["one bad element among good ones", { amount: [5] }],
    ["under another spelling, which some servers read", { Amount: 5 }],
    ["null", { amount: null }],
  ])("does not match the rule when it is %s", (_what, json) => {
    expect(ask(policy, { json })).toMatchObject({ effect: "deny", code: "NO_RULE" });
  });

  it("does not match in a body that cannot be read, is no JSON, or is not there", () => {
    expect(
      ask(policy, { body: '{"amount":1,"amount":2}', headers: { "content-type": "application/json" } }).effect,
    ).toBe("deny");
    expect(ask(policy, { form: "amount=5" }).effect).toBe("deny");
    expect(ask(policy, { method: "POST" }).effect).toBe("deny");
  });

  it("makes the judge ask for the body", () => {
    const head = {
      method: "POST",
      url: `${ORIGIN}/`,
      headers: [["content-type", "application/octet-stream"]] as const,
    };
    expect(policy.decide({ ...head, body: "x" }, expect.anything() as never).effect).toBe("deny");
  });

  it("is explained, with what would be allowed", () => {
    const { considered } = ask(policy, { json: { amount: "5" } });
    expect(considered[0]).toMatchObject({ rule: "pay", clause: "limit /amount", expected: "a number of at least 0" });
  });
});

describe("operations and envelopes", () => {
  const mcp = (limits: readonly LimitDocument[]): Policy =>
    compilePolicy({
      version: 1,
      services: { api: { origins: [ORIGIN], protocol: "mcp", mcp: { maxOperations: 10 } } },
      rules: [{ id: "tools", effect: "allow", service: "api", mcp: { tools: ["pay"] }, limits }],
    });
  const call = (amount: unknown, id = 1) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "pay", arguments: { amount } },
  });

  it("counts every message of a batch", () => {
    const decision = ask(mcp([perMinute]), { at: "/mcp", json: [call(1, 1), call(2, 2), call(3, 3), call(4, 4)] });
    expect(decision.obligations.limits).toMatchObject([{ amount: 4, max: 3 }]);
  });

  it("sums the arguments of a tool over the batch", () => {
    const decision = ask(mcp([budget]), { at: "/mcp", json: [call(1, 1), call(2, 2)] });
    expect(decision.obligations.limits).toMatchObject([{ counts: "/amount", amount: 3 }]);
    expect(ask(mcp([budget]), { at: "/mcp", json: [call(1, 1), call(-1, 2)] }).effect).toBe("deny");
  });

  it("counts every root field of a GraphQL operation, under each of its aliases", () => {
    const policy = compilePolicy({
      version: 1,
      services: { api: { origins: [ORIGIN], protocol: "graphql" } },
      rules: [{ id: "read", effect: "allow", service: "api", graphql: { fields: ["viewer"] }, limits: [perMinute] }],
    });
    const decision = ask(policy, { at: "/graphql", json: { query: "{ a: viewer { login } b: viewer { login } }" } });
    expect(decision.obligations.limits).toMatchObject([{ amount: 2 }]);
    const merged = "fragment F on Query { viewer { login } } { viewer { name } ...F ... on Query { viewer { id } } }";
    expect(ask(policy, { at: "/graphql", json: { query: merged } }).obligations.limits).toMatchObject([{ amount: 1 }]);
  });

  it("counts every request of an envelope, with its sum", () => {
    const policy = compilePolicy(
      documentOf([{ id: "pay", methods: ["POST"], path: "/v1/pay", limits: [perMinute, budget] }], {
        envelopes: { "/v1/$batch": "odata-json" },
      }),
    );
    const part = (id: string, amount: number) => ({
      id,
      method: "POST",
      url: "/pay",
      headers: { "content-type": "application/json" },
      body: { amount },
    });
    const decision = ask(policy, { at: "/v1/$batch", json: { requests: [part("1", 10), part("2", 20)] } });
    expect(decision.obligations.limits).toMatchObject([{ amount: 2 }, { amount: 30 }]);
  });
});

describe("load errors", () => {
  const refused = (rule: Readonly<Record<string, unknown>>): readonly string[] =>
    problemsOf(documentOf([rule as Partial<RuleDocument>])).map(({ pointer }) => pointer);

  it.each([
    ["a limit of none", [{ requests: 0, per: "60s", by: "agent" }], "/rules/0/limits/0/requests"],
    ["no window", [{ requests: 3, by: "agent" }], "/rules/0/limits/0"],
    ["a window that is none", [{ requests: 3, per: "soon", by: "agent" }], "/rules/0/limits/0/per"],
    ["nobody it is for", [{ requests: 3, per: "60s" }], "/rules/0/limits/0"],
    ["somebody unknown", [{ requests: 3, per: "60s", by: "host" }], "/rules/0/limits/0/by"],
    ["both kinds at once", [{ requests: 3, sum: "/a", max: 1, per: "60s", by: "agent" }], "/rules/0/limits/0/sum"],
    ["a sum without its maximum", [{ sum: "/a", per: "60s", by: "agent" }], "/rules/0/limits/0"],
    ["a sum of no pointer", [{ sum: "a", max: 1, per: "60s", by: "agent" }], "/rules/0/limits/0/sum"],
    ["the same twice", [perMinute, { ...perMinute, requests: 5 }], "/rules/0/limits/1"],
    ["an empty list", [], "/rules/0/limits"],
  ] as [string, unknown, string][])("%s", (_what, limits, pointer) => {
    expect(refused({ limits })).toContain(pointer);
  });

  it("a limit of a deny rule", () => {
    expect(refused({ effect: "deny", limits: [perMinute] })).toContain("/rules/0/limits");
  });

  it("a sum over GraphQL, whose amounts may stand in variables, defaults or the text", () => {
    const document = {
      version: 1,
      services: { api: { origins: [ORIGIN], protocol: "graphql" } },
      rules: [{ id: "pay", effect: "allow", service: "api", graphql: {}, limits: [budget] }],
    };
    expect(problemsOf(document).map(({ pointer }) => pointer)).toEqual(["/rules/0/limits/0/sum"]);
  });
});
