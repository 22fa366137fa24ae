import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import { verifyAudit } from "../../src/audit/index.js";
import { staticSecret } from "../../src/broker/index.js";
import { createClient, findGuardError, GuardError, type GuardOptions, guardedFetch } from "../../src/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "../support/guards.js";
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

const rule = { service: "api", methods: ["GET"], path: "/items/{id}" } as const;
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

describe("a denial", () => {
  it("is recorded once, also where its body had to be read for its credential and is too large", async () => {
    const api = await upstream();
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [
          {
            ...rule,
            id: "pay",
            effect: "allow",
            methods: ["POST"],
            authorizationDetails: [{ type: "payment", request: "{fingerprint}" }],
          },
        ],
        { credential: "key", maxRequestBytes: 4 },
      ),
      credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
    });
    const body = new Blob(["too large"]).stream();
    const init = { method: "POST", body, duplex: "half", headers: { "content-type": "application/octet-stream" } };
    expect(await codeOf(session.fetch(`${api.origin}/items/7`, init as RequestInit))).toBe("BODY_TOO_LARGE");
    const denials = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denials).toMatchObject([{ decision: { code: "BODY_TOO_LARGE" } }]);
    expect(api.received).toHaveLength(0);
  });
});

describe("a request that is allowed", () => {
  it("reaches the service with the credential, and the answer is masked", async () => {
    const api = await upstream((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ email: "grace@example.com", note: "hello" }));
    });
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }], { credential: "key" }),
      credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
    });
    const response = await session.fetch(`${api.origin}/items/7`);
    expect(response).toBeInstanceOf(Response);
    expect(response.url).toBe(`${api.origin}/items/7`);
    const body = await response.text();
    expect(body).not.toContain("grace@example.com");
    expect(JSON.parse(body)).toMatchObject({ note: "hello" });
    expect(api.received[0]?.headers["authorization"]).toBe("Bearer s3cr3t-token-value");
    await session.close();
    const types = recordedEvents(directory).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith("request."))).toEqual(["request.intent", "request.completed"]);
    expect((await verifyAudit(directory)).verdict).toBe("PREFIX_VALID_END_UNPROVEN");
  });

  it("leaves a record that verifies as complete once the guard is closed", async () => {
    const api = await upstream();
    const { guard, session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    await (await session.fetch(`${api.origin}/items/7`)).text();
    await guard.close();
    expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
  });

  it("does not carry an authorization of the agent's own", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    await session.fetch(`${api.origin}/items/7`, { headers: { authorization: "Bearer mine", "x-tenant": "acme" } });
    expect(api.received[0]?.headers["authorization"]).toBeUndefined();
    expect(api.received[0]?.headers["x-tenant"]).toBe("acme");
  });

  it("does not show the agent its credential when the service echoes it", async () => {
    const api = await upstream((request, response) => {
      response.setHeader("content-type", "text/plain");
      response.setHeader("x-echo", String(request.headers["authorization"]));
      response.end(`you sent ${request.headers["authorization"]}`);
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }], { credential: "key" }),
      credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
    });
    const response = await session.fetch(`${api.origin}/items/7`);
    expect(`${await response.text()} ${response.headers.get("x-echo")}`).not.toContain("s3cr3t-token-value");
  });
});

describe("an answer that does not say what it is, or says it is binary,", () => {
  it.each([
    ["no type", undefined, "[REDACTED:EMAIL]"],
    ["a binary type", "application/octet-stream", "grace@example.com"],
  ])("still does not show the agent its credential: %s", async (_name, type, shown) => {
    const api = await upstream((request, response) => {
      if (type !== undefined) response.setHeader("content-type", type);
      response.end(`grace@example.com ${request.headers["authorization"]}`);
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }], { credential: "key" }),
      credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
    });
    const text = await (await session.fetch(`${api.origin}/items/7`)).text();
    expect(text).toBe(`${shown} Bearer [REDACTED:CREDENTIAL]`);
  });
});

