import { readFileSync } from "node:fs";
import { getGlobalDispatcher, MockAgent, setGlobalDispatcher } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalCallback, ApprovalReply } from "../../src/approval/index.js";
import { type CredentialProvider, staticSecret } from "../../src/broker/index.js";
import { findGuardError, type GuardOptions } from "../../src/index.js";
import { compilePolicy } from "../../src/policy/index.js";
import { memoryStore, type Store } from "../../src/store/index.js";
import { hostileProvider, json, startHostileServer } from "../broker/support.js";
import { fakeClock } from "../support/fake-clock.js";
import { recordedEvents, type TestGuard, testGuard } from "../support/guards.js";
import { type Answer, type Arrived, type Internet, startInternet } from "../support/internet.js";
import { examplePolicy } from "../support/policies.js";

type Outcome = "allow" | "deny";

interface Case {
  readonly id: string;
  readonly level: string;
  readonly description: string;
  readonly policy: string;
  readonly request: { method: string; url: string; headers?: Record<string, string>; body?: string };
  readonly expect: Outcome | "normalise";
  readonly accept_also?: readonly (Outcome | "normalise")[] | null;
  readonly env?: {
    readonly dns?: Readonly<Record<string, readonly (readonly string[])[]>>;
    readonly redirects?: readonly { readonly status: number; readonly location: string }[];
    readonly init?: RequestInit;
  } | null;
}

const casesIn = (file: string): readonly Case[] =>
  (JSON.parse(readFileSync(new URL(`../cases/${file}`, import.meta.url), "utf8")) as readonly Case[]).filter(
    ({ level }) => level !== "decision",
  );
const cases = casesIn("requests.json");
const hostile = casesIn("hostile-requests.json");

const SECRET = { crm: "s3cr3t-of-crm", CRED_A: "s3cr3t-of-a", CRED_B: "s3cr3t-of-b" } as const;
const PUBLIC = "93.184.216.34";
const NAMES = {
  "crm.internal.example": [["10.20.0.15"]],
  "pay.internal.example": [[PUBLIC]],
  "chat.internal.example": [[PUBLIC]],
  "api.example.com": [[PUBLIC]],
  "a.example.com": [[PUBLIC]],
  "b.example.com": [[PUBLIC]],
  "evil.example": [[PUBLIC]],
} as const;

interface World extends TestGuard {
  readonly internet: Internet;
  /** What came of a call: an answer, or a refusal by the guard. Any other error is none of the two. */
  readonly outcomeOf: (call: () => unknown) => Promise<Outcome>;
  readonly call: (change?: RequestInit & { url?: string }) => Promise<Response>;
}

interface Settings {
  readonly options?: Partial<GuardOptions>;
  readonly credentials?: Readonly<Record<string, CredentialProvider>>;
  readonly answer?: (request: Arrived) => Answer;
}

/** The guard of a case on its internet, and its request ready to be made. */
async function worldOf(
  { policy, request, env }: Case,
  { options, credentials, answer }: Settings = {},
): Promise<World> {
  const internet = await startInternet({ ...NAMES, ...env?.dns }, answer ?? redirecting(env?.redirects ?? []));
  const made = await testGuard({
    policy: examplePolicy(policy),
    transport: internet.transport,
    credentials: {
      ...Object.fromEntries(
        Object.entries(SECRET).map(([name, secret]) => [name, staticSecret({ scheme: "bearer", secret })]),
      ),
      ...credentials,
    },
    ...options,
  });
  const { url, ...init } = request;
  return {
    ...made,
    internet,
    outcomeOf: async (call) => {
      try {
        await call();
        return "allow";
      } catch (error) {
        if (findGuardError(error) === undefined) throw error;
        return "deny";
      }
    },
    call: ({ url: other = url, ...change } = {}) => made.session.fetch(other, { ...init, ...env?.init, ...change }),
  };
}

/** Answers the first requests to the case's own host with its redirects, and everything after them with 200. */
const redirecting = (redirects: NonNullable<Case["env"]>["redirects"] & object): ((request: Arrived) => Answer) => {
  const left = redirects.flatMap(({ status, location, ...rest }) =>
    Array.from({ length: (rest as { repeat?: number }).repeat ?? 1 }, () => ({ status, headers: { location } })),
  );
  return () => left.shift() ?? {};
};

