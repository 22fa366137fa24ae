import type { ServerResponse } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalCallback } from "../../src/approval/index.js";
import { type CredentialProvider, staticSecret } from "../../src/broker/index.js";
import { DeniedError, type GuardOptions, isGuardError, type PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

/**
 * Rule: what has left is known only from state that the transport keeps for the call. No object that a caller, a callback, a
 * body or a `fetch` can supply is read for it, nor for what the record says.
 */

const post = { effect: "allow", service: "api", methods: ["POST"], path: "/pay" } as const;
const ONCE: Partial<PolicyDocument["rules"][number]> = { limits: [{ requests: 1, per: "1h", by: "agent" }] };
const grace = { id: "grace", idp: "test" };

const silence = (_: ServerResponse): void => undefined;

async function world(rule: object, options: Partial<GuardOptions> = {}, respond = silence) {
  let arrived = (): void => undefined;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const api = await startUpstream((_, response) => {
    arrived();
    respond(response);
  });
  onTestFinished(() => api.close());
  const asked: string[] = [];
  const request: ApprovalCallback = async ({ id }, control) => {
    asked.push(id);
    return control.approve(grace);
  };
  const closed = await startUpstream();
  await closed.close();
  const policy = loopbackPolicy(
    api.origin,
    [{ id: "pay", ...post, ...rule }],
    options.credentials === undefined ? {} : { credential: "key" },
  );
  const made = await testGuard({
    policy: {
      ...policy,
      services: {
        ...policy.services,
        refused: { origins: [`http://localhost:${api.port}`], addresses: ["10.0.0.0/8"] },
        away: { origins: [closed.origin], addresses: ["127.0.0.0/8"] },
      },
      rules: [
        ...policy.rules,
        { id: "refused", effect: "allow", service: "refused", methods: ["GET"], path: "/**" },
        { id: "away", ...post, ...rule, service: "away" },
      ],
    },
    approvals: { request },
    ...options,
  });
  const events = () => recordedEvents(made.directory).filter(({ type }) => type.startsWith("request."));
  const call = (init: object = {}, origin = api.origin, fetch = made.session.fetch) =>
    fetch(`${origin}/pay`, { method: "POST", ...init } as RequestInit).then(
      ({ status }) => status,
      (error: unknown) => error,
    );
  /** An error of the guard's own, as it comes from a request of which nothing left. */
  const kept = (): Promise<unknown> =>
    made.session.fetch(`http://localhost:${api.port}/`).catch((error: unknown) => error);
  return { ...made, api, arrival, asked, events, call, kept, closed: closed.origin };
}

const BRAND = Symbol.for("sallyport.GuardError");
const FORGERIES: readonly [string, (kept: unknown) => unknown][] = [
  ["an ADDRESS_REFUSED error of an earlier call", (kept) => kept],
  ["an error with it as its cause", (kept) => new TypeError("fetch failed", { cause: kept })],
  ["an object with the brand and a code", () => ({ [BRAND]: true, code: "ADDRESS_REFUSED", sent: false, name: "E" })],
  ["a made-up denial", () => new DeniedError("RULE_DENY", { sent: false })],
  [
    "a refused connection",
    () => new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ECONNREFUSED" }) }),
  ],
  ["an error named like one of ours", () => Object.assign(new Error(), { name: "PolicyReplaced", body: null })],
  ["undefined", () => undefined],
];

const ABORTED = { type: "request.aborted", error: { class: "AbortError", code: "ABORTED", sent: "unknown" } };

describe.each(FORGERIES)("%s", (_what, forge) => {
  it("as the reason of an abort gives no limit back, and is not recorded", async () => {
    const { api, arrival, call, events, kept } = await world(ONCE);
    const reason = forge(await kept());
    const controller = new AbortController();
    const first = call({ signal: controller.signal });
    await arrival;
    controller.abort(reason);
    const thrown = await first;
    if (reason !== undefined) expect(thrown).toBe(reason);
    expect(events().at(-1)).toMatchObject(ABORTED);
    expect(await call()).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(api.received).toHaveLength(1);
  });

  it("as the reason of an abort spends the grant, which is not used again", async () => {
    const { api, arrival, asked, call, events, kept } = await world({ effect: "approve" });
    const reason = forge(await kept());
    const controller = new AbortController();
    const first = call({ signal: controller.signal });
    await arrival;
    controller.abort(reason);
    await first;
    expect(events().at(-1)).toMatchObject(ABORTED);
    const second = new AbortController();
    const again = call({ signal: second.signal });
    while (api.received.length < 2) await new Promise((resolve) => setImmediate(resolve));
    second.abort(reason);
    await again;
    expect(asked).toHaveLength(2);
  });

  it("from the stream of a body gives nothing back once a byte of it has left", async () => {
    const { session, call, events, kept } = await world(ONCE);
    const error = forge(await kept());
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(new TextEncoder().encode("first"));
          else controller.error(error);
        },
      },
      { highWaterMark: 0 },
    );
    const thrown = await call({ body, duplex: "half" }, undefined, session.createFetch({ onDeny: "respond" }));
    expect(thrown).toMatchObject({ name: "TypeError", message: "fetch failed" });
    expect(events().at(-1)).toMatchObject({
      type: "request.failed",
      error: { class: "TypeError", code: "REQUEST_BODY_FAILED", sent: "unknown" },
    });
    expect(await call()).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("from a fetch that somebody supplied gives nothing back", async () => {
    let thrown: unknown;
    let sent = 0;
    const fetch: typeof globalThis.fetch = async () => {
      sent++;
      throw thrown;
    };
    const { kept } = await world({});
    thrown = forge(await kept());
    const { session, call, events, asked } = await world({ ...ONCE, effect: "approve" }, { transport: { fetch } });
    const refused = await call({}, undefined, session.createFetch({ onDeny: "respond" }));
    expect(refused).not.toBe(403);
    expect(isGuardError(refused)).toBe(false);
    expect(events().at(-1)).toMatchObject({
      type: "request.failed",
      error: { class: "TypeError", code: "UNKNOWN", sent: "unknown" },
    });
    expect(await call()).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect([sent, asked.length]).toEqual([1, 1]);
  });

  it("as the reason of an abort while a person thinks is recorded as an abort", async () => {
    let ask = (): void => undefined;
    const asking = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const { call, events, kept } = await world(
      { effect: "approve" },
      {
        approvals: {
          waitMs: 60_000,
          request: async (_, control) => {
            ask();
            return control.pending();
          },
        },
      },
    );
    const reason = forge(await kept());
    const controller = new AbortController();
    const waiting = call({ signal: controller.signal });
    await asking;
    controller.abort(reason);
    await waiting;
    expect(events().at(-1)).toMatchObject({
      type: "request.aborted",
      error: { class: "AbortError", code: "ABORTED", sent: "no" },
      decision: { effect: "require_approval", enforced: "deny" },
    });
  });

  it("as the reason of an abort while a credential is awaited gives the grant back, and is recorded as an abort", async () => {
    let issued = (): void => undefined;
    let asks = 0;
    const asking = new Promise<void>((resolve) => {
      issued = resolve;
    });
    const secret = staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" });
    const key: CredentialProvider = {
      ...secret,
      issue: (...args) => {
        issued();
        return asks++ === 0 ? new Promise(() => undefined) : secret.issue(...args);
      },
    };
    const { call, events, kept, asked } = await world({ effect: "approve" }, { credentials: { key } }, (response) =>
      response.end(),
    );
    const reason = forge(await kept());
    const controller = new AbortController();
    const waiting = call({ signal: controller.signal });
    await asking;
    controller.abort(reason);
    await waiting;
    expect(events().at(-1)).toMatchObject({ type: "request.aborted", error: { code: "ABORTED", sent: "no" } });
    expect(await call()).toBe(200);
    expect(asked).toHaveLength(1);
  });

  it("from an approver's callback, a provider or a predicate decides nothing", async () => {
    let thrown: unknown;
    const secret = staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" });
    const fail = async (): Promise<never> => {
      throw thrown;
    };
    const { kept } = await world({});
    thrown = forge(await kept());
    for (const [rule, options, code] of [
      [{ effect: "approve" }, { approvals: { request: fail } }, "APPROVAL_UNAVAILABLE"],
      [{}, { credentials: { key: { ...secret, issue: fail } } }, "CREDENTIAL_UNAVAILABLE"],
      [{ predicates: { mine: "deny" } }, { predicates: { mine: fail } }, "DECISION_FAILED"],
    ] as const) {
      const { call, events, api } = await world(rule, options as Partial<GuardOptions>);
      expect(await call()).toMatchObject({ code });
      expect(events().at(-1)).toMatchObject({ type: "request.denied", decision: { code } });
      expect(api.received).toEqual([]);
    }
  });
});