describe("a request that is denied", () => {
  it("is never sent, is recorded, and tells the model what would be allowed", async () => {
    const api = await upstream();
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    const error = await session.fetch(`${api.origin}/items/7`, { method: "DELETE" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GuardError);
    expect((error as GuardError).code).toBe("NO_RULE");
    expect((error as GuardError).toModelText()).toMatch(/method to be GET and got DELETE/);
    expect(api.received).toHaveLength(0);
    const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denied).toHaveLength(1);
  });

  it("becomes a 403 problem document where the caller wants responses", async () => {
    const api = await upstream();
    const { session } = await testGuard({ policy: loopbackPolicy(api.origin, []) });
    const response = await session.createFetch({ onDeny: "respond" })(`${api.origin}/items/7`);
    expect(response.status).toBe(403);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("x-sallyport-code")).toBe("NO_RULE");
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(await response.json()).toMatchObject({ code: "NO_RULE", status: 403 });
  });

  it("cannot be imitated by the service", async () => {
    const api = await upstream((_, response) => {
      response.setHeader("x-sallyport-code", "NO_RULE");
      response.end("{}");
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    expect((await session.fetch(`${api.origin}/items/7`)).headers.get("x-sallyport-code")).toBeNull();
  });

  it("does not ask for a credential", async () => {
    const api = await upstream();
    let asked = 0;
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }], { credential: "key" }),
      credentials: {
        key: {
          issue: () => {
            asked++;
            return Promise.reject(new Error("not needed"));
          },
        },
      },
    });
    await codeOf(session.fetch(`${api.origin}/other`));
    expect(asked).toBe(0);
  });
});

describe("a request whose credential cannot be had", () => {
  it("is not sent, and is recorded as denied with the reason's code", async () => {
    const api = await upstream();
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }], { credential: "key" }),
      credentials: { key: { issue: () => Promise.reject(new GuardError("CREDENTIAL_REFUSED")) } },
    });
    expect(await codeOf(session.fetch(`${api.origin}/items/7`))).toBe("CREDENTIAL_REFUSED");
    expect(api.received).toHaveLength(0);
    const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denied).toHaveLength(1);
    expect(denied[0]).toMatchObject({ decision: { effect: "allow", enforced: "deny", code: "CREDENTIAL_REFUSED" } });
  });
});

