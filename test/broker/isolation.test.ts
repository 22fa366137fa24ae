import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { decodeJwt, exportJWK, generateKeyPair, type JWK } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  type BrokerEvent,
  clientCredentials,
  createTokenBroker,
  type TokenBroker,
  tokenExchange,
} from "../../src/broker/index.js";
import { oidcIdentity } from "../../src/identity/index.js";
import { startBuilt } from "../support/built-child.js";
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
  readyProvider,
  session,
  startHostileServer,
  TOKEN,
} from "./support.js";

let a: HostileServer;
let b: HostileServer;
let key: JWK;
const brokers: TokenBroker[] = [];

beforeAll(async () => {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  key = { ...(await exportJWK(privateKey)), alg: "ES256", kid: "k1" };
});
beforeEach(async () => {
  a = await startHostileServer();
  b = await startHostileServer();
  for (const server of [a, b]) server.answer = (response) => json(response, 200, good);
});
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  await Promise.all([a.close(), b.close()]);
});

const good = { access_token: TOKEN, token_type: "Bearer", expires_in: 300 };
const broker = (providers: Parameters<typeof createTokenBroker>[0]["providers"], events: BrokerEvent[] = []) => {
  const made = createTokenBroker({
    providers,
    clock: impatientClock,
    random: () => 0,
    onEvent: (event) => void events.push(event),
  });
  brokers.push(made);
  return made;
};
const signing = (server: HostileServer, change: object = {}) =>
  clientCredentials({
    issuer: server.issuer,
    clientId: "crm-agent",
    authentication: { method: "private_key_jwt", key },
    formats: ["opaque"],
    allowInsecure: true,
    ...change,
  });
const assertionOf = (form: URLSearchParams | undefined) => decodeJwt(form?.get("client_assertion") ?? "");

describe("a server whose clock is off", () => {
  const refusingUntil = (skewSeconds: number | null) => {
    a.answer = (response, _request, body) => {
      const iat = assertionOf(body).iat ?? 0;
      const theirs = Math.floor(Date.now() / 1000) + (skewSeconds ?? 0);
      if (skewSeconds === null) response.sendDate = false;
      else response.setHeader("date", new Date(theirs * 1000).toUTCString());
      if (skewSeconds !== null && Math.abs(iat - theirs) < 5) json(response, 200, good);
      else json(response, 401, { error: "invalid_client" });
    };
  };

  test.each([240, -240])(
    "33: by %i s: one retry with what its Date header says, and the next request at once",
    async (skew) => {
      refusingUntil(skew);
      const mine = broker({ crm: signing(a), other: signing(b) });
      expect(await bearerOf(await mine.authorise(ask(), never))).toBe(TOKEN);
      expect(a.requests).toHaveLength(2);
      const [first, second] = a.requests.map(assertionOf);
      expect(second!.iat! - first!.iat!).toBeCloseTo(skew, -1);
      expect(second?.jti).not.toBe(first?.jti);
      await mine.authorise(ask({ session: session({ id: "later" }) }), never);
      expect(a.requests).toHaveLength(3);
      // What one server says about the time is not told another.
      await mine.authorise(ask({ credential: "other" }), never);
      expect(Math.abs(assertionOf(b.requests[0]).iat! - Date.now() / 1000)).toBeLessThan(10);
    },
  );

  test.each([600, -600])("33: by %i s: too far, and not followed", async (skew) => {
    refusingUntil(skew);
    await expect(broker({ crm: signing(a) }).authorise(ask(), never)).rejects.toMatchObject({
      reason: "client_rejected",
    });
    expect(a.requests).toHaveLength(1);
  });

  test("33: without a Date header it is an error", async () => {
    refusingUntil(null);
    await expect(broker({ crm: signing(a) }).authorise(ask(), never)).rejects.toMatchObject({
      reason: "client_rejected",
    });
    expect(a.requests).toHaveLength(1);
  });
});

