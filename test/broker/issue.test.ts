import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuthorizationServer, startAuthorizationServer } from "../../examples/demo/authorization-server.js";
import {
  type BrokerEvent,
  clientCredentials,
  createTokenBroker,
  Secret,
  type TokenBroker,
  tokenExchange,
} from "../../src/broker/index.js";
import { ask, bearerOf, CRM_API, never, occurrences, session, typesOf } from "./support.js";

const LEDGER_API = "https://ledger.internal.example/api";
let server: AuthorizationServer;
let broker: TokenBroker;
let events: BrokerEvent[];

beforeAll(async () => {
  server = await startAuthorizationServer({
    clients: {
      "crm-agent": {},
      "basic-agent": { method: "client_secret_basic" },
      "post-agent": { method: "client_secret_post" },
    },
    resources: {
      [CRM_API]: { scopes: ["notes:read", "notes:write"], format: "jwt" },
      [LEDGER_API]: { scopes: ["invoices:read", "refunds:write"], format: "opaque", ttlSeconds: 120 },
    },
  });
  const common = { issuer: server.issuer, clientId: "crm-agent", allowInsecure: true } as const;
  const authentication = { method: "private_key_jwt", key: server.clientKeys["crm-agent"]! } as const;
  events = [];
  broker = createTokenBroker({
    onEvent: (event) => void events.push(event),
    providers: {
      crm: clientCredentials({ ...common, authentication }),
      exchangeJwt: tokenExchange({ ...common, authentication }),
      exchange: tokenExchange({ ...common, authentication, formats: ["opaque"] }),
      basic: clientCredentials({
        ...common,
        clientId: "basic-agent",
        authentication: { method: "client_secret_basic", secret: server.clientSecrets["basic-agent"]! },
      }),
      post: clientCredentials({
        ...common,
        clientId: "post-agent",
        authentication: { method: "client_secret_post", secret: server.clientSecrets["post-agent"]! },
      }),
    },
  });
});
afterAll(async () => {
  await broker.close();
  await server.close();
});

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Record<string, unknown>;

const user = async (
  id: string,
  sub = "alice",
  expiresIn = 3_600,
): ReturnType<typeof session> extends infer S ? Promise<S> : never =>
  session({ id, subjectToken: new Secret(await server.issueUserToken({ sub, expiresIn })) }) as never;

describe("client credentials", () => {
  test("1: with private_key_jwt the token has exactly the audience, scopes and client that were asked for", async () => {
    const credential = await broker.authorise(
      ask({ audience: CRM_API, scopes: ["notes:read"], session: session({ id: "s1" }) }),
      never,
    );
    const claims = claimsOf(await bearerOf(credential));
    expect(claims).toMatchObject({ aud: CRM_API, scope: "notes:read", client_id: "crm-agent", iss: server.issuer });
    expect(credential.facts).toMatchObject({
      audience: CRM_API,
      scope: ["notes:read"],
      issuer: server.issuer,
      ttlMs: 300_000,
    });
    expect(server.tokenRequests.at(-1)).toMatchObject({ clientId: "crm-agent", outcome: "issued" });
  });

  test("1: the token is in nothing that can be reached from the credential, the broker or its events", async () => {
    const credential = await broker.authorise(
      ask({ audience: CRM_API, scopes: ["notes:read"], session: session({ id: "s1" }) }),
      never,
    );
    const token = await bearerOf(credential);
    const reachable = [credential, credential.facts, broker, events, structuredClone(credential.facts)];
    expect(occurrences(token, reachable)).toEqual([]);
    expect(occurrences(token.split(".")[2]!, reachable)).toEqual([]);
    // The search itself works: it does find what is not hidden.
    expect(occurrences(token, [{ hidden: { token } }])).not.toEqual([]);
  });

  test.each(["basic", "post"])("with client_secret_%s the client authenticates too", async (credential) => {
    const got = await broker.authorise(ask({ credential, audience: CRM_API, session: session({ id: "s1" }) }), never);
    expect(claimsOf(await bearerOf(got))).toMatchObject({ client_id: `${credential}-agent` });
    expect([...broker.liveSecrets()]).toContain(server.clientSecrets[`${credential}-agent`]);
    expect(occurrences(server.clientSecrets[`${credential}-agent`]!, [got, broker, events])).toEqual([]);
  });
});