const approver = { id: "boss", idp: "directory" };
const CREDENTIALS = /s3cr3t/;
type Client = Readonly<Record<string, (path: string, init?: object) => Promise<{ response: Response }>>>;

/** What is particular to a case: how it is set up and called, and what else must hold. */
const scenarios: Readonly<Record<string, (test: Case) => Promise<Outcome>>> = {
  "approval-001": (test) => plainly(test),
  "approval-004": (test) =>
    plainly(test, { options: { approvals: { request: () => Promise.reject(new Error("down")) } } }),
  "approval-007": async (test) => {
    const body = new TextEncoder().encode(test.request.body);
    const { call, outcomeOf, internet } = await worldOf(test, {
      options: {
        approvals: {
          request: async (_, control) => {
            body.set(new TextEncoder().encode('{"amount":99'));
            return control.approve(approver);
          },
        },
      },
    });
    const outcome = await outcomeOf(() => call({ body }));
    expect(internet.received.map((one) => one.body.toString())).toEqual([test.request.body]);
    return outcome;
  },
  "approval-010": async (test) => {
    const clock = fakeClock();
    const { call, outcomeOf, internet } = await worldOf(test, {
      options: {
        clock,
        approvals: {
          pendingTtlMs: 60_000,
          request: async (_, control) => {
            await clock.advance(60_001);
            return control.approve(approver);
          },
        },
      },
    });
    const outcome = await outcomeOf(call);
    expect(internet.received).toEqual([]);
    return outcome;
  },
  "approval-011": async (test) => {
    let calls = 0;
    // The one that comes second answers with what the first one was given.
    let given: ApprovalReply | undefined;
    const approve: ApprovalCallback = async (_, control) => {
      calls++;
      given ??= control.approve(approver);
      return given;
    };
    const { guard, outcomeOf, internet, call } = await worldOf(test, { options: { approvals: { request: approve } } });
    const stranger = await guard.openSession({
      principal: { id: "ada", type: "human", tenant: "acme", email: "ada@acme.example", groups: ["support"] },
      agent: { id: "other-agent" },
      purpose: "testing",
    });
    const { url, ...init } = test.request;
    expect(await outcomeOf(() => stranger.fetch(url, init))).toBe("allow");
    const outcome = await outcomeOf(call);
    expect([calls, internet.received.length]).toEqual([2, 1]);
    return outcome;
  },
  "body-034": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    const streamed = (text: string): RequestInit =>
      ({ body: new Blob([text]).stream(), duplex: "half" }) as unknown as RequestInit;
    const outcome = await outcomeOf(() => call(streamed(test.request.body ?? "")));
    const tooMuch = (test.request.body ?? "").replace("100", "9000");
    expect(await outcomeOf(() => call(streamed(tooMuch)))).toBe("deny");
    expect(internet.received.map(({ body, headers }) => [body.toString(), headers["content-length"]])).toEqual([
      [test.request.body, String(test.request.body?.length)],
    ]);
    return outcome;
  },
  "client-api-001": async (test) => {
    const attacker = new MockAgent();
    attacker.disableNetConnect();
    return directly(test, { dispatcher: attacker } as RequestInit);
  },
  "client-api-002": (test) => directly(test, test.env?.init),
  "client-api-008": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    let reads = 0;
    const headers = Object.defineProperty({}, "x-a", {
      enumerable: true,
      get: () => (++reads === 1 ? "1" : "2\r\nx-http-method-override: DELETE"),
    }) as Record<string, string>;
    const outcome = await outcomeOf(() => call({ headers }));
    expect(reads).toBe(1);
    expect(internet.received.map((one) => one.headers["x-a"])).toEqual(["1"]);
    return outcome;
  },
  "client-api-011": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    const body = new TextEncoder().encode(test.request.body);
    const calling = outcomeOf(() => call({ body }));
    body.set(new TextEncoder().encode('{"amount":999'));
    const outcome = await calling;
    expect(internet.received.map((one) => one.body.toString())).toEqual([test.request.body]);
    return outcome;
  },
  "client-api-016": (test) => throughClient(test, "//evil.example/x"),
  "client-api-017": (test) => throughClient(test, "/\\evil.example/x"),
  "client-api-018": (test) => throughClient(test, "/api/v1/accounts/{id}/notes", { id: ".." }),
  "client-api-019": (test) => throughClient(test, "/api/v1/accounts/{id}/notes", { id: "." }),
  "client-api-021": (test) =>
    throughClient(test, "/api/v1/accounts/{id}", { id: "1?admin=1" }, "/api/v1/accounts/1%3Fadmin%3D1"),
  "client-api-024": (test) => throughClient(test, "/api/v1/accounts/{id}/notes", {}),
  "client-api-025": async (test) => {
    const own = Object.assign(Object.create({ id: "evil" }), { id: "1" }) as object;
    const outcome = await throughClient(test, "/api/v1/accounts/{id}/notes", own, "/api/v1/accounts/1/notes");
    const inherited = Object.create({ id: "evil" }) as object;
    expect(await throughClient(test, "/api/v1/accounts/{id}/notes", inherited)).toBe("deny");
    return outcome;
  },
  "client-api-026": async (test) => {
    for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"]) {
      const before = process.env[name];
      process.env[name] = name.startsWith("NODE") ? "1" : "http://evil.example:3128";
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    return directly(test);
  },
  "client-api-027": async (test) => {
    const world = await worldOf(test);
    const native = globalThis.fetch;
    onTestFinished(() => {
      globalThis.fetch = native;
    });
    const stolen: unknown[] = [];
    globalThis.fetch = async (...call) => {
      stolen.push(call);
      return new Response("stolen");
    };
    const outcome = await world.outcomeOf(world.call);
    expect(stolen).toEqual([]);
    expect(world.internet.received).toHaveLength(1);
    return outcome;
  },
  "client-api-028": async (test) => {
    const before = getGlobalDispatcher();
    onTestFinished(() => setGlobalDispatcher(before));
    const attacker = new MockAgent();
    attacker.disableNetConnect();
    setGlobalDispatcher(attacker);
    return directly(test);
  },
  "credential-001": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    const outcome = await outcomeOf(call);
    expect(internet.received.map(({ headers }) => headers["authorization"])).toEqual([`Bearer ${SECRET.CRED_B}`]);
    expect(JSON.stringify(internet.received)).not.toContain(SECRET.CRED_A);
    return outcome;
  },
  "credential-003": (test) => plainly(test),
  "credential-004": (test) => plainly(test),
  "credential-008": async (test) => {
    const server = await startHostileServer();
    onTestFinished(() => server.close());
    const claims = { iss: server.issuer, aud: "https://other.internal.example", client_id: "crm-agent" };
    const token = [{ alg: "ES256", typ: "at+jwt" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .concat("c2lnbmF0dXJl")
      .join(".");
    server.answer = (response) => json(response, 200, { access_token: token, token_type: "Bearer", expires_in: 300 });
    const crm = hostileProvider(server, { audience: "https://crm.internal.example", formats: ["at+jwt"] });
    const outcome = await plainly(test, { credentials: { crm } });
    expect(server.requests).toHaveLength(1);
    return outcome;
  },
  "credential-009": async (test) => {
    const secret = "s3cr3t\r\nx-admin: 1";
    return plainly(test, { credentials: { crm: staticSecret({ scheme: "bearer", secret: () => secret }) } });
  },
  "credential-010": async (test) => {
    const world = await worldOf(test, {
      answer: ({ headers }) => ({
        headers: { "x-echo": String(headers["authorization"]), "set-cookie": `t=${headers["authorization"]}` },
        body: JSON.stringify({ you: { sent: headers["authorization"] } }),
      }),
    });
    const { call, outcomeOf, session, directory, log } = world;
    const seen: unknown[] = [];
    const outcome = await outcomeOf(async () => {
      const response = await call();
      seen.push(await response.text(), [...response.headers], response.url);
    });
    await session.close();
    expect(JSON.stringify([seen, recordedEvents(directory), log.lines])).not.toMatch(CREDENTIALS);
    expect(JSON.stringify(seen)).toContain("REDACTED");
    return outcome;
  },
  "dns-004": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    const outcome = await outcomeOf(call);
    expect([internet.lookups, internet.dialled]).toEqual([["rebind.wild.example"], [PUBLIC]]);
    return outcome;
  },
  "dns-005": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test, { answer: () => ({ close: true }) });
    await (await call({ url: "http://rebind2.wild.example/first" } as RequestInit)).text();
    const outcome = await outcomeOf(call);
    expect(internet.received.map(({ url }) => url)).toEqual(["/first"]);
    expect(internet.dialled).toEqual([PUBLIC]);
    return outcome;
  },
  "policy-eval-020": async (test) => {
    const { guard, call, outcomeOf, internet } = await worldOf(test);
    await (await call({ url: "https://api.example.com/v1/items" } as RequestInit)).text();
    await guard.setPolicy(examplePolicy("P_EMPTY"));
    const outcome = await outcomeOf(call);
    expect(internet.received.map(({ url }) => url)).toEqual(["/v1/items"]);
    return outcome;
  },
  "policy-eval-024": async (test) => {
    const clock = fakeClock();
    const document = examplePolicy(test.policy);
    const { call, outcomeOf, internet } = await worldOf(test, {
      options: {
        clock,
        predicateTimeoutMs: 200,
        policy: compilePolicy(
          { ...document, rules: document.rules.map((rule) => ({ ...rule, predicates: { settled: "deny" as const } })) },
          { predicates: { settled: () => new Promise<boolean>(() => undefined) } },
        ),
      },
    });
    const calling = outcomeOf(call);
    await clock.advance(200);
    const outcome = await calling;
    expect(internet.lookups).toEqual([]);
    return outcome;
  },
  "rate-001": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test, { options: { clock: fakeClock() } });
    for (let prior = 0; prior < 2; prior++) expect(await outcomeOf(call)).toBe("allow");
    const outcome = await outcomeOf(call);
    expect(await outcomeOf(call)).toBe("deny");
    expect(internet.received).toHaveLength(3);
    return outcome;
  },
  "rate-004": async (test) => {
    const store = { ...memoryStore(), limits: { reserve: () => Promise.reject(new Error("down")) } };
    return plainly(test, { options: { store: store as unknown as Store } });
  },
  "rate-006": async (test) => {
    const { call, outcomeOf } = await worldOf(test, { options: { clock: fakeClock() } });
    for (let denied = 0; denied < 50; denied++)
      expect(await outcomeOf(() => call({ method: "DELETE", body: null }))).toBe("deny");
    for (let prior = 0; prior < 2; prior++) expect(await outcomeOf(call)).toBe("allow");
    return outcomeOf(call);
  },
  "redirect-003": async (test) => {
    const { call, outcomeOf, internet } = await worldOf(test);
    const outcome = await outcomeOf(call);
    expect(internet.received.map(({ origin, url }) => origin + url)).toEqual([
      "https://a.example.com/go",
      "https://b.example.com/b/1",
    ]);
    expect(internet.received[1]?.headers["authorization"]).toBe(`Bearer ${SECRET.CRED_B}`);
    expect(JSON.stringify(internet.received[1])).not.toContain(SECRET.CRED_A);
    return outcome;
  },
  "redirect-004": async (test) => {
    const key = staticSecret({ scheme: "header", name: "x-api-key", secret: SECRET.CRED_A });
    const { call, outcomeOf, internet } = await worldOf(test, { credentials: { CRED_A: key } });
    const outcome = await outcomeOf(call);
    expect(internet.received.map(({ headers }) => headers["x-api-key"])).toEqual([SECRET.CRED_A, undefined]);
    return outcome;
  },
  "wire-001": async (test) => {
    const { session, outcomeOf, internet } = await worldOf(test);
    const client = session.client<never>("crm") as unknown as Client;
    const ways = ["http://evil.example/x", "@evil.example/x", ".evil.example/x", ":443@evil.example/x"];
    for (const path of ways) expect(await outcomeOf(() => client["GET"]?.(path))).toBe("deny");
    const outcome = await outcomeOf(() => session.fetch(`${new URL(test.request.url).origin}http://evil.example/x`));
    expect(internet.received).toEqual([]);
    return outcome;
  },
  "wire-002": async (test) => {
    const { session, outcomeOf, internet } = await worldOf(test);
    const url = new URL(test.request.url);
    const request = new Request(url);
    const calling = [session.fetch(url), session.fetch(request)];
    url.pathname = "/x";
    Object.defineProperty(request, "url", { value: "https://crm.internal.example/x" });
    const outcome = await outcomeOf(() => Promise.all(calling));
    expect(new Set(internet.received.map(({ url: sent }) => sent))).toEqual(new Set(["/api/v1/accounts"]));
    return outcome;
  },
  "wire-007": async (test) => {
    const internet = await startInternet(NAMES, () => ({ hang: true }));
    const { session, directory } = await testGuard({
      policy: examplePolicy(test.policy),
      transport: { ...internet.transport, headersTimeoutMs: 50 },
    });
    const error: unknown = await session.fetch(test.request.url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
    const ended = recordedEvents(directory).filter(({ type }) => type === "request.failed");
    expect(ended).toMatchObject([{ error: { code: "UND_ERR_HEADERS_TIMEOUT" } }]);
    // The decision was to allow it, and it was sent: that it was never answered is the service's fault.
    return internet.received.length === 1 ? "allow" : "deny";
  },
};

