import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  type BrokerEvent,
  type CredentialProvider,
  createTokenBroker,
  type IssuedCredential,
  Secret,
  type TokenBroker,
} from "../../src/broker/index.js";
import { ALLOWED_SKEW_MS, statedLifetimeMs } from "../../src/broker/lifetime.js";
import {
  ask,
  bearerOf,
  CRM_API,
  type HostileServer,
  hostileProvider,
  json,
  never,
  startHostileServer,
  typesOf,
} from "../broker/support.js";

/*
 * Rule: a token that is over when it arrives is refused and revoked, whatever else the response says; and no provider's word
 * makes one live for ever.
 */

let server: HostileServer;
let broker: TokenBroker;
let events: BrokerEvent[];
const now = (): number => Math.floor(Date.now() / 1000);

beforeEach(async () => {
  events = [];
  server = await startHostileServer();
  broker = createTokenBroker({
    providers: { crm: hostileProvider(server) },
    onEvent: (event) => void events.push(event),
    random: () => 0,
  });
});
afterEach(async () => {
  await broker.close();
  await server.close();
});

const jwt = (claims: Record<string, unknown>): string =>
  [
    { alg: "ES256", typ: "at+jwt" },
    { iss: server.issuer, aud: CRM_API, client_id: "crm-agent", ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .concat("c2lnbmF0dXJl")
    .join(".");

const opaque = { access_token: "an-opaque-access-token", token_type: "Bearer" };

describe("a token that is over when it arrives", () => {
  const attacks: [string, () => Record<string, unknown>][] = [
    ["expires_in of 0", () => ({ ...opaque, expires_in: 0 })],
    ["expires_in of 0 in a text", () => ({ ...opaque, expires_in: "0" })],
    ["expires_in of -0", () => ({ ...opaque, expires_in: "-0" })],
    ["a negative expires_in", () => ({ ...opaque, expires_in: -3600 })],
    ["a negative expires_in in a text", () => ({ ...opaque, expires_in: "-1" })],
    ["a fraction below nothing", () => ({ ...opaque, expires_in: -0.5 })],
    ["an exp of an hour ago", () => ({ ...opaque, access_token: jwt({ exp: now() - 3600 }) })],
    [
      "an exp of an hour ago, and expires_in of an hour",
      () => ({ ...opaque, expires_in: 3600, access_token: jwt({ exp: now() - 3600 }) }),
    ],
    [
      "an exp of an hour ago, an iat before that, and expires_in",
      () => ({ ...opaque, expires_in: 300, access_token: jwt({ iat: now() - 7200, exp: now() - 3600 }) }),
    ],
    [
      "an exp of ten seconds ago",
      () => ({ ...opaque, expires_in: 300, access_token: jwt({ iat: now() - 310, exp: now() - 10 }) }),
    ],
    ["an exp of 0", () => ({ ...opaque, expires_in: 300, access_token: jwt({ exp: 0 }) })],
    ["a negative exp", () => ({ ...opaque, expires_in: 300, access_token: jwt({ exp: -1 }) })],
    [
      "an exp in the past, and an iat in the future",
      () => ({ ...opaque, expires_in: 300, access_token: jwt({ iat: now() + 600, exp: now() - 60 }) }),
    ],
  ];

  it.each(attacks)("by %s is refused and revoked", async (_what, answer) => {
    const body = answer();
    server.answer = (response) => json(response, 200, body);
    await expect(broker.authorise(ask({ audience: CRM_API }), never)).rejects.toMatchObject({
      code: "CREDENTIAL_UNAVAILABLE",
      reason: "malformed",
    });
    await expect.poll(() => server.revocations.map((form) => form.get("token"))).toEqual([body["access_token"]]);
    await expect.poll(() => typesOf(events)).toContain("revoked");
  });

  it("is refused by the clock of the server, where that is known to be another one", () => {
    const exp = 1_700_000_000;
    expect(statedLifetimeMs({ expiresIn: 300, iat: exp - 60, exp }, 900_000, exp * 1000 + ALLOWED_SKEW_MS)).toBe(
      "over",
    );
    expect(statedLifetimeMs({ expiresIn: 300, iat: exp - 60, exp }, 900_000, exp * 1000 + ALLOWED_SKEW_MS - 1)).toBe(
      60_000,
    );
  });
});

describe("a token that lives", () => {
  it.each<[string, () => Record<string, unknown>]>([
    ["for a second", () => ({ ...opaque, expires_in: 1 })],
    ["for less than a second", () => ({ ...opaque, expires_in: 0.5 })],
    ["by its exp", () => ({ ...opaque, access_token: jwt({ exp: now() + 60 }) })],
    [
      "by an issuer whose clock is two seconds behind",
      () => ({ ...opaque, expires_in: 60, access_token: jwt({ iat: now() - 62, exp: now() - 2 }) }),
    ],
    ["and has an exp that is no number", () => ({ ...opaque, expires_in: 60, access_token: jwt({ exp: "soon" }) })],
  ])("%s is used", async (_what, answer) => {
    const body = answer();
    server.answer = (response) => json(response, 200, body);
    const credential = await broker.authorise(ask({ audience: CRM_API }), never);
    expect(await bearerOf(credential)).toBe(body["access_token"]);
    expect(server.revocations).toEqual([]);
  });
});

describe("the lifetime that a provider of somebody else states", () => {
  const provider = (lifetimeMs: unknown): CredentialProvider & { issued: number } => {
    const counting = {
      issued: 0,
      issue: async (): Promise<IssuedCredential> => ({
        secret: new Secret(`token-${++counting.issued}`),
        placement: { in: "header", name: "authorization", prefix: "Bearer " },
        scope: [],
        unscoped: true,
        lifetimeMs: lifetimeMs as number,
        revocable: false,
      }),
    };
    return counting;
  };
  const world = (lifetimeMs: unknown) => {
    const one = provider(lifetimeMs);
    const mine = createTokenBroker({ providers: { crm: one } });
    onTestFinished(() => mine.close());
    return { one, mine };
  };

  it.each([
    ["infinite", Number.POSITIVE_INFINITY],
    ["negative", -1],
    ["negative and infinite", Number.NEGATIVE_INFINITY],
    ["not a number", Number.NaN],
    ["nothing", 0],
    ["missing", undefined],
    ["a text", "3600000"],
  ])("and is %s makes it good for one use", async (_what, lifetimeMs) => {
    const { one, mine } = world(lifetimeMs);
    const credential = await mine.authorise(ask(), never);
    expect(credential.facts.ttlMs).toBe(0);
    expect(await bearerOf(credential)).toBe("token-1");
    await expect(bearerOf(credential)).rejects.toThrow(/expired/);
    expect(await bearerOf(await mine.authorise(ask(), never))).toBe("token-2");
    expect(one.issued).toBe(2);
  });

  it("and is one lasts so long, for every call", async () => {
    const { one, mine } = world(60_000);
    const credential = await mine.authorise(ask(), never);
    expect(credential.facts.ttlMs).toBe(60_000);
    expect([await bearerOf(credential), await bearerOf(credential)]).toEqual(["token-1", "token-1"]);
    expect(await bearerOf(await mine.authorise(ask(), never))).toBe("token-1");
    expect(one.issued).toBe(1);
  });
});