describe("processes and their timers", () => {
  test("36: a broker with nothing to do does not hold the process, and a request under way does", {
    timeout: 60_000,
  }, async () => {
    // Slow enough that a process that nothing holds would be gone.
    a.answer = (response) => void setTimeout(() => json(response, 200, { ...good, expires_in: 3600 }), 300);
    const child = await startBuilt(new URL("idle-child.ts", import.meta.url), a.issuer);
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number];
    expect([code, said]).toEqual([0, "issued for 900000 ms"]);
  });

  test("32: after the machine slept longer than a token lives, the token counts as expired", async () => {
    let elapsed = 0;
    const clock = { now: () => 1_000 + elapsed, monotonic: () => elapsed, schedule: () => () => {} };
    const provider = readyProvider({ lifetimeMs: 60_000 });
    const mine = createTokenBroker({ providers: { crm: provider }, clock, random: () => 0 });
    const old = await mine.authorise(ask(), never);
    elapsed = 3_600_000; // no timer fired
    await expect(bearerOf(old)).rejects.toThrow(/expired/);
    expect(await bearerOf(await mine.authorise(ask(), never))).toBe("token-2-of-session-1");
  });
});

describe("what is not ours to keep, or not for that server", () => {
  test("37: no refresh token is ever used: one that comes along is dropped, and the next token is asked for afresh", async () => {
    const refresh = "refresh-token-that-nobody-asked-for";
    const events: BrokerEvent[] = [];
    a.answer = (response) => json(response, 200, { ...good, refresh_token: refresh });
    const mine = broker({ crm: hostileProvider(a) }, events);
    const first = await mine.authorise(ask(), never);
    first.invalidate();
    await mine.authorise(ask(), never);
    expect(a.requests.map((form) => form.get("grant_type"))).toEqual(["client_credentials", "client_credentials"]);
    expect(String(a.requests)).not.toContain(refresh);
    expect(occurrences(refresh, [mine, first, events])).toEqual([]);
    expect([...mine.liveSecrets()]).not.toContain(refresh);
  });

  test("66: nothing of one server reaches the other: secret, assertion, audience, nonce", async () => {
    const seen: string[] = [];
    for (const server of [a, b]) {
      server.answer = (response, request, body) => {
        seen.push(`${server === a ? "a" : "b"} ${decodeJwt(String(request.headers["dpop"]))["nonce"]}`);
        expect(assertionOf(body).aud).toBe(server.issuer);
        if (seen.length < 3)
          json(response, 400, { error: "use_dpop_nonce" }, { "dpop-nonce": `nonce-of-${server === a ? "a" : "b"}` });
        else json(response, 200, { ...good, token_type: "DPoP" });
      };
    }
    const mine = broker({ crm: signing(a, { dpop: true }), other: signing(b, { dpop: true }) });
    await mine.authorise(ask(), never).catch(() => undefined);
    await mine.authorise(ask({ credential: "other" }), never);
    expect(seen).toEqual(["a undefined", "a nonce-of-a", "b undefined"]);
  });

  test.each<[string, () => Record<string, unknown>]>([
    ["a token endpoint of the other", () => ({ token_endpoint: `${a.issuer}/token` })],
    ["the other's name", () => ({ issuer: a.issuer })],
    ["the other's name and endpoints", () => ({ issuer: a.issuer, token_endpoint: `${a.issuer}/token` })],
  ])("66: metadata with %s gets nothing sent anywhere", async (_what, change) => {
    b.metadata = { ...b.metadata, ...change() };
    const mine = broker({ crm: hostileProvider(a), other: hostileProvider(b) });
    await mine.authorise(ask(), never);
    await expect(mine.authorise(ask({ credential: "other" }), never)).rejects.toMatchObject({
      reason: "misconfigured",
    });
    expect([a.requests.length, b.requests.length]).toEqual([1, 0]);
  });

  test("7: two audiences in one request are refused before anything is sent", async () => {
    const two = ask({ audience: [CRM_API, "https://other.example"] as never });
    await expect(broker({ crm: hostileProvider(a) }).authorise(two, never)).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
    });
    expect(() => hostileProvider(a, { audience: [CRM_API] as never })).toThrow(/audience/);
    expect(a.requests).toEqual([]);
  });

  test("20: two tenants at once: each gets its own token", async () => {
    const provider = readyProvider();
    const mine = broker({ crm: provider });
    const of = (tenant: string) =>
      mine.authorise(
        ask({ session: session({ principal: { id: "ada", type: "human", tenant }, id: `session-of-${tenant}` }) }),
        never,
      );
    const tokens = await Promise.all((await Promise.all([of("one"), of("two"), of("one"), of("two")])).map(bearerOf));
    expect(tokens[0]).toBe(tokens[2]);
    expect(tokens[1]).toBe(tokens[3]);
    expect(new Set(tokens).size).toBe(2);
  });
});