/** The case as it stands. What is denied has not been sent. */
async function plainly(test: Case, settings: Settings = {}): Promise<Outcome> {
  const { call, outcomeOf, internet } = await worldOf(test, settings);
  const outcome = await outcomeOf(call);
  if (outcome === "deny") expect(internet.received).toEqual([]);
  return outcome;
}

/** As {@link plainly}; whatever was to lead elsewhere has not. */
async function directly(test: Case, init: RequestInit = {}): Promise<Outcome> {
  const { call, outcomeOf, internet } = await worldOf({ ...test, env: null });
  const outcome = await outcomeOf(() => call(init));
  expect(internet.dialled).toEqual(["10.20.0.15"]);
  expect(internet.received.map(({ headers }) => headers["authorization"])).toEqual([`Bearer ${SECRET.crm}`]);
  return outcome;
}

/** The case's path through the client of its service, whose requests never leave the service. */
async function throughClient(test: Case, path: string, params: object = {}, sent?: string): Promise<Outcome> {
  const { session, outcomeOf, internet } = await worldOf(test);
  const client = session.client<never>("crm") as unknown as Client;
  const outcome = await outcomeOf(() => client["GET"]?.(path, { params: { path: params } }));
  expect(internet.received.map(({ origin, url }) => origin + url)).toEqual(
    sent === undefined ? [] : [`https://crm.internal.example${sent}`],
  );
  return outcome;
}