describe("token exchange", () => {
  test("2: the user is the subject, the agent the actor", async () => {
    const alice = await user("s2");
    const request = ask({ credential: "exchangeJwt", audience: CRM_API, scopes: ["notes:read"], session: alice });
    const credential = await broker.authorise(request, never);
    expect(claimsOf(await bearerOf(credential))).toMatchObject({
      sub: "alice",
      act: { sub: "billing-bot" },
      aud: CRM_API,
    });
    expect(credential.facts.subject).toBe("alice");
  });

  test("2: the record carries both and a fingerprint, never a token", async () => {
    const alice = await user("s2");
    const request = ask({ credential: "exchangeJwt", audience: CRM_API, scopes: ["notes:write"], session: alice });
    const credential = await broker.authorise(request, never);
    expect(events.at(-1)).toMatchObject({
      type: "issued",
      principal: "alice",
      agent: "billing-bot",
      kid: credential.facts.kid,
      scope: ["notes:write"],
    });
    expect(occurrences(await bearerOf(credential), [credential, events, broker])).toEqual([]);
    expect(occurrences(alice.subjectToken!.reveal(), [credential, events, broker, alice])).toEqual([]);
  });

  test("13: a session without an identity token gets nothing, and the client's own rights are not used instead", async () => {
    const before = server.tokenRequests.length;
    const request = ask({ credential: "exchange", audience: LEDGER_API, session: session({ id: "no-token" }) });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
      reason: "subject_rejected",
    });
    expect(server.tokenRequests).toHaveLength(before);
  });

  test("13: an identity token that is known to have expired is not sent", async () => {
    const before = server.tokenRequests.length;
    const request = ask({ credential: "exchange", audience: LEDGER_API, session: await user("expired", "alice", -10) });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ reason: "subject_rejected" });
    expect(server.tokenRequests).toHaveLength(before);
  });

  test("13: an identity token for somebody else is refused by the server as such", async () => {
    const foreign = session({
      id: "foreign",
      subjectToken: new Secret(await server.issueUserToken({ sub: "eve", aud: "x" })),
    });
    const request = ask({ credential: "exchange", audience: LEDGER_API, session: foreign });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
      reason: "subject_rejected",
    });
  });

  test("16: the exchanged token is not used longer than the identity token lasts", async () => {
    const request = ask({ credential: "exchange", audience: LEDGER_API, session: await user("brief", "alice", 30) });
    const { facts } = await broker.authorise(request, never);
    expect(facts.ttlMs).toBeLessThanOrEqual(30_000);
    expect(facts.ttlMs).toBeGreaterThan(20_000);
  });
});

describe("audiences and formats", () => {
  test("6: an unknown resource is a denied target, and is not asked for again at once", async () => {
    const request = ask({ audience: "https://unknown.example/", session: session({ id: "s6" }) });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ reason: "target_denied" });
    const before = server.tokenRequests.length;
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ reason: "target_denied" });
    expect(server.tokenRequests).toHaveLength(before);
  });

  test.each(["/api", "//crm/api", `${CRM_API}#x`, "https://", "a b", ""])(
    "7: %j is refused as an audience before anything is sent",
    async (audience) => {
      const before = server.tokenRequests.length;
      await expect(broker.authorise(ask({ audience, session: session({ id: "s7" }) }), never)).rejects.toMatchObject({
        reason: "target_denied",
      });
      expect(server.tokenRequests).toHaveLength(before);
    },
  );

  test("10: an opaque token is refused, and revoked, unless the provider is told to accept it", async () => {
    const request = ask({ audience: LEDGER_API, session: session({ id: "s10" }) });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ reason: "substituted" });
    await expect.poll(() => typesOf(events.filter((event) => event.session === "s10"))).toContain("revoked");
    const accepted = ask({ credential: "exchange", audience: LEDGER_API, session: await user("s10b") });
    expect((await broker.authorise(accepted, never)).facts.audience).toBe(LEDGER_API);
  });

  test("3: fewer scopes than asked are refused, unless what is missing is optional; then they are told as what they are", async () => {
    const scopes = ["invoices:read", "admin"];
    const strict = ask({ credential: "exchange", audience: LEDGER_API, scopes, session: await user("s3") });
    await expect(broker.authorise(strict, never)).rejects.toMatchObject({
      code: "CREDENTIAL_REFUSED",
      reason: "narrowed",
    });
    const request = { ...strict, optionalScopes: ["admin"] };
    const credential = await broker.authorise(request, never);
    expect(credential.facts.scope).toEqual(["invoices:read"]);
    expect(events).toContainEqual(
      expect.objectContaining({ type: "scope_narrowed", asked: ["admin", "invoices:read"], scope: ["invoices:read"] }),
    );
  });

  test("23: what was granted, not what was asked for, is told from the cache too", async () => {
    const scopes = ["invoices:read", "admin"];
    const mine = await user("s23");
    const request = ask({
      credential: "exchange",
      audience: LEDGER_API,
      scopes,
      optionalScopes: ["admin"],
      session: mine,
    });
    const before = server.tokenRequests.length;
    for (let call = 0; call < 3; call++) {
      expect((await broker.authorise(request, never)).facts.scope).toEqual(["invoices:read"]);
    }
    expect(server.tokenRequests.length - before).toBe(1);
  });
});

