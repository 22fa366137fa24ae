import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type BrokerEvent,
  createTokenBroker,
  Secret,
  type TokenBroker,
  type TokenExchangeOptions,
  tokenExchange,
} from "../../src/broker/index.js";
import {
  ask,
  bearerOf,
  CLIENT_SECRET,
  CRM_API,
  type HostileServer,
  impatientClock,
  json,
  never,
  occurrences,
  session,
  startHostileServer,
  TOKEN,
} from "./support.js";

const SUBJECT = "subject-token-of-alice-that-is-opaque";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
let server: HostileServer;
let events: BrokerEvent[];
let broker: TokenBroker;

const brokerFor = (change: Partial<TokenExchangeOptions> = {}): TokenBroker =>
  createTokenBroker({
    clock: impatientClock,
    onEvent: (event) => void events.push(event),
    providers: {
      crm: tokenExchange({
        issuer: server.issuer,
        clientId: "crm-agent",
        authentication: { method: "client_secret_basic", secret: CLIENT_SECRET },
        formats: ["opaque"],
        allowInsecure: true,
        ...change,
      }),
    },
  });
const alice = session({ subjectToken: new Secret(SUBJECT) });
const good = { access_token: TOKEN, token_type: "Bearer", expires_in: 300, issued_token_type: ACCESS_TOKEN };

beforeEach(async () => {
  events = [];
  server = await startHostileServer();
  server.answer = (response) => json(response, 200, good);
  broker = brokerFor();
});
afterEach(async () => {
  await broker.close();
  await server.close();
});

describe("what is sent", () => {
  test("is the user's token as subject, the audience as resource, and an access token is asked for", async () => {
    await broker.authorise(ask({ session: alice, audience: CRM_API, scopes: ["b", "a"] }), never);
    expect(Object.fromEntries(server.requests[0] ?? [])).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: SUBJECT,
      subject_token_type: ACCESS_TOKEN,
      requested_token_type: ACCESS_TOKEN,
      resource: CRM_API,
      scope: "a b",
    });
  });

  test("a plain name goes into audience, and the option can move a URI there", async () => {
    await broker.authorise(ask({ session: alice, audience: "crm" }), never);
    const auth0 = brokerFor({ audienceParameter: "audience", audience: CRM_API });
    await auth0.authorise(ask({ session: alice }), never);
    expect(server.requests.map((form) => [form.get("audience"), form.get("resource")])).toEqual([
      ["crm", null],
      [CRM_API, null],
    ]);
  });

  test("14: an actor token is read from its source at each exchange", async () => {
    let reads = 0;
    broker = brokerFor({ actor: () => `actor-token-${++reads}` });
    (await broker.authorise(ask({ session: alice }), never)).invalidate();
    await broker.authorise(ask({ session: alice }), never);
    expect(server.requests.map((form) => form.get("actor_token"))).toEqual(["actor-token-1", "actor-token-2"]);
    expect(server.requests[0]?.get("actor_token_type")).toBe("urn:ietf:params:oauth:token-type:jwt");
  });
});

describe("scenario 8: what comes back is an access token or nothing", () => {
  test.each<[string, Record<string, unknown>]>([
    ["no issued_token_type", { issued_token_type: undefined }],
    ["an ID token", { issued_token_type: "urn:ietf:params:oauth:token-type:id_token" }],
    [
      "an ID token that is not for use as bearer",
      { issued_token_type: "urn:ietf:params:oauth:token-type:id_token", token_type: "N_A" },
    ],
    ["a refresh token", { issued_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }],
    ["an access token that is not for use as bearer", { token_type: "N_A" }],
  ])("8: %s is refused and revoked", async (_what, change) => {
    server.answer = (response) => json(response, 200, { ...good, ...change });
    await expect(broker.authorise(ask({ session: alice }), never)).rejects.toMatchObject({ reason: "substituted" });
    await expect.poll(() => server.revocations.map((form) => form.get("token"))).toEqual([TOKEN]);
  });

  test("8: an access token is accepted", async () => {
    expect(await bearerOf(await broker.authorise(ask({ session: alice }), never))).toBe(TOKEN);
  });
});

test("41: an echoed subject token is in no error and no event", async () => {
  server.answer = (response, request, body) =>
    json(response, 400, {
      error: "invalid_grant",
      error_description: `bad ${body.get("subject_token")} ${request.headers.authorization}`,
    });
  const error: unknown = await broker.authorise(ask({ session: alice }), never).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ reason: "subject_rejected" });
  for (const secret of [SUBJECT, CLIENT_SECRET])
    expect(occurrences(secret, [error, events, broker, alice])).toEqual([]);
  expect(events).toContainEqual(expect.objectContaining({ type: "refused", detail: expect.stringMatching(/^bad …/) }));
  expect([...broker.liveSecrets()]).toContain(SUBJECT);
});

test("16: the token is used no longer than the identity token lasts, whatever the server says", async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const jwt = `${part({ alg: "ES256" })}.${part({ sub: "alice", exp: Math.floor(Date.now() / 1000) + 60 })}.c2ln`;
  const brief = session({ subjectToken: new Secret(jwt) });
  const { ttlMs } = (await broker.authorise(ask({ session: brief }), never)).facts;
  expect(ttlMs).toBeGreaterThan(0);
  expect(ttlMs).toBeLessThanOrEqual(60_000);
});
