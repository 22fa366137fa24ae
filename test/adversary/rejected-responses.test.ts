import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type BrokerEvent,
  createTokenBroker,
  Secret,
  type TokenBroker,
  tokenExchange,
} from "../../src/broker/index.js";
import {
  ask,
  bearerOf,
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
} from "../broker/support.js";

/*
 * Rule: whatever an authorization server issued in a response that is not used is revoked, also a refresh token that came
 * along unasked. A token that nobody holds is a token that nobody watches.
 */

const REFRESH = "refresh-token-that-nobody-asked-for";
const good = { access_token: TOKEN, token_type: "Bearer", expires_in: 300 };
const idToken = [{ alg: "HS256" }, { iss: "x", aud: "y" }, "c2ln"]
  .map((part) => (typeof part === "string" ? part : Buffer.from(JSON.stringify(part)).toString("base64url")))
  .join(".");

let server: HostileServer;
let broker: TokenBroker;
let events: BrokerEvent[];

beforeEach(async () => {
  events = [];
  server = await startHostileServer();
  broker = createTokenBroker({
    providers: {
      crm: hostileProvider(server),
      exchange: tokenExchange({
        issuer: server.issuer,
        clientId: "crm-agent",
        authentication: { method: "client_secret_post", secret: "client-secret-of-the-exchange" },
        formats: ["opaque"],
        allowInsecure: true,
      }),
    },
    onEvent: (event) => void events.push(event),
    clock: impatientClock,
    random: () => 0,
  });
});
afterEach(async () => {
  await broker.close();
  await server.close();
});

const raw = (response: ServerResponse, status: number, type: string, body: string): void =>
  void response.writeHead(status, { "content-type": type }).end(body);
const revoked = (): string[] => server.revocations.map((form) => form.get("token") ?? "").sort();

