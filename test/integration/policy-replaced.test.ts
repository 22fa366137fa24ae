import { afterEach, describe, expect, it } from "vitest";
import { callbackSink } from "../../src/audit/index.js";
import type { CredentialProvider } from "../../src/broker/index.js";
import { staticSecret } from "../../src/broker/index.js";
import { findGuardError, type PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startInternet } from "../support/internet.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

const upstreams: Upstream[] = [];
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((one) => one.close()));
});

type Effect = PolicyDocument["rules"][number]["effect"];

const grace = { id: "grace", idp: "test" };

/** A service whose policy is replaced once, at the moment when the credential for a call is fetched. */
async function replacedWhileFetching(before: Effect, after: Effect) {
  const api = await startUpstream();
  upstreams.push(api);
  const policyWith = (effect: Effect, id: string): PolicyDocument => ({
    ...loopbackPolicy(api.origin, [{ id, effect, service: "api", methods: ["GET", "POST"], path: "/items" }], {
      credential: "key",
    }),
    id,
  });
  const secret = staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" });
  let replace: (() => Promise<void>) | undefined;
  const slow: CredentialProvider = {
    ...secret,
    async issue(...asked) {
      const issued = await secret.issue(...asked);
      const now = replace;
      replace = undefined;
      await now?.();
      return issued;
    },
  };
  let asked = 0;
  const made = await testGuard({
    policy: policyWith(before, "before"),
    credentials: { key: slow },
    approvals: {
      request: async (_, control) => {
        asked++;
        return control.approve(grace);
      },
    },
  });
  replace = () => made.guard.setPolicy(policyWith(after, "after"));
  const outcome = (init?: RequestInit): Promise<string> =>
    made.session.fetch(`${api.origin}/items`, init).then(
      () => "sent",
      (error: unknown) => findGuardError(error)?.code ?? String(error),
    );
  const requests = () => recordedEvents(made.directory).filter(({ type }) => type.startsWith("request."));
  return { api, outcome, requests, askedTimes: () => asked };
}

