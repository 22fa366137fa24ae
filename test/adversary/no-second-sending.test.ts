import { describe, expect, it, onTestFinished } from "vitest";
import { type CredentialProvider, Secret } from "../../src/broker/index.js";
import type { PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

/**
 * Rule: a request that was approved, or that is limited and not safe, is never sent again by the guard without a fresh count and
 * a fresh approval, unless the service said that it did not act. A service can act and then refuse the credential.
 */

type Rule = Partial<PolicyDocument["rules"][number]>;

const INVALID = 'Bearer error="invalid_token"';
const SCOPE = 'Bearer error="insufficient_scope", scope="admin"';
const limits = (requests: number): Rule => ({ limits: [{ requests, per: "1h", by: "agent" }] });
const stepUp: Rule = { scopes: ["read"], stepUp: { scopes: ["admin"] } };

type Refusal = readonly [status: number, challenge: string];

/** A service that acts on every request, and answers the first with these refusals. */
async function scene(rule: Rule, refusals: readonly Refusal[] = [[401, INVALID]]) {
  const api = await startUpstream((_, response) => {
    const [status, challenge] = refusals[api.received.length - 1] ?? [200, ""];
    if (challenge !== "") response.setHeader("www-authenticate", challenge);
    response.statusCode = status;
    response.end(status === 200 ? "done" : "refused");
  });
  onTestFinished(() => api.close());
  let asked = 0;
  let issued = 0;
  const provider: CredentialProvider = {
    issue: async ({ scopes }) => ({
      secret: new Secret(`token-number-${++issued}`),
      placement: { in: "header", name: "authorization", prefix: "Bearer " },
      scope: scopes,
      lifetimeMs: 600_000,
      revocable: false,
    }),
  };
  const base = { id: "pay", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/pay" } as const;
  const { session, directory } = await testGuard({
    policy: loopbackPolicy(api.origin, [{ ...base, ...rule }], { credential: "key" }),
    credentials: { key: provider },
    approvals: {
      request: async (_, control) => {
        asked++;
        return control.approve({ id: "grace", idp: "test" });
      },
    },
  });
  const call = async (method = "POST", body: BodyInit | null = method === "GET" ? null : "1") => {
    try {
      const response = await session.fetch(`${api.origin}/pay`, { method, body });
      return [response.status, await response.text()];
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    }
  };
  const outcomes = () =>
    recordedEvents(directory).filter(({ type }) => type === "request.completed" || type === "request.denied");
  return { api, call, asked: () => asked, outcomes };
}

describe("after a 401 that blames the credential", () => {
  it.each<[string, Rule]>([
    ["approved", { effect: "approve" }],
    ["approved for several uses", { effect: "approve", approval: { grant: { uses: 5 } } }],
    ["approved and limited", { effect: "approve", ...limits(9) }],
    ["limited to one", limits(1)],
  ])("a request that is %s is not sent again: the refusal is the caller's", async (_what, rule) => {
    const { api, call, outcomes } = await scene(rule);
    expect(await call()).toEqual([401, "refused"]);
    expect(api.received).toHaveLength(1);
    expect(outcomes()).toMatchObject([{ type: "request.completed", http: { status: 401 } }]);
  });

  it("the next call of the same request needs an approval of its own, and has another credential", async () => {
    const { api, call, asked } = await scene({ effect: "approve" });
    await call();
    expect(await call()).toEqual([200, "done"]);
    expect(asked()).toBe(2);
    expect(api.received.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-number-1",
      "Bearer token-number-2",
    ]);
  });

  it("a limited request is counted for each sending", async () => {
    const { api, call } = await scene(limits(3));
    expect(await call()).toEqual([200, "done"]);
    expect(api.received).toHaveLength(2);
    expect(await call()).toEqual([200, "done"]);
    expect(await call()).toBe("LIMIT_EXCEEDED");
    expect(api.received).toHaveLength(3);
  });

  it("a service that refuses for ever gets no more than the limit", async () => {
    const { api, call } = await scene(limits(5), Array(99).fill([401, INVALID]));
    for (let n = 0; n < 9; n++) await call();
    expect(api.received).toHaveLength(5);
  });

  it.each<[string, Rule, string]>([
    ["neither approved nor limited", {}, "POST"],
    ["safe, and limited", limits(1), "GET"],
  ])("a request that is %s is sent again at once", async (_what, rule, method) => {
    const { api, call } = await scene(rule);
    expect(await call(method)).toEqual([200, "done"]);
    expect(api.received).toHaveLength(2);
  });
});

describe("after a 403 that asks for more scopes", () => {
  it("a person is asked, and the second sending counts", async () => {
    const { api, call, asked } = await scene({ ...stepUp, ...limits(2) }, [[403, SCOPE]]);
    expect(await call()).toEqual([200, "done"]);
    expect([asked(), api.received.length]).toEqual([1, 2]);
    expect(await call()).toBe("LIMIT_EXCEEDED");
  });

  it("nobody is asked where the limit is used up: the refusal is the caller's", async () => {
    const { api, call, asked } = await scene({ ...stepUp, ...limits(1) }, [[403, SCOPE]]);
    expect(await call()).toEqual([403, "refused"]);
    expect([asked(), api.received.length]).toEqual([0, 1]);
  });

  it("what was approved for more scopes is not sent again for the 401 that follows", async () => {
    const refusals = [
      [403, SCOPE],
      [401, INVALID],
    ] as const;
    const { api, call, asked } = await scene(stepUp, refusals);
    expect(await call()).toEqual([401, "refused"]);
    expect([asked(), api.received.length]).toEqual([1, 2]);
  });
});