describe("a redirect", () => {
  it("is judged as a new request, and nothing is sent where it is not allowed", async () => {
    const evil = await upstream();
    const api = await upstream((_, response) => {
      response.writeHead(302, { location: `${evil.origin}/collect` });
      response.end();
    });
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    expect(await codeOf(session.fetch(`${api.origin}/items/7`))).toBe("REDIRECT_REFUSED");
    expect(evil.received).toHaveLength(0);
    expect(
      recordedEvents(directory)
        .filter(({ type }) => type.startsWith("request."))
        .map(({ type, attempt }) => [type, attempt]),
    ).toEqual([
      ["request.intent", 1],
      ["request.completed", 1],
      ["request.denied", 2],
    ]);
  });

  it("to another allowed origin carries neither the credential nor a key of the agent's", async () => {
    const other = await upstream();
    const api = await upstream((_, response) => {
      response.writeHead(307, { location: `${other.origin}/items/8` });
      response.end();
    });
    const policy = loopbackPolicy(
      api.origin,
      [
        { id: "read", effect: "allow", ...rule },
        { id: "read-other", effect: "allow", ...rule, service: "other" },
      ],
      { credential: "key" },
    );
    const { session } = await testGuard({
      policy: {
        ...policy,
        services: { ...policy.services, other: { origins: [other.origin], addresses: ["127.0.0.0/8"] } },
      },
      credentials: { key: staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" }) },
    });
    const response = await session.fetch(`${api.origin}/items/7`, {
      headers: { "x-api-key": "agent-supplied", accept: "text/plain" },
    });
    expect(response.redirected).toBe(true);
    expect(response.url).toBe(`${other.origin}/items/8`);
    expect(other.received[0]?.headers).toMatchObject({ accept: "text/plain" });
    expect(JSON.stringify(other.received[0]?.headers)).not.toMatch(/agent-supplied|s3cr3t/);
  });

  it("is the caller's to follow with redirect: manual, and an error with redirect: error", async () => {
    const api = await upstream((_, response) => {
      response.writeHead(302, { location: "/items/8" });
      response.end();
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    expect((await session.fetch(`${api.origin}/items/7`, { redirect: "manual" })).status).toBe(302);
    await expect(session.fetch(`${api.origin}/items/7`, { redirect: "error" })).rejects.toBeInstanceOf(TypeError);
  });
});

describe("a request that needs approval", () => {
  const approve = { id: "refund", effect: "approve", service: "api", methods: ["POST"], path: "/refunds" } as const;
  const boss = { id: "boss", idp: "directory" };
  const post = (origin: string, body: unknown): [string, RequestInit] => [
    `${origin}/refunds`,
    { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  ];

  it("is sent once, with exactly the bytes that were approved, whatever the caller does meanwhile", async () => {
    const api = await upstream();
    const bytes = new TextEncoder().encode('{"amount":50}');
    const asked: ApprovalRequest[] = [];
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [approve]),
      approvals: {
        request: async (request, control) => {
          asked.push(request);
          bytes.set(new TextEncoder().encode('{"amount":99}'));
          return control.approve(boss);
        },
      },
    });
    const response = await session.fetch(`${api.origin}/refunds`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: bytes,
    });
    expect(response.status).toBe(200);
    expect(api.received.map(({ body }) => body.toString())).toEqual(['{"amount":50}']);
    expect(asked[0]?.http.body.preview).toContain('"amount":50');
  });

  it("asks again for the second identical call: one yes is good for one request", async () => {
    const api = await upstream();
    let asked = 0;
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [approve]),
      approvals: { request: async (_, control) => (++asked === 1 ? control.approve(boss) : control.deny(boss)) },
    });
    await session.fetch(...post(api.origin, { amount: 50 }));
    expect(await codeOf(session.fetch(...post(api.origin, { amount: 50 })))).toBe("APPROVAL_DENIED");
    expect(asked).toBe(2);
    expect(api.received).toHaveLength(1);
    const denied = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denied).toHaveLength(1);
    expect(denied[0]).toMatchObject({
      decision: { effect: "require_approval", enforced: "deny", code: "APPROVAL_DENIED" },
    });
  });

  it("is refused when nobody can be asked, and when asking fails", async () => {
    const api = await upstream();
    const policy = loopbackPolicy(api.origin, [approve]);
    const { session: nobody } = await testGuard({ policy });
    expect(await codeOf(nobody.fetch(...post(api.origin, {})))).toBe("APPROVAL_UNAVAILABLE");
    const { session: broken } = await testGuard({
      policy,
      approvals: { request: () => Promise.reject(new Error("down")) },
    });
    expect(await codeOf(broken.fetch(...post(api.origin, {})))).toBe("APPROVAL_UNAVAILABLE");
    expect(api.received).toHaveLength(0);
  });

  it("is never sent by an answer that comes after the wait", async () => {
    const api = await upstream();
    let answerLate: (() => void) | undefined;
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [approve]),
      approvals: {
        waitMs: 0,
        request: (_, control) =>
          new Promise((resolve) => {
            answerLate = () => resolve(control.approve(boss));
          }),
      },
    });
    const error = await session.fetch(...post(api.origin, { amount: 1 })).catch((thrown: unknown) => thrown);
    expect((error as GuardError).code).toBe("APPROVAL_PENDING");
    expect((error as GuardError).approvalId).toBeTypeOf("string");
    answerLate?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(api.received).toHaveLength(0);
    expect((await session.fetch(...post(api.origin, { amount: 1 }))).status).toBe(200);
    expect(api.received).toHaveLength(1);
  });

  it("is refused at once when the session closes while a person is thinking", async () => {
    const api = await upstream();
    let asking: (() => void) | undefined;
    const asked = new Promise<void>((resolve) => {
      asking = resolve;
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [approve]),
      approvals: {
        request: () => {
          asking?.();
          return new Promise(() => undefined);
        },
      },
    });
    const outcome = codeOf(session.fetch(...post(api.origin, { amount: 1 })));
    await asked;
    await session.close();
    expect(await outcome).toBe("SESSION_CLOSED");
    expect(api.received).toHaveLength(0);
  });

  it("is judged again when the policy changes while a person is thinking", async () => {
    const api = await upstream();
    const { guard, session } = await testGuard({
      policy: loopbackPolicy(api.origin, [approve]),
      approvals: {
        request: async (_, control) => {
          await guard.setPolicy(loopbackPolicy(api.origin, []));
          return control.approve(boss);
        },
      },
    });
    expect(await codeOf(session.fetch(...post(api.origin, { amount: 1 })))).toBe("NO_RULE");
    expect(api.received).toHaveLength(0);
  });
});

