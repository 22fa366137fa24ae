import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AuthorizationServer, startAuthorizationServer } from "../../../examples/demo/authorization-server.js";
import { type BrokerEvent, clientCredentials, createTokenBroker, type TokenBroker } from "../../../src/broker/index.js";
import { createSessionKeys } from "../../../src/broker/oauth/keys.js";
import { findGuardError, type PolicyDocument } from "../../../src/index.js";
import { loopbackPolicy, testGuard } from "../../support/guards.js";
import { type ResourceServer, startResourceServer } from "../resource-server.js";
import {
  ask,
  CRM_API,
  everythingIn,
  type HostileServer,
  hostileProvider,
  json,
  never,
  session,
  startHostileServer,
  TOKEN,
} from "../support.js";

let as: AuthorizationServer;
let rs: ResourceServer;
let proofs: (string | null)[];
let assertions: string[];

beforeAll(async () => {
  as = await startAuthorizationServer({
    clients: { "crm-agent": {} },
    resources: { [CRM_API]: { scopes: ["notes:read", "notes:write"], format: "jwt" } },
    dpopNonces: true,
  });
});
afterAll(() => as.close());
beforeEach(async () => {
  proofs = [];
  assertions = [];
  rs = await startResourceServer(as.issuer, CRM_API);
});
afterEach(() => rs.close());

/** A provider whose token requests are watched. */
const bound = () =>
  clientCredentials({
    issuer: as.issuer,
    clientId: "crm-agent",
    authentication: { method: "private_key_jwt", key: as.clientKeys["crm-agent"]! },
    audience: CRM_API,
    allowInsecure: true,
    dpop: true,
    fetch: async (input, init) => {
      if (String(input).endsWith("/token")) {
        proofs.push(new Headers(init?.headers).get("dpop"));
        assertions.push(new URLSearchParams(String(init?.body)).get("client_assertion") ?? "");
      }
      return await fetch(input, init);
    },
  });

const guarded = async (rule: Partial<PolicyDocument["rules"][number]> = {}) => {
  const made = await testGuard({
    policy: loopbackPolicy(
      rs.origin,
      [{ id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**", scopes: ["notes:read"], ...rule }],
      { credential: "crm" },
    ),
    credentials: { crm: bound() },
    approvals: { request: async (_, control) => control.approve({ id: "grace", idp: "test" }) },
  });
  return { ...made, get: (path = "/notes", init = {}) => made.session.fetch(`${rs.origin}${path}`, init) };
};

const brokerFor = (provider = bound()): { broker: TokenBroker; events: BrokerEvent[] } => {
  const events: BrokerEvent[] = [];
  return {
    events,
    broker: createTokenBroker({ providers: { crm: provider }, onEvent: (event) => void events.push(event) }),
  };
};

describe("proofs for the authorization server", () => {
  test("43: a nonce it asks for costs one more request, once: new proof, new assertion, and the next grant needs one", async () => {
    const { broker } = brokerFor();
    const { facts } = await broker.authorise(ask({ session: session({ id: "a" }), scopes: ["notes:read"] }), never);
    expect(facts).toMatchObject({ bound: true, scope: ["notes:read"] });
    expect(proofs).toHaveLength(2);
    const [first, second] = proofs.map((proof) => decodeJwt(proof!));
    expect(first?.["nonce"]).toBeUndefined();
    expect(second?.["nonce"]).toEqual(expect.any(String));
    expect(second?.jti).not.toBe(first?.jti);
    const [one, two] = assertions.map((assertion) => decodeJwt(assertion).jti);
    expect(one).not.toBe(two);
    await broker.authorise(ask({ session: session({ id: "b" }), scopes: ["notes:read"] }), never);
    expect(proofs).toHaveLength(3);
    await broker.close();
  });

  test("49: a proof that was seen before is refused by the server", async () => {
    const { broker } = brokerFor();
    await broker.authorise(ask({ session: session({ id: "replay" }) }), never);
    const key = as.clientKeys["crm-agent"]!;
    const signer = await importJWK(key, "ES256");
    const request = async (headers: Record<string, string>): Promise<Record<string, unknown>> => {
      const assertion = await new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: "ES256", kid: String(key.kid) })
        .setIssuer("crm-agent")
        .setSubject("crm-agent")
        .setAudience(as.issuer)
        .setIssuedAt()
        .setExpirationTime("1m")
        .sign(signer);
      const response = await fetch(`${as.issuer}/token`, {
        method: "POST",
        headers,
        body: new URLSearchParams({
          grant_type: "client_credentials",
          resource: CRM_API,
          client_assertion: assertion,
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }),
      });
      return (await response.json()) as Record<string, unknown>;
    };
    // All else is in order: it is the proof that is refused.
    expect(await request({})).toMatchObject({ token_type: "Bearer" });
    expect(await request({ dpop: proofs.at(-1)! })).not.toHaveProperty("access_token");
    await broker.close();
  });
});

