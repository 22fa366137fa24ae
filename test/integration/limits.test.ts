import { afterEach, describe, expect, it } from "vitest";
import { DeniedError, findGuardError, type PolicyDocument } from "../../src/index.js";
import { type LimitStore, memoryStore, type Store } from "../../src/store/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

const upstreams: Upstream[] = [];
const upstream: typeof startUpstream = async (answer) => {
  const started = await startUpstream(answer);
  upstreams.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((one) => one.close()));
});

const messages = (
  origin: string,
  limits: PolicyDocument["rules"][number]["limits"],
  more: Partial<PolicyDocument["rules"][number]> = {},
  service: Partial<PolicyDocument["services"][string]> = {},
): PolicyDocument =>
  loopbackPolicy(
    origin,
    [
      {
        id: "messages",
        effect: "allow",
        service: "api",
        methods: ["POST"],
        path: "/v1/messages",
        ...(limits === undefined ? {} : { limits }),
        ...more,
      },
    ],
    service,
  );

const threePerMinute = [{ requests: 3, per: "60s", by: "agent" }] as const;

const grace = { id: "grace", idp: "test" };

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "sent",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

const post = (fetch: typeof globalThis.fetch, origin: string, body: unknown = { text: "x" }): Promise<Response> =>
  fetch(`${origin}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** A store whose counting does what the test says. */
const storeWith = (limits: Partial<LimitStore>): Store => {
  const store = memoryStore();
  return { ...store, limits: { ...store.limits, ...limits } };
};

describe("a limit of three a minute", () => {
  it("lets three of ten calls in one tick pass, and the rest never reach the service", async () => {
    const api = await upstream();
    const { session, directory } = await testGuard({ policy: messages(api.origin, threePerMinute) });
    const codes = await Promise.all(Array.from({ length: 10 }, () => codeOf(post(session.fetch, api.origin))));
    expect(codes.filter((code) => code === "sent")).toHaveLength(3);
    expect(codes.filter((code) => code === "LIMIT_EXCEEDED")).toHaveLength(7);
    expect(api.received).toHaveLength(3);
    const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denied).toHaveLength(7);
    expect(denied[0]).toMatchObject({ decision: { code: "LIMIT_EXCEEDED", enforced: "deny", rule: "messages" } });
  });

  it("is used up for the agent, not for its session; another agent has its own", async () => {
    const api = await upstream();
    const { guard, session } = await testGuard({ policy: messages(api.origin, threePerMinute) });
    for (let call = 0; call < 3; call++) await post(session.fetch, api.origin);
    const open = (id: string) =>
      guard.openSession({ principal: { id: "ada", type: "human" }, agent: { id }, purpose: "testing" });
    expect(await codeOf(post((await open("test-agent")).fetch, api.origin))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(post((await open("other-agent")).fetch, api.origin))).toBe("sent");
  });

  it("opens again when the window has passed, whatever the wall clock says", async () => {
    const clock = fakeClock();
    const api = await upstream();
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute), clock });
    for (let call = 0; call < 3; call++) await post(session.fetch, api.origin);
    clock.stepWallClock(3_600_000);
    expect(await codeOf(post(session.fetch, api.origin))).toBe("LIMIT_EXCEEDED");
    await clock.advance(60_000);
    expect(await codeOf(post(session.fetch, api.origin))).toBe("sent");
  });

  it("tells the model what the limit is and when to try again, and a client that wants responses the same", async () => {
    const clock = fakeClock();
    const api = await upstream();
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute), clock });
    for (let call = 0; call < 3; call++) await post(session.fetch, api.origin);
    await clock.advance(15_000);
    const error = await post(session.fetch, api.origin).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DeniedError);
    expect(error).toMatchObject({ retryAfterMs: 45_000, rule: "messages", retryable: false });
    expect((error as DeniedError).toModelText()).toContain(
      "the limit is 3 requests in 60 s for each agent; it may be tried again in 45 s",
    );
    const response = await post(session.createFetch({ onDeny: "respond" }), api.origin);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "LIMIT_EXCEEDED", retryAfterMs: 45_000 });
  });

  it("is not used up by calls that are denied", async () => {
    const api = await upstream();
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute) });
    for (let call = 0; call < 50; call++) {
      expect(await codeOf(session.fetch(`${api.origin}/v1/messages`))).toBe("NO_RULE");
    }
    expect(await codeOf(post(session.fetch, api.origin))).toBe("sent");
  });

  it("counts each hop of a redirect", async () => {
    const api = await upstream((request, response) => {
      const hops = Number(new URL(request.url ?? "", "http://x").searchParams.get("hop") ?? 0);
      if (hops < 5) response.writeHead(307, { location: `/v1/messages?hop=${hops + 1}` });
      response.end();
    });
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute) });
    expect(await codeOf(post(session.fetch, api.origin))).toBe("LIMIT_EXCEEDED");
    expect(api.received).toHaveLength(3);
  });
});

describe("what was counted is given back", () => {
  const onePerHour = [{ requests: 1, per: "1h", by: "agent" }] as const;

  it("when a person said no, for nothing was sent", async () => {
    const api = await upstream();
    let asked = 0;
    const { session } = await testGuard({
      policy: messages(api.origin, onePerHour, { effect: "approve" }),
      approvals: { request: async (_, control) => (++asked === 1 ? control.deny(grace) : control.approve(grace)) },
    });
    expect(await codeOf(post(session.fetch, api.origin, { text: "first" }))).toBe("APPROVAL_DENIED");
    expect(await codeOf(post(session.fetch, api.origin, { text: "second" }))).toBe("sent");
    expect(await codeOf(post(session.fetch, api.origin, { text: "third" }))).toBe("LIMIT_EXCEEDED");
  });

  it("when the service could not be connected to", async () => {
    const api = await upstream();
    const policy = messages(api.origin, onePerHour);
    await upstreams.pop()?.close();
    const { session } = await testGuard({ policy });
    for (let call = 0; call < 3; call++) expect(await codeOf(post(session.fetch, api.origin))).toContain("TypeError");
  });

  it("when there is no credential to be had", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: messages(api.origin, onePerHour, {}, { credential: "key" }),
      credentials: {
        key: {
          issue: async () => {
            throw new Error("down");
          },
        } as never,
      },
    });
    for (let call = 0; call < 2; call++) expect(await codeOf(post(session.fetch, api.origin))).toMatch(/^CREDENTIAL_/);
  });

  it("but not when the service may have got the request", async () => {
    const api = await upstream((_, response) => void response.destroy());
    const { session } = await testGuard({ policy: messages(api.origin, onePerHour) });
    expect(await codeOf(post(session.fetch, api.origin))).toContain("TypeError");
    expect(await codeOf(post(session.fetch, api.origin))).toBe("LIMIT_EXCEEDED");
  });
});

describe("a limit on a sum", () => {
  it("stops what would pass the sum, and lets a smaller amount still pass", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: messages(api.origin, [{ sum: "/amount", max: 2000, per: "1h", by: "session" }]),
    });
    expect(await codeOf(post(session.fetch, api.origin, { amount: 1500 }))).toBe("sent");
    expect(await codeOf(post(session.fetch, api.origin, { amount: 501 }))).toBe("LIMIT_EXCEEDED");
    expect(await codeOf(post(session.fetch, api.origin, { amount: 500 }))).toBe("sent");
    expect(await codeOf(post(session.fetch, api.origin, { amount: -500 }))).toBe("NO_RULE");
    expect(await codeOf(post(session.fetch, api.origin, { amount: 0.01 }))).toBe("LIMIT_EXCEEDED");
  });
});

describe("a store that cannot count", () => {
  it.each([
    ["rejects", { reserve: async () => Promise.reject(new Error("redis://user:pass@host")) }],
    [
      "throws",
      {
        reserve: () => {
          throw new Error("redis://user:pass@host");
        },
      },
    ],
  ])("denies when it %s, without a word of its error", async (_how, limits) => {
    const api = await upstream();
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute), store: storeWith(limits) });
    const error = findGuardError(await post(session.fetch, api.origin).catch((reason: unknown) => reason));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(error?.cause).toBeUndefined();
    expect(`${error?.stack} ${error?.toModelText()}`).not.toContain("pass@host");
    expect(api.received).toHaveLength(0);
  });

  it.each([
    ["nothing", undefined],
    ["a word", "ok"],
    ["a limit that is none of those asked about", { ok: false, charge: 7, retryAfterMs: 1 }],
    ["something like a yes", { ok: "true", at: 0 }],
  ])("denies when it answers %s", async (_what, answer) => {
    const api = await upstream();
    const store = storeWith({ reserve: async () => answer as never });
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute), store });
    expect(await codeOf(post(session.fetch, api.origin))).toBe("STORE_UNAVAILABLE");
    expect(api.received).toHaveLength(0);
  });

  it("keeps what it cannot give back, and the caller gets the error that is the reason", async () => {
    const store = storeWith({
      release: () => {
        throw new Error("redis://user:pass@host");
      },
    });
    const { origin } = await upstream();
    await upstreams.pop()?.close();
    const { session } = await testGuard({ policy: messages(origin, threePerMinute), store });
    const codes = await Promise.all([1, 2, 3, 4].map(() => codeOf(post(session.fetch, origin))));
    expect(codes.filter((code) => code === "LIMIT_EXCEEDED")).toHaveLength(1);
    expect(codes.join()).not.toContain("pass@host");
  });

  it("denies when it hangs, and gives back what it counts too late", async () => {
    const clock = fakeClock();
    const api = await upstream();
    const released: number[] = [];
    let answerLate: (() => void) | undefined;
    const store = storeWith({
      reserve: () =>
        new Promise((resolve) => {
          answerLate = () => resolve({ ok: true, at: 7 });
        }),
      release: async (_charges, at) => void released.push(at),
    });
    const { session } = await testGuard({ policy: messages(api.origin, threePerMinute), store, clock });
    const code = codeOf(post(session.fetch, api.origin));
    while (answerLate === undefined) await new Promise(setImmediate);
    await clock.advance(5_000);
    expect(await code).toBe("STORE_UNAVAILABLE");
    answerLate();
    await new Promise(setImmediate);
    expect(released).toEqual([7]);
    expect(api.received).toHaveLength(0);
  });

  it("does not matter to a request that nothing limits", async () => {
    const api = await upstream();
    const store = storeWith({ reserve: async () => Promise.reject(new Error("down")) });
    const { session } = await testGuard({ policy: messages(api.origin, undefined), store });
    expect(await codeOf(post(session.fetch, api.origin))).toBe("sent");
  });
});

describe("a policy that is replaced while a person is asked", () => {
  it("counts the request against its own limits, and the old ones get theirs back", async () => {
    const api = await upstream();
    const old = messages(api.origin, [{ requests: 1, per: "1h", by: "agent" }], { effect: "approve" });
    const next = messages(api.origin, [{ requests: 1, per: "2h", by: "agent" }]);
    let replace: (() => Promise<void>) | undefined;
    const { guard, session } = await testGuard({
      policy: old,
      approvals: {
        request: async (_, control) => {
          await replace?.();
          return control.approve(grace);
        },
      },
    });
    replace = () => guard.setPolicy(next);
    expect(await codeOf(post(session.fetch, api.origin))).toBe("sent");
    expect(await codeOf(post(session.fetch, api.origin))).toBe("LIMIT_EXCEEDED");
    replace = undefined;
    await guard.setPolicy(old);
    expect(await codeOf(post(session.fetch, api.origin, { text: "again" }))).toBe("sent");
  });
});

it("a store without counting is refused when the guard is made", async () => {
  const { limits: _, ...incomplete } = memoryStore();
  await expect(
    testGuard({ policy: messages("http://127.0.0.1:1", undefined), store: incomplete as Store }),
  ).rejects.toThrow("/store/limits");
});