describe("what was issued in a response that is not used", () => {
  const attacks: [string, (response: ServerResponse) => void, string[]][] = [
    ["an id_token that is not RS256", (r) => json(r, 200, { ...good, id_token: idToken }), [TOKEN]],
    ["an id_token that is none", (r) => json(r, 200, { ...good, id_token: "a.b.c" }), [TOKEN]],
    ["members that are null", (r) => json(r, 200, { ...good, scope: null, refresh_token: null }), [TOKEN]],
    ["token_type N_A", (r) => json(r, 200, { ...good, token_type: "N_A" }), [TOKEN]],
    ["no token_type", (r) => json(r, 200, { access_token: TOKEN }), [TOKEN]],
    ["text/html", (r) => raw(r, 200, "text/html", JSON.stringify(good)), [TOKEN]],
    ["text/plain", (r) => raw(r, 200, "text/plain", JSON.stringify(good)), [TOKEN]],
    ["no content type", (r) => void r.end(JSON.stringify(good)), [TOKEN]],
    ["status 201", (r) => json(r, 201, good), [TOKEN]],
    ["status 202", (r) => json(r, 202, good), [TOKEN]],
    ["status 400, with a token all the same", (r) => json(r, 400, { ...good, error: "invalid_request" }), [TOKEN]],
    ["an error beside the token", (r) => json(r, 200, { ...good, error: "invalid_grant" }), [TOKEN]],
    ["a list around it", (r) => json(r, 200, [good]), [TOKEN]],
    ["an object around it", (r) => json(r, 200, { data: good }), [TOKEN]],
    [
      "a form",
      (r) => raw(r, 200, "application/x-www-form-urlencoded", `access_token=${TOKEN}&token_type=bearer`),
      [TOKEN],
    ],
    ["broken JSON", (r) => raw(r, 200, "application/json", `${JSON.stringify(good).slice(0, -1)},`), [TOKEN]],
    ["expires_in NaN", (r) => raw(r, 200, "application/json", JSON.stringify(good).replace("300", "NaN")), [TOKEN]],
    [
      "two tokens of one name",
      (r) => raw(r, 200, "application/json", `{"access_token" : "first-token-of-two", "access_token":"${TOKEN}"}`),
      ["first-token-of-two", TOKEN],
    ],
    [
      "a token with escapes in it",
      (r) => raw(r, 200, "text/plain", `{"access_token":"\\u0073\\u0031\\/x-token","a":1}`),
      ["s1/x-token"],
    ],
    [
      "a line break in the token",
      (r) => json(r, 200, { ...good, access_token: `${TOKEN}\r\nx: 1` }),
      [`${TOKEN}\r\nx: 1`],
    ],
    ["a wider scope", (r) => json(r, 200, { ...good, scope: "notes:read admin" }), [TOKEN]],
    ["a lifetime that is none", (r) => json(r, 200, { ...good, expires_in: "60abc" }), [TOKEN]],
  ];

  it.each(attacks)("because of %s is revoked", async (_what, answer, tokens) => {
    server.answer = answer;
    const error = await broker.authorise(ask({ scopes: ["notes:read"] }), never).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "CredentialError" });
    await expect.poll(revoked).toEqual(tokens.toSorted());
    await expect.poll(() => typesOf(events).filter((type) => type === "revoked")).toHaveLength(tokens.length);
    for (const token of tokens) expect(occurrences(token, [error, events, broker])).toEqual([]);
    expect(broker.liveSecrets().filter((secret) => tokens.includes(secret))).toEqual([]);
  });

  it.each<[string, number, Record<string, unknown>]>([
    ["an id_token that is not RS256", 200, { id_token: idToken }],
    ["status 201", 201, {}],
    ["a wider scope", 200, { scope: "admin" }],
    ["a lifetime that is over", 200, { expires_in: 0 }],
  ])("because of %s is revoked with the refresh token that came along", async (_what, status, more) => {
    server.answer = (response) => json(response, status, { ...good, refresh_token: REFRESH, ...more });
    await expect(broker.authorise(ask({ scopes: ["notes:read"] }), never)).rejects.toMatchObject({
      name: "CredentialError",
    });
    await expect.poll(revoked).toEqual([REFRESH, TOKEN].toSorted());
    const hints = new Map(server.revocations.map((form) => [form.get("token"), form.get("token_type_hint")]));
    expect(hints.get(REFRESH)).toBe("refresh_token");
    expect(hints.get(TOKEN)).toBe("access_token");
  });

  it("by an exchange that gave something else is revoked", async () => {
    server.answer = (response) =>
      json(response, 200, { ...good, issued_token_type: "urn:ietf:params:oauth:token-type:id_token" });
    const subject = session({ subjectToken: new Secret("identity-token-of-ada") });
    await expect(broker.authorise(ask({ credential: "exchange", session: subject }), never)).rejects.toMatchObject({
      reason: "substituted",
    });
    await expect.poll(revoked).toEqual([TOKEN]);
  });

  it("and what was echoed of a request is not", async () => {
    server.answer = (response, _request, body) => json(response, 400, { error: "invalid_request", sent: String(body) });
    await broker.authorise(ask(), never).catch(() => undefined);
    await broker.close();
    expect(revoked()).toEqual([]);
  });
});

describe("a refresh token that came with a credential", () => {
  it("is revoked with it when the session ends, and is used for nothing", async () => {
    server.answer = (response) => json(response, 200, { ...good, refresh_token: REFRESH });
    const credential = await broker.authorise(ask({ audience: CRM_API }), never);
    expect(await bearerOf(credential)).toBe(TOKEN);
    expect(revoked()).toEqual([]);
    await broker.closeSession("session-1");
    expect(revoked()).toEqual([REFRESH, TOKEN].toSorted());
    expect(occurrences(REFRESH, [broker, credential, events])).toEqual([]);
    expect(String(server.requests)).not.toContain(REFRESH);
  });

  it("is revoked after it has expired by itself", async () => {
    let elapsed = 0;
    const mine = createTokenBroker({
      providers: { crm: hostileProvider(server) },
      clock: { ...impatientClock, monotonic: () => elapsed },
    });
    server.answer = (response) => json(response, 200, { ...good, refresh_token: REFRESH });
    await mine.authorise(ask(), never);
    elapsed = 3_600_000;
    mine.knownSecrets();
    await expect.poll(revoked).toEqual([REFRESH, TOKEN].toSorted());
    await mine.close();
    expect(revoked()).toHaveLength(2);
  });
});
