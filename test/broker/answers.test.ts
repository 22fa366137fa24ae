import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BrokerEvent, createTokenBroker, type TokenBroker } from "../../src/broker/index.js";
import {
  ask,
  bearerOf,
  CLIENT_SECRET,
  CRM_API,
  type HostileServer,
  hostileProvider,
  impatientClock,
  json,
  never,
  occurrences,
  session,
  startHostileServer,
  TOKEN,
  typesOf,
} from "./support.js";

let server: HostileServer;
let broker: TokenBroker;
let events: BrokerEvent[];

const brokerFor = (change: Parameters<typeof hostileProvider>[1] = {}): TokenBroker =>
  createTokenBroker({
    providers: { crm: hostileProvider(server, change) },
    onEvent: (event) => void events.push(event),
    clock: impatientClock,
    random: () => 0,
    issueDeadlineMs: 25_000,
  });

beforeEach(async () => {
  events = [];
  server = await startHostileServer();
  broker = brokerFor();
});
afterEach(async () => {
  await broker.close();
  await server.close();
});

const good = { access_token: TOKEN, token_type: "Bearer", expires_in: 300 };
const raw = (response: ServerResponse, status: number, type: string, body: string): void =>
  void response.writeHead(status, { "content-type": type }).end(body);

/** An unsigned JWT: the broker compares claims, the service verifies signatures. */
const jwt = (claims: Record<string, unknown>, header: Record<string, unknown> = { typ: "at+jwt" }): string =>
  [
    { alg: "ES256", ...header },
    { iss: server.issuer, aud: CRM_API, client_id: "crm-agent", ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .concat("c2lnbmF0dXJl")
    .join(".");

const failureOf = async (change: Parameters<typeof ask>[0] = {}): Promise<Error & { code: string; reason: string }> => {
  const error: unknown = await broker.authorise(ask(change), never).then(
    () => new Error("a credential was issued"),
    (reason: unknown) => reason,
  );
  return error as Error & { code: string; reason: string };
};

/** No secret of the exchange is in the error, the events or anything else an agent or a log could get. */
const expectNothingLeaked = (error: unknown): void => {
  const reachable = [
    error,
    events,
    broker,
    inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
    (error as Error).stack,
  ];
  for (const secret of [TOKEN, CLIENT_SECRET]) expect(occurrences(secret, reachable)).toEqual([]);
};

describe("scenario 38: answers that are none", () => {
  const matrix: [string, (response: ServerResponse) => void][] = [
    ["html", (response) => raw(response, 200, "text/html", `<html>${TOKEN}</html>`)],
    ["truncated JSON", (response) => raw(response, 200, "application/json", JSON.stringify(good).slice(0, -1))],
    ["an array", (response) => json(response, 200, [good])],
    ["JSON as text/plain", (response) => raw(response, 200, "text/plain", JSON.stringify(good))],
    ["JSON without a media type", (response) => void response.end(JSON.stringify(good))],
    ["no access_token", (response) => json(response, 200, { token_type: "Bearer", note: TOKEN })],
    ["an access_token that is a number", (response) => json(response, 200, { ...good, access_token: 1 })],
    ["no token_type", (response) => json(response, 200, { access_token: TOKEN, expires_in: 1 })],
    [
      "a redirect",
      (response) => void response.writeHead(302, { location: `${server.issuer}/elsewhere?${TOKEN}` }).end(),
    ],
    ["an empty 200", (response) => raw(response, 200, "application/json", "")],
    ["a 204", (response) => void response.writeHead(204).end()],
    ["an unexplained 500", (response) => raw(response, 500, "text/html", TOKEN)],
    ["an error in a 200", (response) => json(response, 200, { error: "invalid_grant", error_description: TOKEN })],
    [
      "duplicate keys",
      (response) =>
        raw(response, 200, "application/json", `{"access_token":"a","access_token":"${TOKEN}","token_type":"Bearer"}`),
    ],
    [
      "keys that differ in case only",
      (response) =>
        raw(response, 200, "application/json", `{"Access_Token":"a","access_token":"${TOKEN}","token_type":"Bearer"}`),
    ],
    ["token_type mac", (response) => json(response, 200, { ...good, token_type: "mac" })],
    ["token_type N_A", (response) => json(response, 200, { ...good, token_type: "N_A" })],
    ["token_type DPoP that nobody asked for", (response) => json(response, 200, { ...good, token_type: "DPoP" })],
    ["a negative expires_in", (response) => json(response, 200, { ...good, expires_in: -1 })],
    ["expires_in null", (response) => json(response, 200, { ...good, expires_in: null })],
    ["expires_in 60abc", (response) => json(response, 200, { ...good, expires_in: "60abc" })],
    [
      "expires_in NaN",
      (response) => raw(response, 200, "application/json", JSON.stringify(good).replace("300", "NaN")),
    ],
    [
      "a line break in the token",
      (response) => json(response, 200, { ...good, access_token: `${TOKEN}\r\nx-injected: 1` }),
    ],
    ["a token with a space", (response) => json(response, 200, { ...good, access_token: `${TOKEN} x` })],
    ["a token of 20,000 characters", (response) => json(response, 200, { ...good, access_token: TOKEN.repeat(500) })],
    ["a reset before the body", (response) => void response.socket?.destroy()],
    [
      "a reset in the middle of the body",
      (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
        response.write(JSON.stringify(good), () => response.socket?.destroy());
      },
    ],
    ["silence", () => {}],
    [
      "a slow drip",
      (response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const drip = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(drip));
      },
    ],
  ];

  test.each(matrix)("38: %s is a typed error, leaks nothing and is not kept", async (what, answer) => {
    const hangs = what === "silence" || what === "a slow drip";
    if (hangs) broker = brokerFor({ timeoutMs: 150 });
    server.answer = answer;
    const error = await failureOf();
    expect(error).toMatchObject({
      name: "CredentialError",
      code: expect.stringMatching(/^CREDENTIAL_(REFUSED|UNAVAILABLE)$/),
    });
    expectNothingLeaked(error);
    // What it issued is searched for until it is revoked.
    await expect.poll(() => broker.liveSecrets().filter((secret) => secret !== CLIENT_SECRET)).toEqual([]);
    if (hangs) return;
    server.answer = (response) => json(response, 200, { ...good, access_token: "good-token" });
    // Another session is not touched by what went wrong for this one.
    expect(await bearerOf(await broker.authorise(ask({ session: session({ id: "other" }) }), never))).toBe(
      "good-token",
    );
  });

  test("38: an endless answer is cut off after 256 KiB, and its socket with it", async () => {
    let written = 0;
    let closed: Promise<unknown> = Promise.resolve();
    server.answer = (response) => {
      closed = once(response, "close");
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && written < 64 * 1024 * 1024) {
          written += 64 * 1024;
          if (!response.write(" ".repeat(64 * 1024))) return void response.once("drain", more);
        }
      };
      more();
    };
    expect(await failureOf()).toMatchObject({ reason: "malformed" });
    await closed;
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  test("38: nobody listening is a typed error", async () => {
    await server.close();
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_UNAVAILABLE", reason: "unreachable" });
  });
});

describe("scenarios 4, 5, 8 and 9: answers that are something else than was asked for", () => {
  const substitutes: [string, () => Record<string, unknown>, string][] = [
    ["4: a wider scope", () => ({ ...good, scope: "notes:read admin" }), "widened"],
    [
      "4: a JWT whose own scope is wider",
      () => ({ ...good, access_token: jwt({ scope: "notes:read admin" }) }),
      "widened",
    ],
    ["4: a JWT with wider scp", () => ({ ...good, access_token: jwt({ scp: ["notes:read", "admin"] }) }), "widened"],
    [
      "9: a JWT for another audience",
      () => ({ ...good, access_token: jwt({ aud: "https://other.example" }) }),
      "substituted",
    ],
    [
      "9: a JWT for another audience too",
      () => ({ ...good, access_token: jwt({ aud: [CRM_API, "https://other.example"] }) }),
      "substituted",
    ],
    ["9: a JWT without audience", () => ({ ...good, access_token: jwt({ aud: undefined }) }), "substituted"],
    [
      "9: a JWT of another issuer",
      () => ({ ...good, access_token: jwt({ iss: "https://evil.example" }) }),
      "substituted",
    ],
    ["9: a JWT of another client", () => ({ ...good, access_token: jwt({ client_id: "other" }) }), "substituted"],
    ["9: a JWT of another authorised party", () => ({ ...good, access_token: jwt({ azp: "other" }) }), "substituted"],
    ["10: an ID token", () => ({ ...good, access_token: jwt({}, { typ: "JWT" }) }), "substituted"],
    [
      "10: a JWT of a type that is no token",
      () => ({ ...good, access_token: jwt({}, { typ: "logout+jwt" }) }),
      "substituted",
    ],
    ["11: other authorization details", () => ({ ...good, authorization_details: [{ type: "all" }] }), "widened"],
  ];

  test.each(substitutes)("%s is refused and revoked", async (_what, answer, reason) => {
    const body = answer();
    server.answer = (response) => json(response, 200, body);
    const authorizationDetails = [{ type: "one" }];
    const error = await failureOf({ audience: CRM_API, scopes: ["notes:read"], authorizationDetails });
    expect(error).toMatchObject({ code: "CREDENTIAL_REFUSED", reason });
    await expect.poll(() => server.revocations.map((form) => form.get("token"))).toEqual([body["access_token"]]);
    await expect.poll(() => typesOf(events)).toContain("revoked");
    expect(occurrences(String(body["access_token"]), [error, events, broker])).toEqual([]);
  });

  test("5: without a scope in the answer it is what was asked; of two statements the stricter holds", async () => {
    server.answer = (response) => json(response, 200, good);
    const asked = { audience: CRM_API, scopes: ["a", "b"] };
    expect((await broker.authorise(ask(asked), never)).facts.scope).toEqual(["a", "b"]);
    server.answer = (response) => json(response, 200, { ...good, scope: "a b", access_token: jwt({ scope: "a" }) });
    const stricter = await broker.authorise(
      ask({ ...asked, optionalScopes: ["b"], session: session({ id: "2" }) }),
      never,
    );
    expect(stricter.facts.scope).toEqual(["a"]);
  });
});

describe("scenario 15: lifetimes", () => {
  test.each<[string, unknown, number]>([
    ["an hour is capped", 3600, 900_000],
    ["thirty thousand years are capped", 1e12, 900_000],
    ["digits in a string are a number", "60", 60_000],
    ["none is a minute", undefined, 60_000],
  ])("15: %s", async (_what, expiresIn, ttlMs) => {
    server.answer = (response) => json(response, 200, { ...good, expires_in: expiresIn });
    expect((await broker.authorise(ask(), never)).facts.ttlMs).toBe(ttlMs);
  });

  test("15: without expires_in a JWT's own end counts", async () => {
    const iat = Math.floor(Date.now() / 1000);
    server.answer = (response) =>
      json(response, 200, { ...good, expires_in: undefined, access_token: jwt({ iat, exp: iat + 120 }) });
    const { ttlMs } = (await broker.authorise(ask({ audience: CRM_API }), never)).facts;
    expect(ttlMs).toBeGreaterThan(110_000);
    expect(ttlMs).toBeLessThanOrEqual(120_000);
  });

  test("15: the option maxLifetimeMs caps below the server's word", async () => {
    broker = brokerFor({ maxLifetimeMs: 30_000 });
    server.answer = (response) => json(response, 200, good);
    expect((await broker.authorise(ask(), never)).facts.ttlMs).toBe(30_000);
  });
});

describe("scenarios 39 and 40: what is asked again, and what is not", () => {
  test.each<[number, string, string]>([
    [401, "invalid_client", "client_rejected"],
    [400, "invalid_grant", "subject_rejected"],
    [400, "unauthorized_client", "client_rejected"],
    [403, "access_denied", "denied"],
    [400, "invalid_scope", "denied"],
    [418, "something_new", "denied"],
  ])("39: %i %s is final and is remembered", async (status, error, reason) => {
    server.answer = (response) => json(response, status, { error }, { "www-authenticate": 'Basic realm="x"' });
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_REFUSED", reason });
    server.answer = (response) => json(response, 429, {}, { "retry-after": "0" });
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_REFUSED", reason });
    expect(server.requests).toHaveLength(1);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["429", (response) => json(response, 429, {}, { "retry-after": "0" })],
    ["502", (response) => raw(response, 502, "text/html", "bad gateway")],
    ["503 with a date", (response) => json(response, 503, {}, { "retry-after": new Date(0).toUTCString() })],
    ["504", (response) => json(response, 504, {})],
    ["temporarily_unavailable", (response) => json(response, 400, { error: "temporarily_unavailable" })],
    ["a connection that breaks", (response) => void response.socket?.destroy()],
  ])("39: %s is asked again, and the next good answer is used", async (_what, answer) => {
    server.answer = (response) => {
      if (server.requests.length < 3) answer(response);
      else json(response, 200, good);
    };
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe(TOKEN);
    expect(server.requests).toHaveLength(3);
  });

  test("39: it is asked four times at most", async () => {
    server.answer = (response) => json(response, 503, {});
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_UNAVAILABLE", reason: "throttled" });
    expect(server.requests).toHaveLength(4);
  });

  test("39: a pause longer than the deadline is not waited for but told", async () => {
    server.answer = (response) => json(response, 503, {}, { "retry-after": "60" });
    expect(await failureOf()).toMatchObject({ reason: "throttled", retryAfterMs: 60_000 });
    expect(server.requests).toHaveLength(1);
  });
});

test("40: a 429 around invalid_grant is still a refusal, final and remembered", async () => {
  server.answer = (response) => json(response, 429, { error: "invalid_grant" }, { "retry-after": "1" });
  expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_REFUSED", reason: "subject_rejected" });
  server.answer = (response) => json(response, 429, {}, { "retry-after": "0" });
  expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_REFUSED", reason: "subject_rejected" });
  expect(server.requests).toHaveLength(1);
});

describe("scenarios 41 and 42: what an error says", () => {
  const ATTACK = `\r\n{"level":"info","msg":"approved"}\u001b[2J ${TOKEN} ${CLIENT_SECRET} `;

  test("41: an echoed secret is nowhere, and nothing the server wrote is in the error", async () => {
    server.answer = (response, _request, body) => {
      json(response, 400, {
        error: "invalid_request",
        error_description: `${ATTACK}${body.get("client_secret")} ${"x ".repeat(5_000)}`,
        error_uri: TOKEN,
      });
    };
    const error = await failureOf();
    expectNothingLeaked(error);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("approved");
    const refused = events.find(({ type }) => type === "refused") as { detail?: string };
    expect(refused.detail).toMatch(/^[\x20-\x7e…]{1,200}$/);
    expect(JSON.stringify(refused).split("\n")).toHaveLength(1);
  });

  test("42: an invented error code is not repeated", async () => {
    server.answer = (response) => json(response, 400, { error: ATTACK });
    const error = await failureOf();
    expect(error.message).not.toMatch(/approved|level/);
    expectNothingLeaked(error);
  });

  test("41: a good token is in no object but the header it is put in", async () => {
    server.answer = (response) => json(response, 200, good);
    const credential = await broker.authorise(ask(), never);
    credential.invalidate();
    server.answer = (response) => json(response, 200, { ...good, access_token: `${TOKEN}\n` });
    const error = await failureOf();
    expect(occurrences(TOKEN, [credential, error, events, broker])).toEqual([]);
    expect([...broker.liveSecrets()]).toEqual(expect.arrayContaining([TOKEN, CLIENT_SECRET]));
  });
});

describe("scenarios 64 to 66 and 68: metadata", () => {
  test.each<[string, () => Record<string, unknown>]>([
    ["64: another issuer", () => ({ issuer: "https://login.example" })],
    ["64: the issuer with a slash", () => ({ issuer: `${server.issuer}/` })],
    ["64: another tenant", () => ({ issuer: `${server.issuer}/tenant` })],
    ["64: a template", () => ({ issuer: `${server.issuer}/{tenantid}` })],
    ["65: a token endpoint elsewhere", () => ({ token_endpoint: "https://evil.example/token" })],
    ["65: a token endpoint on another port", () => ({ token_endpoint: "http://127.0.0.1:9/token" })],
    [
      "65: a token endpoint in the cloud's metadata service",
      () => ({ token_endpoint: "http://169.254.169.254/latest" }),
    ],
    ["65: a mapped address", () => ({ token_endpoint: "http://[::ffff:169.254.169.254]/token" })],
    ["65: a file", () => ({ token_endpoint: "file:///etc/passwd" })],
    ["65: a user name", () => ({ token_endpoint: server.issuer.replace("//", "//user@") })],
    ["65: a fragment", () => ({ token_endpoint: `${server.issuer}/token#` })],
    ["68: no token endpoint", () => ({ token_endpoint: undefined })],
    ["68: a token endpoint that is a list", () => ({ token_endpoint: [`${server.issuer}/token`] })],
  ])("%s is refused, and no secret is sent anywhere", async (_what, change) => {
    server.metadata = { ...server.metadata, ...change() };
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_REFUSED", reason: "misconfigured" });
    expect(server.requests).toHaveLength(0);
  });

  test("65: an endpoint elsewhere is used where its origin is listed", async () => {
    const other = await startHostileServer();
    other.answer = (response) => json(response, 200, good);
    server.metadata = { ...server.metadata, token_endpoint: `${other.issuer}/token` };
    broker = brokerFor({ endpointOrigins: [other.issuer] });
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe(TOKEN);
    await broker.close();
    await other.close();
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["a redirect", (response) => void response.writeHead(302, { location: "/elsewhere" }).end()],
    ["a 500", (response) => json(response, 500, {})],
    ["a megabyte", (response) => json(response, 200, { x: "x".repeat(1024 * 1024) })],
    ["an array", (response) => json(response, 200, [])],
    ["silence", () => {}],
  ])("68: %s instead of metadata is no invitation to guess", async (what, answer) => {
    const paths: string[] = [];
    if (what === "silence") broker = brokerFor({ timeoutMs: 150 });
    server.metadataAnswer = (response, request) => {
      paths.push(String(request.url));
      answer(response);
    };
    expect(await failureOf()).toMatchObject({ code: "CREDENTIAL_UNAVAILABLE", reason: "unreachable" });
    expect(new Set(paths)).toEqual(new Set(["/.well-known/openid-configuration"]));
    expect(server.requests).toHaveLength(0);
  });

  test("68: a 404 on the one well-known form leads to the other", async () => {
    server.metadataAnswer = (response, request) =>
      request.url === "/.well-known/oauth-authorization-server"
        ? json(response, 200, server.metadata)
        : json(response, 404, {});
    server.answer = (response) => json(response, 200, good);
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe(TOKEN);
  });
});

describe("scenario 70: revocation", () => {
  test("70: a 503 is tried again within the deadline", async () => {
    server.answer = (response) => json(response, 200, good);
    await broker.authorise(ask(), never);
    server.revocationAnswer = (response) => {
      if (server.revocations.length < 2) json(response, 503, {}, { "retry-after": "0" });
      else response.writeHead(204).end();
    };
    await broker.closeSession("session-1");
    expect(server.revocations).toHaveLength(2);
    expect(typesOf(events)).toEqual(["issued", "revoked"]);
  });

  test("70: what cannot be revoked in time is recorded with its fingerprint and end", async () => {
    server.answer = (response) => json(response, 200, good);
    const { facts } = await broker.authorise(ask(), never);
    server.revocationAnswer = (response) => json(response, 503, {}, { "retry-after": "60" });
    await broker.closeSession("session-1", { deadlineMs: 3_000 });
    expect(events.at(-1)).toMatchObject({ type: "revocation_failed", kid: facts.kid, expiresAt: facts.expiresAt });
    expect([...broker.liveSecrets()]).toContain(TOKEN);
  });

  test("70: without a revocation endpoint the record says not revocable", async () => {
    server.metadata = { ...server.metadata, revocation_endpoint: undefined };
    server.answer = (response) => json(response, 200, good);
    await broker.authorise(ask(), never);
    await broker.closeSession("session-1");
    expect(typesOf(events)).toEqual(["issued", "not_revocable"]);
  });

  test("69: the session's end does not leave a socket to the server open for a request under way", async () => {
    let gone: Promise<unknown> = Promise.resolve();
    const arrived = new Promise<void>((resolve) => {
      server.answer = (response) => {
        gone = once(response, "close");
        resolve();
      };
    });
    const call = failureOf();
    await arrived;
    await broker.closeSession("session-1");
    expect(await call).toMatchObject({ code: "SESSION_CLOSED" });
    await gone;
  });
});