describe("a policy that is replaced while a credential is fetched", () => {
  it("that denies now: nothing is sent", async () => {
    const { api, outcome, requests } = await replacedWhileFetching("allow", "deny");
    expect(await outcome()).toBe("RULE_DENY");
    expect(api.received).toHaveLength(0);
    expect(requests()).toMatchObject([{ type: "request.denied", decision: { rule: "after", code: "RULE_DENY" } }]);
  });

  it("that allows still: it is sent once, under the new decision", async () => {
    const { api, outcome, requests } = await replacedWhileFetching("allow", "allow");
    expect(await outcome()).toBe("sent");
    expect(api.received).toHaveLength(1);
    expect(requests()[0]).toMatchObject({ type: "request.intent", attempt: 1, decision: { rule: "after" } });
  });

  it("that asks a person now: one is asked", async () => {
    const { api, outcome, askedTimes } = await replacedWhileFetching("allow", "approve");
    expect(await outcome()).toBe("sent");
    expect(askedTimes()).toBe(1);
    expect(api.received).toHaveLength(1);
  });

  it("after a yes: that was to another question, and a person is asked again", async () => {
    const { api, outcome, askedTimes } = await replacedWhileFetching("approve", "approve");
    expect(await outcome()).toBe("sent");
    expect(askedTimes()).toBe(2);
    expect(api.received).toHaveLength(1);
  });

  it("under a body that flows: it is still whole", async () => {
    const { api, outcome } = await replacedWhileFetching("allow", "allow");
    const body = new ReadableStream({
      start(controller) {
        for (const part of ["one ", "two"]) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const init = { method: "POST", body, duplex: "half", headers: { "content-type": "application/octet-stream" } };
    expect(await outcome(init as RequestInit)).toBe("sent");
    expect(api.received.map((request) => request.body.toString())).toEqual(["one two"]);
  });
});

/** A service whose policy is replaced once, at the moment when the intent of a call is in the file and not yet on the disk. */
async function replacedWhileRecording(after: Effect) {
  const api = await startUpstream();
  upstreams.push(api);
  const policyWith = (effect: Effect, id: string): PolicyDocument => ({
    ...loopbackPolicy(api.origin, [
      { id, effect, service: "api", methods: ["POST"], path: "/items", record: "request", sync: "strict" },
    ]),
    id,
  });
  let replace: (() => Promise<void>) | undefined;
  const made = await testGuard({
    policy: policyWith("allow", "before"),
    audit: {
      sinks: [
        callbackSink(({ event }) => {
          const now = event.type === "request.intent" ? replace : undefined;
          if (now !== undefined) replace = undefined;
          return now?.();
        }),
      ],
    },
  });
  replace = () => made.guard.setPolicy(policyWith(after, "after"));
  const post = (init: RequestInit): Promise<string> =>
    made.session.fetch(`${api.origin}/items`, { method: "POST", ...init }).then(
      () => "sent",
      (error: unknown) => findGuardError(error)?.code ?? String(error),
    );
  const requests = () => recordedEvents(made.directory).filter(({ type }) => type.startsWith("request."));
  return { api, post, requests };
}

describe("a policy that is replaced while the intent is written", () => {
  it("that denies now: nothing is sent, and the record says so", async () => {
    const { api, post, requests } = await replacedWhileRecording("deny");
    expect(await post({ body: "one" })).toBe("RULE_DENY");
    expect(api.received).toHaveLength(0);
    expect(requests()).toMatchObject([
      { type: "request.intent", attempt: 1, decision: { rule: "before" } },
      { type: "request.failed", attempt: 1, error: { sent: "no" } },
      { type: "request.denied", attempt: 2, decision: { rule: "after" } },
    ]);
  });

  it("that allows still: it is sent once, under the new decision, whole though it flows", async () => {
    const { api, post, requests } = await replacedWhileRecording("allow");
    const body = new Blob(["one two"]).stream();
    const headers = { "content-type": "application/octet-stream" };
    expect(await post({ body, duplex: "half", headers } as RequestInit)).toBe("sent");
    expect(api.received.map((request) => request.body.toString())).toEqual(["one two"]);
    expect(requests().map(({ type, attempt }) => [type, attempt])).toEqual([
      ["request.intent", 1],
      ["request.failed", 1],
      ["request.intent", 2],
      ["request.completed", 2],
    ]);
    expect(requests().at(-1)).toMatchObject({ req_body: { bytes: 7, complete: true } });
  });
});

/** A service that a guard is not connected to yet, whose policy is replaced once, when its name is looked up. */
async function replacedWhileConnecting(after: Effect) {
  const internet = await startInternet({ "api.example.com": [["93.184.216.34"]] });
  const policyWith = (effect: Effect, id: string): PolicyDocument => ({
    version: 1,
    services: { api: { origins: ["https://api.example.com"] } },
    rules: [{ id, effect, service: "api", methods: ["POST"], path: "/items" }],
  });
  let replace: (() => Promise<void>) | undefined;
  const { lookup } = internet.transport as { lookup: (name: string) => Promise<{ address: string; family: 4 | 6 }[]> };
  const made = await testGuard({
    policy: policyWith("allow", "before"),
    transport: {
      ...internet.transport,
      lookup: async (name: string) => {
        const now = replace;
        replace = undefined;
        await now?.();
        return await lookup(name);
      },
    },
  });
  replace = () => made.guard.setPolicy(policyWith(after, "after"));
  const post = (init: RequestInit): Promise<string> =>
    made.session.fetch("https://api.example.com/items", { method: "POST", ...init }).then(
      () => "sent",
      (error: unknown) => findGuardError(error)?.code ?? String(error),
    );
  const requests = () => recordedEvents(made.directory).filter(({ type }) => type.startsWith("request."));
  return { internet, post, requests };
}

const flowing = (): RequestInit =>
  ({
    body: new Blob(["one two"]).stream(),
    duplex: "half",
    headers: { "content-type": "application/octet-stream" },
  }) as RequestInit;

describe("a policy that is replaced while the connection is made", () => {
  it("that denies now: nothing is sent, and the record says so", async () => {
    const { internet, post, requests } = await replacedWhileConnecting("deny");
    expect(await post({ body: "one" })).toBe("RULE_DENY");
    expect(internet.received).toEqual([]);
    expect(requests()).toMatchObject([
      { type: "request.intent", attempt: 1, decision: { rule: "before" } },
      { type: "request.failed", attempt: 1, error: { sent: "no" } },
      { type: "request.denied", attempt: 2, decision: { rule: "after" } },
    ]);
  });

  it("that allows still: it is sent once, under the new decision", async () => {
    const { internet, post, requests } = await replacedWhileConnecting("allow");
    expect(await post({ body: "one two" })).toBe("sent");
    expect(internet.received.map(({ body }) => body.toString())).toEqual(["one two"]);
    expect(requests().at(-1)).toMatchObject({ type: "request.intent", attempt: 2, decision: { rule: "after" } });
  });

  it.each<Effect>(["deny", "allow"])(
    "that says %s, under a body that flows: nothing is sent, since it cannot be judged again",
    async (after) => {
      const { internet, post, requests } = await replacedWhileConnecting(after);
      expect(await post(flowing())).toBe("NOT_REPLAYABLE");
      expect(internet.received).toEqual([]);
      expect(requests().at(-1)).toMatchObject({ type: "request.failed", error: { sent: "no" } });
    },
  );
});