describe("the end of a session", () => {
  test("69: every live token is revoked once, and introspection then says so", async () => {
    const alice = await user("s69");
    const tokens: string[] = [];
    const kept: Awaited<ReturnType<TokenBroker["authorise"]>>[] = [];
    for (const scope of ["invoices:read", "refunds:write"]) {
      const request = ask({ credential: "exchange", audience: LEDGER_API, scopes: [scope], session: alice });
      const credential = await broker.authorise(request, never);
      kept.push(credential);
      tokens.push(await bearerOf(credential));
    }
    for (const token of tokens) expect(await server.introspect(token)).toMatchObject({ active: true, sub: "alice" });
    expect([...broker.liveSecrets()]).toEqual(expect.arrayContaining([...tokens, alice.subjectToken!.reveal()]));

    const before = server.revocations();
    await Promise.all([broker.closeSession("s69"), broker.closeSession("s69")]);
    await broker.closeSession("s69");
    expect(server.revocations() - before).toBe(2);
    for (const token of tokens) expect(await server.introspect(token)).toEqual({ active: false });
    const request = ask({ credential: "exchange", audience: LEDGER_API, session: alice });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    for (const credential of kept) await expect(bearerOf(credential)).rejects.toThrow(/closed/);
    const secrets = [...broker.liveSecrets()];
    for (const token of [...tokens, alice.subjectToken!.reveal()]) expect(secrets).not.toContain(token);
  });

  test("70: a JWT that the server cannot revoke is recorded as such and stays among the live secrets", async () => {
    const request = ask({ audience: CRM_API, session: session({ id: "s70" }) });
    const token = await bearerOf(await broker.authorise(request, never));
    await broker.closeSession("s70");
    const mine = events.filter((event) => event.session === "s70");
    expect(typesOf(mine)).toEqual(["issued", "not_revocable"]);
    expect([...broker.liveSecrets()]).toContain(token);
  });
});

test("20: asked for read, then for write: two tokens, each with one right", async () => {
  const mine = session({ id: "s20" });
  const read = await broker.authorise(ask({ audience: CRM_API, scopes: ["notes:read"], session: mine }), never);
  const write = await broker.authorise(ask({ audience: CRM_API, scopes: ["notes:write"], session: mine }), never);
  expect(claimsOf(await bearerOf(read))["scope"]).toBe("notes:read");
  expect(claimsOf(await bearerOf(write))["scope"]).toBe("notes:write");
});

test("24: a hundred cold calls at once are one token request and one token", async () => {
  const before = server.tokenRequests.length;
  const request = ask({ audience: CRM_API, scopes: ["notes:read"], session: session({ id: "s24" }) });
  const credentials = await Promise.all(Array.from({ length: 100 }, () => broker.authorise(request, never)));
  expect(server.tokenRequests.length - before).toBe(1);
  expect(new Set(await Promise.all(credentials.map(bearerOf))).size).toBe(1);
});
