import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import { type CredentialProvider, type GrantRequest, type IssuedCredential, Secret } from "../../src/broker/index.js";
import { findGuardError, type GuardOptions, type PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { type ReceivedRequest, startUpstream, type Upstream } from "../support/upstream.js";

const upstreams: Upstream[] = [];
const upstream: typeof startUpstream = async (answer) => {
  const started = await startUpstream(answer);
  upstreams.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((one) => one.close()));
});

/** Issues `t1-scope`, `t2-scope`, …, and remembers what it was asked. */
function counting(): CredentialProvider & { readonly asked: GrantRequest[]; readonly revoked: string[] } {
  const asked: GrantRequest[] = [];
  const revoked: string[] = [];
  return {
    asked,
    revoked,
    async issue(request): Promise<IssuedCredential> {
      asked.push(request);
      return {
        secret: new Secret(`t${asked.length}-${request.scopes.join("+")}`),
        placement: { in: "header", name: "authorization", prefix: "Bearer " },
        scope: request.scopes,
        lifetimeMs: 600_000,
        revocable: true,
      };
    },
    async revoke({ secret }) {
      revoked.push(secret.reveal());
      return "revoked";
    },
  };
}

const tokenOf = (request: ReceivedRequest | undefined): string =>
  String(request?.headers.authorization).replace("Bearer ", "");
const tokensAt = (api: Upstream): string[] => api.received.map(tokenOf);
const unauthorised = (response: ServerResponse, challenge: string | null, body = "{}"): void => {
  if (challenge !== null) response.setHeader("www-authenticate", challenge);
  response.statusCode = 401;
  response.end(body);
};
const INVALID = 'Bearer realm="api", error="invalid_token", error_description="expired"';
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

const everything: PolicyDocument["rules"][number] = {
  id: "all",
  effect: "allow",
  service: "api",
  methods: ["*"],
  path: "/**",
  scopes: ["read"],
};

/** A guard before a service that answers as told; `rule` and `service` change what the policy says. */
async function guarded(
  answer: Parameters<typeof startUpstream>[0],
  {
    rule = {},
    service = {},
    options = {},
  }: {
    rule?: Partial<PolicyDocument["rules"][number]>;
    service?: Partial<PolicyDocument["services"][string]>;
    options?: Partial<GuardOptions>;
  } = {},
) {
  const api = await upstream(answer);
  const provider = counting();
  const made = await testGuard({
    policy: loopbackPolicy(api.origin, [{ ...everything, ...rule }], { credential: "crm", ...service }),
    credentials: { crm: provider },
    ...options,
  });
  const call = (init: RequestInit = {}, path = "/notes"): Promise<Response> =>
    made.session.fetch(api.origin + path, init);
  return { ...made, api, provider, call };
}

/** Refuses the first `times` requests, or those whose token `refuse` names. */
const refusing =
  (
    refuse: (token: string, number: number) => boolean,
    challenge: string | null = INVALID,
  ): typeof startUpstream extends (answer?: infer Answer) => unknown ? Answer : never =>
  (request: ReceivedRequest, response: ServerResponse) => {
    counter++;
    if (refuse(tokenOf(request), counter)) unauthorised(response, challenge, `{"attempt":${counter}}`);
    else response.end(JSON.stringify({ attempt: counter, body: request.body.toString("base64") }));
  };
let counter = 0;
afterEach(() => {
  counter = 0;
});