describe("a server that asks for nonces in its own way", () => {
  let hostile: HostileServer;
  let told: string | null;
  const seen: (string | undefined)[] = [];
  beforeEach(async () => {
    hostile = await startHostileServer();
    seen.length = 0;
    told = "nonce-1";
    hostile.answer = (response, request) => {
      seen.push(decodeJwt(String(request.headers["dpop"]))["nonce"] as string | undefined);
      const nonce: Record<string, string> = told === null ? {} : { "dpop-nonce": told };
      json(response, 400, { error: "use_dpop_nonce" }, nonce);
    };
  });
  afterEach(() => hostile.close());

  test("44: for ever: it stops after one retry", async () => {
    const { broker } = brokerFor(hostileProvider(hostile, { dpop: true }));
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ name: "CredentialError" });
    expect(seen).toEqual([undefined, "nonce-1"]);
  });

  test("44: without telling one: there is no retry", async () => {
    told = null;
    const { broker } = brokerFor(hostileProvider(hostile, { dpop: true }));
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ name: "CredentialError" });
    expect(seen).toEqual([undefined]);
  });

  test("44: another one with the retry: the newest is kept for the next grant", async () => {
    const { broker } = brokerFor(hostileProvider(hostile, { dpop: true }));
    const ask1 = ask({ session: session({ id: "1" }) });
    hostile.answer = (response, request) => {
      seen.push(decodeJwt(String(request.headers["dpop"]))["nonce"] as string | undefined);
      json(response, 400, { error: "use_dpop_nonce" }, { "dpop-nonce": `nonce-${seen.length}` });
    };
    await expect(broker.authorise(ask1, never)).rejects.toMatchObject({ name: "CredentialError" });
    await expect(broker.authorise(ask({ session: session({ id: "2" }) }), never)).rejects.toThrow();
    expect(seen).toEqual([undefined, "nonce-1", "nonce-2", "nonce-3"]);
  });

  test("47: a bearer token in place of a bound one is refused and revoked, and no bearer is ever used instead", async () => {
    hostile.answer = (response) => json(response, 200, { access_token: TOKEN, token_type: "Bearer", expires_in: 60 });
    const { broker } = brokerFor(hostileProvider(hostile, { dpop: true }));
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
      reason: "substituted",
    });
    await expect.poll(() => hostile.revocations.map((form) => form.get("token"))).toEqual([TOKEN]);
  });

  test("47: a JWT that is bound to another key is refused", async () => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    await exportJWK(publicKey);
    const token = await new SignJWT({ cnf: { jkt: "somebody-else" }, client_id: "crm-agent" })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt" })
      .setIssuer(hostile.issuer)
      .setAudience(CRM_API)
      .sign(privateKey);
    hostile.answer = (response) => json(response, 200, { access_token: token, token_type: "DPoP", expires_in: 60 });
    const { broker } = brokerFor(hostileProvider(hostile, { dpop: true }));
    await expect(broker.authorise(ask({ audience: CRM_API }), never)).rejects.toMatchObject({ reason: "substituted" });
  });

  test("47: a provider that says it binds and does not is refused", async () => {
    const provider = {
      dpop: true,
      issue: async () => ({
        secret: new (await import("../../../src/broker/index.js")).Secret("loose-token"),
        placement: { in: "header", name: "authorization", prefix: "Bearer " } as const,
        scope: [],
        lifetimeMs: 1_000,
        revocable: false,
      }),
    };
    const { broker } = brokerFor(provider);
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ reason: "substituted" });
  });
});

