import { afterEach, describe, expect, it } from "vitest";
import { findGuardError, type GuardOptions, type PolicyDocument } from "../../src/index.js";
import { compilePolicy } from "../../src/policy/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, type TestGuard, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

type Predicate = NonNullable<GuardOptions["predicates"]>[string];

const upstreams: Upstream[] = [];
const upstream: typeof startUpstream = async (answer) => {
  const started = await startUpstream(answer);
  upstreams.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((one) => one.close()));
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

const asking = (origin: string, otherwise: "approve" | "deny" = "deny"): PolicyDocument =>
  loopbackPolicy(origin, [
    { id: "write", effect: "allow", service: "api", methods: ["*"], path: "/**", predicates: { open: otherwise } },
  ]);

interface World extends TestGuard {
  readonly api: Upstream;
  readonly call: () => Promise<string>;
}

async function world(open: Predicate, options: Partial<GuardOptions> = {}): Promise<World> {
  const api = await upstream();
  const made = await testGuard({ policy: asking(api.origin), predicates: { open }, ...options });
  const call = (): Promise<string> =>
    codeOf(made.session.fetch(`${api.origin}/a`, { method: "POST", body: '{"a":1}' }));
  return { ...made, api, call };
}

const boss = { id: "boss", idp: "directory" };
const never = new Promise<boolean>(() => undefined);

describe("a predicate in the path of a request", () => {
  it("is waited for, sees the bytes that are sent, and lets them through", async () => {
    const bodies: string[] = [];
    const { api, call } = await world(async ({ body }) => {
      await Promise.resolve();
      bodies.push(new TextDecoder().decode(body ?? undefined));
      body?.fill(0);
      return true;
    });
    expect(await call()).toBe("no error");
    expect(bodies).toEqual(['{"a":1}']);
    expect(api.received[0]?.body.toString()).toBe('{"a":1}');
  });

  it("is shown the bytes of a stream, too", async () => {
    let seen = "";
    const { api, session } = await world(({ body }) => {
      seen = new TextDecoder().decode(body ?? undefined);
      return true;
    });
    const body = new Blob(["streamed"]).stream();
    await session.fetch(`${api.origin}/a`, { method: "PUT", body, duplex: "half" } as RequestInit);
    expect(seen).toBe("streamed");
    expect(api.received[0]?.body.toString()).toBe("streamed");
  });

  it.each<[string, Predicate, string]>([
    ["says no", async () => false, "PREDICATE_REFUSED"],
    ["rejects", () => Promise.reject(new Error("s3cr3t")), "DECISION_FAILED"],
    ["answers no boolean", (() => Promise.resolve("true")) as unknown as Predicate, "DECISION_FAILED"],
  ])("that %s: nothing is sent, and the refusal is on record", async (_name, open, code) => {
    const { api, call, directory, log } = await world(open);
    expect(await call()).toBe(code);
    expect(api.received).toHaveLength(0);
    const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denied).toMatchObject([{ decision: { effect: "deny", rule: "write", code } }]);
    const lines = log.lines.filter((line) => line.includes("predicate"));
    expect(lines).toHaveLength(code === "DECISION_FAILED" ? 1 : 0);
    expect(lines.join()).not.toContain("s3cr3t");
  });

  it("that never settles denies after its time", async () => {
    const clock = fakeClock();
    const { api, call, log } = await world(() => never, { clock, predicateTimeoutMs: 200 });
    const outcome = call();
    await clock.advance(199);
    expect(log.lines.join()).not.toContain("predicate");
    await clock.advance(1);
    expect(await outcome).toBe("DECISION_FAILED");
    expect(log.lines.join()).toContain("not done within 200 ms");
    expect(api.received).toHaveLength(0);
  });

  it("holds the call no longer than the session lives or the caller waits", async () => {
    const { api, call, session } = await world(() => never);
    const caller = new AbortController();
    const aborted = session.fetch(`${api.origin}/a`, { signal: caller.signal }).catch((error: unknown) => error);
    caller.abort(new Error("enough"));
    expect(await aborted).toEqual(new Error("enough"));
    const outcome = call();
    await session.close();
    expect(await outcome).toBe("SESSION_CLOSED");
  });

  it("is asked again under a policy that came into force meanwhile", async () => {
    const answers: ((answer: boolean) => void)[] = [];
    const { api, guard, call } = await world(() => new Promise<boolean>((resolve) => answers.push(resolve)));
    const outcome = call();
    await expect.poll(() => answers.length).toBe(1);
    await guard.setPolicy({ ...asking(api.origin), rules: [] });
    answers[0]?.(true);
    expect(await outcome).toBe("NO_RULE");
    expect(api.received).toHaveLength(0);
  });

  it("whose answer was to the same document with other predicates is asked again", async () => {
    const answers: ((answer: boolean) => void)[] = [];
    const { api, guard, call } = await world(() => new Promise<boolean>((resolve) => answers.push(resolve)));
    const outcome = call();
    await expect.poll(() => answers.length).toBe(1);
    await guard.setPolicy(compilePolicy(asking(api.origin), { predicates: { open: () => false } }));
    answers[0]?.(true);
    expect(await outcome).toBe("PREDICATE_REFUSED");
  });

  it("can leave it to a person, who is asked about exactly this", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: asking(api.origin, "approve"),
      predicates: { open: ({ path }) => path === "/known" },
      approvals: { request: async (_, control) => control.approve(boss) },
    });
    const call = (path: string): Promise<string> => codeOf(session.fetch(`${api.origin}${path}`));
    expect(await call("/known")).toBe("no error");
    expect(await call("/new")).toBe("no error");
    const alone = await world(() => false, { policy: asking(api.origin, "approve") });
    expect(await codeOf(alone.session.fetch(`${api.origin}/x`))).toBe("APPROVAL_UNAVAILABLE");
  });

  it("is asked again once a person has said yes, and its no wins", async () => {
    const api = await upstream();
    let isOpen = true;
    const policy = loopbackPolicy(api.origin, [
      { id: "pay", effect: "approve", service: "api", methods: ["POST"], path: "/**", predicates: { open: "deny" } },
    ]);
    const { session } = await testGuard({
      policy,
      predicates: { open: () => isOpen },
      approvals: {
        request: async (_, control) => {
          isOpen = false;
          return control.approve(boss);
        },
      },
    });
    expect(await codeOf(session.fetch(`${api.origin}/a`, { method: "POST" }))).toBe("PREDICATE_REFUSED");
    expect(api.received).toHaveLength(0);
  });

  it("takes no impossible time", async () => {
    for (const predicateTimeoutMs of [0, -1, 1.5, Number.POSITIVE_INFINITY, 600_001])
      await expect(testGuard({ policy: asking("http://127.0.0.1:1"), predicateTimeoutMs })).rejects.toThrow(
        /predicateTimeoutMs/,
      );
  });
});