describe("a 401 that blames the credential", () => {
  it("51: throws away that one, fetches another and sends once more; the record has both attempts", async () => {
    const { call, api, provider, directory, session } = await guarded(refusing((token) => token.startsWith("t1")));
    expect((await call()).status).toBe(200);
    expect(tokensAt(api)).toEqual(["t1-read", "t2-read"]);
    expect((await call()).status).toBe(200);
    expect(provider.asked).toHaveLength(2);
    await session.close();
    const events = recordedEvents(directory);
    const requests = events.filter(({ type }) => type.startsWith("request.")).slice(0, 4);
    expect(requests.map(({ type, attempt }) => [type, attempt])).toEqual([
      ["request.intent", 1],
      ["request.completed", 1],
      ["request.intent", 2],
      ["request.completed", 2],
    ]);
    expect(events.map(({ type }) => type)).toContain("credential.invalidated");
  });

  it("51: a second one is the caller's answer", async () => {
    const { call, api } = await guarded(refusing(() => true));
    const response = await call();
    expect([response.status, await response.json()]).toEqual([401, { attempt: 2 }]);
    expect(api.received).toHaveLength(2);
  });

  it("51: where the server gives no other one, the caller gets what the service said, and nothing is sent again", async () => {
    const { call, api, provider } = await guarded(refusing(() => true));
    const first = call();
    provider.issue = async (request) => {
      if (provider.asked.length > 0) throw new Error("down");
      provider.asked.push(request);
      return {
        secret: new Secret("only-one"),
        placement: { in: "header", name: "authorization", prefix: "Bearer " },
        scope: request.scopes,
        lifetimeMs: 600_000,
        revocable: false,
      };
    };
    const response = await first;
    expect([response.status, await response.json()]).toEqual([401, { attempt: 1 }]);
    expect(api.received).toHaveLength(1);
  });

  it("52: twenty at different times are one new token; stragglers use it", async () => {
    const held: (() => void)[] = [];
    const { call, api, provider } = await guarded((request, response) => {
      if (!tokenOf(request).startsWith("t1")) return void response.end("{}");
      held.push(() => unauthorised(response, INVALID));
    });
    const calls = Array.from({ length: 20 }, () => call());
    await expect.poll(() => held.length).toBe(20);
    held.splice(0, 1)[0]!();
    expect((await Promise.race(calls)).status).toBe(200);
    for (const answer of held.splice(0, 9)) answer();
    await expect.poll(() => api.received.length).toBe(30);
    for (const answer of held) answer();
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(provider.asked).toHaveLength(2);
    expect(new Set(tokensAt(api))).toEqual(new Set(["t1-read", "t2-read"]));
  });

  it("53: an old answer does not throw away a newer token", async () => {
    let late: (() => void) | undefined;
    const { call, provider } = await guarded((request, response) => {
      if (tokenOf(request) !== "t1-read") return void response.end("{}");
      if (request.url === "/late") late = () => unauthorised(response, INVALID);
      else unauthorised(response, INVALID);
    });
    const old = call({}, "/late");
    await expect.poll(() => late).toBeDefined();
    await call();
    late!();
    expect((await old).status).toBe(200);
    await call();
    expect(provider.asked).toHaveLength(2);
  });

  it("54: a body that is a stream is not sent twice: a typed error says so", async () => {
    const { call, api } = await guarded(refusing(() => true));
    const stream = new Blob(["once"]).stream();
    const error = await call({ method: "POST", body: stream, duplex: "half" } as RequestInit).catch(
      (thrown: unknown) => thrown,
    );
    expect(findGuardError(error)).toMatchObject({ code: "NOT_REPLAYABLE", retryable: true, sent: true });
    expect(api.received).toHaveLength(1);
    const streaming = { method: "POST", body: new Blob(["once"]).stream(), duplex: "half" };
    const request = new Request(`${api.origin}/notes`, streaming as RequestInit);
    expect(await codeOf((await guardedRequest(api, request)).promise)).toBe("NOT_REPLAYABLE");
    expect(api.received).toHaveLength(2);
  });

  const form = new FormData();
  form.set("a", "ü");
  it.each<[string, BodyInit]>([
    ["text", "päyload"],
    ["bytes", new Uint8Array([0, 255, 10])],
    ["a Buffer", Buffer.from("buffer")],
    ["URLSearchParams", new URLSearchParams({ a: "b c" })],
    ["FormData", form],
    ["a Blob", new Blob(["blob"])],
  ])("54: %s is sent again byte for byte", async (_what, body) => {
    const { call, api } = await guarded(refusing((_token, number) => number === 1));
    expect((await call({ method: "POST", body })).status).toBe(200);
    expect(api.received).toHaveLength(2);
    expect(api.received[1]?.body.equals(api.received[0]!.body)).toBe(true);
    expect(api.received[1]?.body.length).toBeGreaterThan(0);
    expect(api.received[1]?.headers["content-type"]).toBe(api.received[0]?.headers["content-type"]);
  });

  it("55: a POST is sent again after a 401, and never after a fault of the network", async () => {
    const refused = await guarded(refusing((_token, number) => number === 1));
    expect((await refused.call({ method: "POST", body: "{}" })).status).toBe(200);
    const broken = await guarded((_request, response) => void response.socket?.destroy());
    await expect(broken.call({ method: "POST", body: "{}", headers: { "idempotency-key": "1" } })).rejects.toThrow(
      "fetch failed",
    );
    expect(broken.api.received).toHaveLength(1);
  });

  it.each<[string, string | null]>([
    ["no challenge", null],
    ["Basic only", 'Basic realm="x"'],
    ["a challenge that cannot be read", 'Bearer error="invalid_token'],
    ["a parameter given twice", 'Bearer error="x", error="invalid_token"'],
    ["another error", 'Bearer error="invalid_request"'],
    ["another scheme", "Negotiate abc=="],
    ["a name that only looks like it", 'BearerX error="invalid_token"'],
  ])("56: %s is no reason to fetch another token, however often it comes", async (_what, challenge) => {
    const { call, api, provider } = await guarded(refusing(() => true, challenge));
    for (let number = 0; number < 3; number++) expect((await call()).status).toBe(401);
    expect([api.received.length, provider.asked.length]).toEqual([3, 1]);
  });

  it.each<[string, string | null]>([
    ["no challenge", null],
    ["Basic only", 'Basic realm="x"'],
  ])("56: with renewOn401 in the policy %s is one, once per call", async (_what, challenge) => {
    const { call, api } = await guarded(
      refusing((_token, number) => number === 1, challenge),
      { service: { renewOn401: true } },
    );
    expect((await call()).status).toBe(200);
    expect(tokensAt(api)).toEqual(["t1-read", "t2-read"]);
  });

  it.each(["Bearer", "bearer", 'Basic realm="x", Bearer realm="y"', 'Negotiate, Bearer error = "invalid_token"'])(
    "56: %s says that the token was not accepted",
    async (challenge) => {
      const { call, api } = await guarded(refusing((_token, number) => number === 1, challenge));
      expect((await call()).status).toBe(200);
      expect(api.received).toHaveLength(2);
    },
  );

  it("58: no address in a challenge is ever asked for anything", async () => {
    const trap = await upstream();
    const challenge = `Bearer error="invalid_token", resource_metadata="${trap.origin}/meta", authorization_uri="${trap.origin}/auth"`;
    const { call } = await guarded(refusing(() => true, challenge));
    await call();
    const wider = await guarded((_request, response) => {
      response.writeHead(403, {
        "www-authenticate": `Bearer error="insufficient_scope", scope="admin", resource_metadata="${trap.origin}/meta"`,
      });
      response.end();
    });
    await wider.call();
    expect(trap.received).toEqual([]);
  });

  it("56: a service that refuses whatever it is sent does not make us fetch a token with every call", async () => {
    const { call, provider } = await guarded(refusing(() => true));
    for (let number = 0; number < 30; number++) expect((await call()).status).toBe(401);
    expect(provider.asked).toHaveLength(11);
  });
});