describe("proofs for the service", () => {
  test("45: its nonce is another one than the authorization server's, kept per origin; the latest wins, a 200 tells it too", async () => {
    rs.nonce = "rs-nonce-1";
    const { get } = await guarded();
    expect((await get()).status).toBe(200);
    expect(rs.visits.map(({ status }) => status)).toEqual([401, 200]);
    expect((await get()).status).toBe(200);
    expect(rs.visits).toHaveLength(3);
    rs.nextNonce = "rs-nonce-2"; // told by a success, before it is asked for
    await get();
    rs.nonce = "rs-nonce-2";
    rs.nextNonce = undefined;
    const together = await Promise.all([get(), get(), get()]);
    expect(together.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(rs.visits).toHaveLength(7);
    const atServer = proofs.map((proof) => decodeJwt(proof!)["nonce"]);
    const atService = rs.visits.map(({ dpop }) => decodeJwt(dpop!)["nonce"]);
    expect(atService).toEqual([undefined, ...Array(3).fill("rs-nonce-1"), ...Array(3).fill("rs-nonce-2")]);
    expect(atServer).not.toContain("rs-nonce-1");
  });

  test("45: a service that wants its nonce has not acted: what was approved once, or may be sent once, is sent with it", async () => {
    rs.nonce = "rs-nonce-1";
    const { get } = await guarded({ effect: "approve", limits: [{ requests: 1, per: "1h", by: "agent" }] });
    expect((await get("/notes", { method: "POST", body: "1" })).status).toBe(200);
    expect(rs.visits.map(({ status }) => status)).toEqual([401, 200]);
  });

  test("46: a nonce challenge and then an invalid token: each is repaired once, never more than three are sent", async () => {
    rs.nonce = "n-1";
    const { get } = await guarded();
    let refusals = 0;
    rs.intercept = (visit, response) => {
      const hasNonce = decodeJwt(visit.dpop!)["nonce"] !== undefined;
      if (!hasNonce || refusals >= 1) return false;
      refusals++;
      response.writeHead(401, { "www-authenticate": 'DPoP error="invalid_token"' }).end("{}");
      return true;
    };
    expect((await get()).status).toBe(200);
    expect(rs.visits.map(({ status }) => status)).toEqual([401, 401, 200]);
    expect(new Set(rs.visits.map(({ authorization }) => authorization)).size).toBe(2);

    rs.visits.length = 0;
    rs.intercept = (_visit, response) => {
      const error = rs.visits.length % 2 === 1 ? "use_dpop_nonce" : "invalid_token";
      response.writeHead(401, { "www-authenticate": `DPoP error="${error}"` }).end("{}");
      return true;
    };
    expect((await get()).status).toBe(401);
    expect(rs.visits).toHaveLength(3);
  });

  test("48: htu has no query, ath is of this token, and every sending has a proof of its own", async () => {
    const { get } = await guarded();
    let refuse = true;
    rs.intercept = (visit, response) => {
      if (visit.url.startsWith("/moved")) {
        response.writeHead(307, { location: "/notes?page=2" }).end();
        return true;
      }
      if (!refuse) return false;
      refuse = false;
      response.writeHead(401, { "www-authenticate": 'DPoP error="invalid_token"' }).end("{}");
      return true;
    };
    expect((await get("/moved?a=secret#x")).status).toBe(200);
    const claims = rs.visits.map(({ dpop }) => decodeJwt(dpop!));
    expect(claims.map(({ htu }) => htu)).toEqual(["/moved", "/notes", "/notes"].map((path) => rs.origin + path));
    expect(new Set(claims.map(({ jti }) => jti)).size).toBe(3);
    expect(claims[1]?.["ath"]).not.toBe(claims[2]?.["ath"]);
    expect(decodeProtectedHeader(rs.visits[0]!.dpop!)).toMatchObject({ typ: "dpop+jwt", alg: "ES256" });
  });

  test("49: the key is one per session, cannot be exported, is part of the cache key, and is gone with the session", async () => {
    const keys = createSessionKeys();
    const [one, two] = await Promise.all([keys.of("a"), keys.of("b")]);
    expect(one.thumbprint).not.toBe(two.thumbprint);
    expect(keys.of("a")).toBe(one);
    expect(everythingIn(one)).not.toMatch(/CryptoKey|KeyObject|"d"/);
    keys.destroy("a");
    await expect(one.prove({ method: "GET", url: rs.origin })).rejects.toMatchObject({ code: "CREDENTIAL_REFUSED" });

    const { broker } = brokerFor();
    const first = await broker.authorise(ask({ session: session({ id: "a" }) }), never);
    const second = await broker.authorise(ask({ session: session({ id: "b" }) }), never);
    expect(first.facts.kid).not.toBe(second.facts.kid);
    await broker.closeSession("a");
    await expect(first.proofFor({ method: "GET", url: "https://crm.internal.example/" })).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
    });
    await broker.close();
  });

  test("50: a token without the key is worth nothing at the service", async () => {
    const { get } = await guarded();
    expect((await get()).status).toBe(200);
    const { authorization, dpop } = rs.visits[0]!;
    const steal = (headers: Record<string, string>): Promise<number> =>
      fetch(`${rs.origin}/notes`, { headers }).then(({ status }) => status);
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({ ...decodeJwt(dpop!), jti: "forged", iat: Math.floor(Date.now() / 1000) })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: await exportJWK(publicKey) })
      .sign(privateKey);
    expect(await steal({ authorization: authorization! })).toBe(401);
    expect(await steal({ authorization: authorization!.replace("DPoP", "Bearer") })).toBe(401);
    expect(await steal({ authorization: authorization!, dpop: dpop! })).toBe(401); // seen before
    expect(await steal({ authorization: authorization!, dpop: forged })).toBe(401);
  });

  test("63: a thousand refused answers that nobody reads leave no connection behind", { timeout: 90_000 }, async () => {
    const { get } = await guarded();
    const open = new Set<unknown>();
    const fresh = new Set<string>();
    rs.intercept = (visit, response) => {
      const { socket } = response;
      if (socket !== null && !open.has(socket)) {
        open.add(socket);
        socket.once("close", () => open.delete(socket));
      }
      const nonce = decodeJwt(visit.dpop!)["nonce"];
      if (typeof nonce === "string" && fresh.delete(nonce)) {
        response.writeHead(200, { "content-type": "text/plain" }).end("ok");
        return true;
      }
      const next = `n-${rs.visits.length}`;
      fresh.add(next);
      response.writeHead(401, { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": next });
      response.end("x".repeat(10_000));
      return true;
    };
    for (let number = 0; number < 1_000; number++) expect(await (await get()).text()).toBe("ok");
    expect(rs.visits).toHaveLength(2_000);
    await expect.poll(() => open.size).toBeLessThan(10);
  });

  test("48: an agent's own proof is taken off", async () => {
    const { get } = await guarded();
    await get("/notes", { headers: { dpop: "mine", DPoP: "mine too" } }).catch((error: unknown) => {
      throw findGuardError(error) ?? error;
    });
    expect(rs.visits[0]!.dpop).not.toMatch(/mine/);
  });
});