/** Redirects and names as the case describes them: nothing is sent or dialled behind the first hop that is refused. */
async function asDescribed(test: Case): Promise<Outcome> {
  const { call, outcomeOf, internet } = await worldOf(test);
  const outcome = await outcomeOf(call);
  const own = new URL(test.request.url).origin;
  if (outcome === "deny") expect(internet.received.filter(({ origin }) => origin !== own)).toEqual([]);
  for (const answers of Object.values(test.env?.dns ?? {})) {
    for (const address of answers.flat()) if (address !== PUBLIC) expect(internet.dialled).not.toContain(address);
  }
  return outcome;
}

describe("the request cases that need a guard", () => {
  it("are all here", () => {
    expect(cases).toHaveLength(54);
    const generic = cases.filter(({ level, id }) => level === "transport" && !Object.hasOwn(scenarios, id));
    const known = new Set([...Object.keys(scenarios), ...generic.map(({ id }) => id)]);
    expect(cases.filter(({ id }) => !known.has(id))).toEqual([]);
  });

  it.for([...cases, ...hostile].map((test) => [test.id, test.description, test] as const))(
    "%s: %s",
    async ([, , test]) => {
      const outcome = await (scenarios[test.id] ?? asDescribed)(test);
      const accepted = new Set([test.expect, ...(test.accept_also ?? [])]);
      // What was left out of the call, or put in order, and then let through.
      expect([...accepted].map((word) => (word === "normalise" ? "allow" : word))).toContain(outcome);
    },
  );
});