describe("a yes whose request could not be recorded", () => {
  it("is kept for another try, and nothing is sent", async () => {
    const api = await upstream();
    const directory = temporaryDirectory();
    const { guard, session } = await testGuard({
      audit: { directory },
      policy: loopbackPolicy(
        api.origin,
        [{ id: "refund", effect: "approve", service: "api", methods: ["POST"], path: "/refunds" }],
        { credential: "key" },
      ),
      approvals: { request: async (_, control) => control.approve({ id: "boss", idp: "directory" }) },
      credentials: {
        key: staticSecret({
          scheme: "bearer",
          secret: () => {
            for (const path of readdirSync(directory, { recursive: true }).map(String)) {
              if (/[0-9]+\.jsonl$/.test(path) && !path.includes("ledger")) rmSync(join(directory, path));
            }
            return "s3cr3t-token-value";
          },
        }),
      },
    });
    expect(await codeOf(session.fetch(`${api.origin}/refunds`, { method: "POST", body: "x" }))).toBe(
      "AUDIT_UNAVAILABLE",
    );
    expect(api.received).toHaveLength(0);
    expect((await guard.approvals.list()).map(({ state }) => state)).toEqual(["approved"]);
  });
});

describe("a rule for certain times", () => {
  it("no longer lets a request out when its time passes while a person is thinking", async () => {
    const api = await upstream();
    const clock = fakeClock(Date.UTC(2026, 0, 15, 16, 59));
    const { session } = await testGuard({
      clock,
      policy: loopbackPolicy(api.origin, [
        {
          id: "refund",
          effect: "approve",
          service: "api",
          methods: ["POST"],
          path: "/refunds",
          when: { hours: "08:00-17:00" },
        },
      ]),
      approvals: {
        request: async (_, control) => {
          clock.stepWallClock(120_000);
          return control.approve({ id: "boss", idp: "directory" });
        },
      },
    });
    expect(await codeOf(session.fetch(`${api.origin}/refunds`, { method: "POST", body: "x" }))).toBe("NO_RULE");
    expect(api.received).toHaveLength(0);
  });
});