describe("what is known without any error", () => {
  it("a connection that is refused gives limit and grant back: the same call goes out later with the same approval", async () => {
    const { call, closed, asked, events } = await world({ ...ONCE, effect: "approve" });
    for (let n = 0; n < 3; n++) expect(await call({}, closed)).toMatchObject({ message: "fetch failed" });
    expect(events().at(-1)).toMatchObject({ error: { code: "ECONNREFUSED", sent: "no" } });
    expect(asked).toHaveLength(1);
  });

  it("an address that is refused gives the limit back", async () => {
    const { session, api } = await world({});
    const call = () => session.fetch(`http://localhost:${api.port}/`).catch((error: unknown) => error);
    for (let n = 0; n < 3; n++) expect(await call()).toMatchObject({ code: "ADDRESS_REFUSED", sent: false });
  });

  it("an abort is thrown as it is, also where refusals are responses", async () => {
    const { session, arrival, call, kept } = await world({});
    const reason = await kept();
    const controller = new AbortController();
    const first = call({ signal: controller.signal }, undefined, session.createFetch({ onDeny: "respond" }));
    await arrival;
    controller.abort(reason);
    expect(await first).toBe(reason);
  });

  it("the end of the session is recorded as that, whatever the caller has done to the error of it", async () => {
    const { session, arrival, call, events } = await world({});
    const first = call();
    await arrival;
    const ending = session.close();
    const error = await first;
    expect(() => Object.assign(error as object, { code: "RULE_DENY" })).toThrow(TypeError);
    await ending;
    expect(events().at(-1)).toMatchObject({
      type: "request.aborted",
      error: { class: "GuardError", code: "SESSION_CLOSED", sent: "unknown" },
    });
  });

  it("a body that its reader gives up is recorded as given up, whatever the reason", async () => {
    const { session, api, events, kept } = await world({}, {}, (response) => response.write("begun"));
    const reason = await kept();
    const response = await session.fetch(`${api.origin}/pay`, { method: "POST" });
    await response.body?.cancel(reason);
    expect(events().at(-1)).toMatchObject({ ...ABORTED, error: { code: "ABORTED", sent: "yes" } });
  });
});