async function guardedRequest(api: Upstream, request: Request): Promise<{ promise: Promise<Response> }> {
  const { session } = await testGuard({
    policy: loopbackPolicy(api.origin, [everything], { credential: "crm" }),
    credentials: { crm: counting() },
  });
  return { promise: session.fetch(request) };
}

describe("a 403 that asks for more scopes", () => {
  const insufficient = (scope: string) => (request: ReceivedRequest, response: ServerResponse) => {
    if (tokenOf(request).includes("write")) return void response.end('{"ok":true}');
    response.writeHead(403, { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` }).end("{}");
  };
  const stepUp = { rule: { stepUp: { scopes: ["write"] } } } as const;
  const boss = { id: "boss", idp: "test" };
  const asking = (verdict: "approve" | "deny", seen: ApprovalRequest[] = []): Partial<GuardOptions> => ({
    approvals: {
      request: async (request, control) => {
        seen.push(request);
        return verdict === "approve" ? control.approve(boss) : control.deny(boss);
      },
    },
  });

  it("57: is the caller's answer where no rule lets scopes be added: nothing is widened silently", async () => {
    const { call, provider, api } = await guarded(insufficient("write"), { options: asking("approve") });
    expect((await call()).status).toBe(403);
    expect([api.received.length, provider.asked.length]).toEqual([1, 1]);
  });

  it("57: asks for no more than the rule lists", async () => {
    const seen: ApprovalRequest[] = [];
    const { call, provider } = await guarded(insufficient("write admin"), {
      ...stepUp,
      options: asking("approve", seen),
    });
    expect((await call()).status).toBe(403);
    expect([seen.length, provider.asked.length]).toEqual([0, 1]);
  });

  it("57: goes to a person, who sees the scopes; then a new authorization with the union, once", async () => {
    const seen: ApprovalRequest[] = [];
    const { call, provider, api } = await guarded(insufficient("write"), {
      ...stepUp,
      options: asking("approve", seen),
    });
    expect((await call()).status).toBe(200);
    expect(seen).toHaveLength(1);
    expect(JSON.stringify(seen[0])).toContain("the service asks for a credential with: read write");
    expect(provider.asked.map(({ scopes }) => scopes)).toEqual([["read"], ["read", "write"]]);
    expect(tokensAt(api)).toEqual(["t1-read", "t2-read+write"]);
    // The next call starts narrow again, and needs a yes of its own.
    expect((await call()).status).toBe(200);
    expect(seen).toHaveLength(2);
    expect(tokensAt(api).slice(2)).toEqual(["t1-read", "t2-read+write"]);
  });

  it("57: sends nothing more after a no, which is recorded as a denial", async () => {
    const { call, api, provider, directory } = await guarded(insufficient("write"), {
      ...stepUp,
      options: asking("deny"),
    });
    const error = findGuardError(await call().catch((caught: unknown) => caught));
    expect(error).toMatchObject({ code: "APPROVAL_DENIED", sent: true });
    expect([api.received.length, provider.asked.length]).toEqual([1, 1]);
    const [denied, ...more] = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(more).toEqual([]);
    expect(denied).toMatchObject({
      attempt: 2,
      decision: { effect: "require_approval", enforced: "deny", code: "APPROVAL_DENIED", rule: "all" },
    });
  });

  it("57: does not say that nothing was sent while a person thinks about more rights", async () => {
    const { call, api } = await guarded(insufficient("write"), {
      ...stepUp,
      options: { approvals: { request: async (_request, control) => control.pending(), waitMs: 0 } },
    });
    const error = findGuardError(await call().catch((caught: unknown) => caught));
    expect(error).toMatchObject({ code: "APPROVAL_PENDING", sent: true });
    expect(error?.toModelText()).toContain(
      "was sent, but its response is withheld: the service wants a credential with",
    );
    expect(error?.toModelText()).not.toContain("not sent");
    expect(api.received).toHaveLength(1);
  });

  it("57: is done once per call, whatever the service goes on asking for", async () => {
    const { call, api } = await guarded(
      (_request, response) => {
        response
          .writeHead(403, { "www-authenticate": `Bearer error="insufficient_scope", scope="write more"` })
          .end("{}");
      },
      { rule: { stepUp: { scopes: ["write", "more"] } }, options: asking("approve") },
    );
    expect((await call()).status).toBe(403);
    expect(api.received).toHaveLength(2);
  });
});

describe("where a credential goes", () => {
  it("59: a redirect is judged anew; elsewhere it carries no credential, key, proof or cookie", async () => {
    const other = await upstream();
    const { call, api } = await guarded(
      (request, response) => {
        if (request.url === "/same") return void response.writeHead(302, { location: "/notes" }).end();
        if (request.url === "/denied") return void response.writeHead(302, { location: "/denied/area" }).end();
        if (request.url === "/away") return void response.writeHead(302, { location: `${other.origin}/x` }).end();
        if (request.url === "/private")
          return void response.writeHead(302, { location: "http://169.254.169.254/x" }).end();
        if (request.url === "/loop") return void response.writeHead(302, { location: "/loop" }).end();
        response.end("{}");
      },
      { service: { redirects: 3 } },
    );
    expect((await call({}, "/same")).status).toBe(200);
    expect(tokensAt(api)).toEqual(["t1-read", "t1-read"]);
    for (const path of ["/away", "/private", "/loop"]) {
      expect(await codeOf(call({ headers: { "x-api-key": "mine" } }, path))).toBe("REDIRECT_REFUSED");
    }
    expect(other.received).toEqual([]);
    expect(api.received.filter(({ url }) => url === "/loop")).toHaveLength(4);
  });

  it("60: what the agent says about who it is does not arrive, in any spelling", async () => {
    const { call, api } = await guarded((_request, response) => void response.end("{}"));
    const names = ["Authorization", "PROXY-AUTHORIZATION", "Cookie", "DPoP", "X-Forwarded-User"];
    await call({ headers: names.map((name) => [name, "mine"] as [string, string]) }).catch(() => undefined);
    await call({ headers: new Headers([["aUtHoRiZaTiOn", "mine"]]) });
    expect(await codeOf(call({ headers: { Host: "evil.example" } }))).toBe("HEADER_REFUSED");
    for (const { rawHeaders } of api.received) expect(rawHeaders.join("\n")).not.toMatch(/mine|evil/);
    expect(tokenOf(api.received.at(-1))).toBe("t1-read");
  });

  it("60: a key of the agent's is replaced where the service's key goes", async () => {
    const { call, api } = await guarded((_request, response) => void response.end("{}"), {
      options: {
        credentials: {
          crm: {
            issue: async ({ scopes }) => ({
              secret: new Secret("the-real-key"),
              placement: { in: "header", name: "x-api-key", prefix: "" },
              scope: scopes,
              lifetimeMs: 60_000,
              revocable: false,
            }),
          },
        },
      },
    });
    await call({ headers: { "X-API-Key": "mine" } });
    expect(api.received[0]?.rawHeaders.filter((text) => /^x-api-key$/i.test(text))).toHaveLength(1);
    expect(api.received[0]?.headers["x-api-key"]).toBe("the-real-key");
  });

  it("60: what the caller changes after the decision changes nothing", async () => {
    const { session, api } = await guarded((_request, response) => void response.end("{}"));
    let reads = 0;
    const init = {
      get method() {
        reads++;
        return reads === 1 ? "GET" : "DELETE";
      },
    };
    await session.fetch(`${api.origin}/notes`, init);
    const headers = new Headers({ "x-request-id": "before" });
    const pending = session.fetch(`${api.origin}/notes`, { headers });
    headers.set("x-request-id", "after");
    headers.set("authorization", "mine");
    await pending;
    expect(api.received.map(({ method }) => method)).toEqual(["GET", "GET"]);
    expect(api.received[1]?.headers["x-request-id"]).toBe("before");
  });

  it("62: a public answer to one identity is not served to another", async () => {
    const { guard, call, api } = await guarded((request, response) => {
      response.writeHead(200, { "cache-control": "public, max-age=3600", "content-type": "text/plain" });
      response.end(`for visit ${api.received.indexOf(request) + 1}`);
    });
    const other = await guard.openSession({
      principal: { id: "bea", type: "human" },
      agent: { id: "test-agent" },
      purpose: "another identity",
    });
    onTestFinished(() => other.close());
    expect(await (await call()).text()).toBe("for visit 1");
    expect(await (await other.fetch(`${api.origin}/notes`)).text()).toBe("for visit 2");
    expect(new Set(tokensAt(api)).size).toBe(2);
  });
});