describe("a session", () => {
  it("refuses everything once it is closed", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    await session.close();
    expect(await codeOf(session.fetch(`${api.origin}/items/7`))).toBe("SESSION_CLOSED");
    expect(api.received).toHaveLength(0);
  });

  it("is found by the ambient functions inside run, and nowhere else", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    expect(await codeOf(guardedFetch(`${api.origin}/items/7`))).toBe("NO_SESSION");
    expect(() => createClient("api")).toThrow(GuardError);
    const status = await session.run(async () => {
      await Promise.resolve();
      return (await guardedFetch(`${api.origin}/items/7`)).status;
    });
    expect(status).toBe(200);
    const data = await session.run(async () => {
      const client = createClient<{
        "/items/{id}": {
          get: {
            parameters: { path: { id: string } };
            responses: { 200: { content: { "application/json": { ok: boolean } } } };
          };
        };
      }>("api");
      return (await client.GET("/items/{id}", { params: { path: { id: "7" } } })).data;
    });
    expect(data).toEqual({ ok: true });
  });

  it("has a client whose path parameters cannot leave their segment", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [
        { id: "all", effect: "allow", service: "api", methods: ["GET"], path: "/**" },
      ]),
    });
    type Paths = {
      "/items/{id}": {
        get: { parameters: { path: { id: string } }; responses: { 200: { content: { "application/json": object } } } };
      };
    };
    const client = session.client<Paths>("api");
    const get = (id: unknown): Promise<unknown> =>
      client.GET("/items/{id}", { params: { path: { id: id as string } } });
    expect(await codeOf(get(".."))).toBe("URL_AMBIGUOUS");
    expect(await codeOf(get("."))).toBe("URL_AMBIGUOUS");
    expect(await codeOf(get(undefined))).toBe("URL_INVALID");
    expect(
      await codeOf(client.GET("/items/{id}", { params: { path: Object.create({ id: "evil" }) as { id: string } } })),
    ).toBe("URL_INVALID");
    await get("1?admin=1");
    expect(api.received.map(({ url }) => url)).toEqual(["/items/1%3Fadmin%3D1"]);
  });

  it("ends an upload that trickles when it closes", async () => {
    const api = await upstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [
        { id: "add", effect: "allow", service: "api", methods: ["POST"], path: "/items" },
      ]),
    });
    let asked: (() => void) | undefined;
    const reading = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const body = new ReadableStream<Uint8Array>({
      pull: () => {
        asked?.();
        return new Promise(() => undefined);
      },
    });
    const outcome = codeOf(
      session.fetch(`${api.origin}/items`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        duplex: "half",
      } as RequestInit),
    );
    await reading;
    await session.close();
    expect(await outcome).toBe("SESSION_CLOSED");
    expect(api.received).toHaveLength(0);
  });

  it("ends the record of an answer that nobody read", async () => {
    const api = await upstream((_, response) => {
      response.setHeader("content-type", "text/plain");
      response.write("first part");
    });
    const { guard, session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    const response = await session.fetch(`${api.origin}/items/7`);
    await session.close();
    await expect(response.text()).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    await guard.close();
    expect(
      recordedEvents(directory)
        .filter(({ type }) => type.startsWith("request."))
        .map(({ type }) => type),
    ).toEqual(["request.intent", "request.aborted"]);
    expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
  });
});

describe("when something fails", () => {
  it("a network fault is the TypeError that fetch throws, and is recorded", async () => {
    const api = await upstream();
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    await upstreams.pop()?.close();
    const error = await session.fetch(`${api.origin}/items/7`).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toBe("fetch failed");
    expect(recordedEvents(directory).at(-1)).toMatchObject({
      type: "request.failed",
      error: { code: "ECONNREFUSED", sent: "no" },
    });
  });

  it("an abort of the caller is thrown as its own reason", async () => {
    const api = await upstream(() => undefined);
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
    });
    const controller = new AbortController();
    const call = session
      .fetch(`${api.origin}/items/7`, { signal: controller.signal })
      .catch((thrown: unknown) => thrown);
    controller.abort(new Error("enough"));
    expect(await call).toMatchObject({ message: "enough" });
  });

  it("an answer that cannot be masked is withheld where the options say so", async () => {
    const api = await upstream((_, response) => {
      response.setHeader("content-type", "application/octet-stream");
      response.end("bytes");
    });
    const { session } = await testGuard({
      policy: loopbackPolicy(api.origin, [{ id: "read", effect: "allow", ...rule }]),
      masking: { unmaskable: "refuse" },
    });
    expect(await codeOf(session.fetch(`${api.origin}/items/7`))).toBe("MEDIA_REFUSED");
  });
});

describe("the transport of a guard", () => {
  it.each([
    [{ fetch: 1 }, "/transport/fetch"],
    [{ fetch: globalThis.fetch, lookup: async () => [] }, "/transport/lookup"],
    [{ lookup: 1 }, "/transport/lookup"],
    [{ timeout: 1 }, "/transport/timeout"],
    [{ headersTimeoutMs: -1 }, "/transport/headersTimeoutMs"],
  ])("%o is refused at %s", async (transport, pointer) => {
    const options = { policy: loopbackPolicy("http://127.0.0.1:1", []), transport } as unknown as GuardOptions;
    await expect(testGuard(options)).rejects.toMatchObject({ code: "OPTIONS_INVALID", problems: [{ pointer }] });
  });
});