describe("rich authorization requests", () => {
  const asked = [
    { type: "payment", actions: ["initiate", "status"], locations: ["https://bank.example"], limit: { amount: "100" } },
    { type: "account", actions: ["read"] },
  ];
  const grant = async (granted: unknown) => {
    a.answer = (response) => json(response, 200, { ...good, authorization_details: granted });
    return await broker({ crm: hostileProvider(a) }).authorise(ask({ authorizationDetails: asked }), never);
  };

  test.each<[string, unknown]>([
    ["all of it", asked],
    ["one of two", [asked[1]]],
    ["fewer actions", [{ ...asked[0], actions: ["status"] }]],
  ])("11: %s is accepted, and what was granted is told", async (_what, granted) => {
    expect((await grant(granted)).facts.authorizationDetails).toEqual(granted);
    expect(JSON.parse(a.requests[0]!.get("authorization_details")!)).toEqual(asked);
  });

  test.each<[string, unknown]>([
    ["another type", [{ type: "everything" }]],
    ["one type more", [...asked, { type: "admin" }]],
    ["an action more", [{ ...asked[1], actions: ["read", "write"] }]],
    ["no list of actions", [{ type: "account" }]],
    ["an empty list of actions", [{ ...asked[1], actions: [] }]],
    ["a field more", [{ ...asked[1], privileges: ["admin"] }]],
    ["another limit", [{ ...asked[0], limit: { amount: "100000" } }]],
    ["a field of a prototype", [{ ...asked[1], constructor: "x" }]],
    ["nothing", []],
    ["no word", undefined],
    ["no list", "payment"],
    ["nulls", [null]],
  ])("11: %s is refused and revoked", async (_what, granted) => {
    await expect(grant(granted)).rejects.toMatchObject({ code: "CREDENTIAL_REFUSED", reason: "widened" });
    await expect.poll(() => a.revocations.length).toBe(1);
  });
});

describe("where servers may be", () => {
  let connections: number;
  let tcp: Server;
  let port: number;
  beforeEach(async () => {
    connections = 0;
    tcp = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void tcp.close());
    ({ port } = tcp.address() as AddressInfo);
  });
  const at = (issuer: string, change: object = {}) =>
    broker({
      crm: clientCredentials({
        issuer,
        clientId: "crm-agent",
        authentication: { method: "client_secret_post", secret: CLIENT_SECRET },
        ...change,
      }),
    }).authorise(ask(), never);

  test.each(["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])(
    "65: an issuer at %s is not connected to unless its address is listed: a name is judged by where it leads",
    async (host) => {
      await expect(at(`https://${host}:${port}`)).rejects.toMatchObject({
        code: "CREDENTIAL_REFUSED",
        reason: "misconfigured",
      });
      await expect(
        oidcIdentity({ issuer: `https://${host}:${port}`, audience: "sallyport" }).verify("a.b.c", {
          ...never,
          now: Date.now(),
        }),
      ).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
      expect(connections).toBe(0);
    },
  );

  test("65: listed addresses are connected to, and no others", async () => {
    await expect(at(`https://127.0.0.1:${port}`, { addresses: ["127.0.0.0/8"] })).rejects.toMatchObject({
      reason: "unreachable",
    });
    expect(connections).toBeGreaterThan(0);
    const before = connections;
    await expect(at(`https://127.0.0.1:${port}`, { addresses: ["10.0.0.0/8"] })).rejects.toMatchObject({
      reason: "misconfigured",
    });
    expect(connections).toBe(before);
    expect(() => at("https://login.example", { addresses: ["not a range"] })).toThrow(/addresses/);
  });

  test("65: the cloud's metadata service is reached by no list", async () => {
    const options = { addresses: ["0.0.0.0/0"], timeoutMs: 2_000 };
    await expect(at("https://169.254.169.254", options)).rejects.toMatchObject({ reason: "misconfigured" });
  });

  test("64: an address of metadata, or a template, is no issuer: the options do not load", () => {
    for (const issuer of [
      "https://login.example/.well-known/openid-configuration",
      "https://login.example/{tenantid}/",
    ]) {
      expect(() =>
        tokenExchange({ issuer, clientId: "x", authentication: { method: "client_secret_post", secret: "y" } }),
      ).toThrow(/issuer/);
    }
  });
});
