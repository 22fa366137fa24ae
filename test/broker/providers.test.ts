import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, decodeJwt, exportJWK, generateKeyPair, type JWK, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type BrokerEvent,
  type CredentialProvider,
  createTokenBroker,
  githubActionsToken,
  githubApp,
  idJag,
  jwtBearer,
  Secret,
  staticSecret,
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
  json,
  never,
  occurrences,
  session,
  startHostileServer,
  TOKEN,
} from "./support.js";

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
let server: HostileServer;
let events: BrokerEvent[];

beforeEach(async () => {
  events = [];
  server = await startHostileServer();
});
afterEach(async () => {
  // While the server still answers their revocations.
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
  await server.close();
});
const brokers: TokenBroker[] = [];

const brokerWith = (crm: CredentialProvider): TokenBroker => {
  const broker = createTokenBroker({ providers: { crm }, onEvent: (event) => void events.push(event) });
  brokers.push(broker);
  return broker;
};
const common = () =>
  ({
    issuer: server.issuer,
    clientId: "crm-agent",
    authentication: { method: "client_secret_post", secret: CLIENT_SECRET },
    formats: ["opaque"],
    allowInsecure: true,
  }) as const;
const now = (): number => Math.floor(Date.now() / 1000);
const jwt = (claims: object, header: object = {}): string =>
  [{ alg: "ES256", ...header }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .concat("c2ln")
    .join(".");
const alice = (claims: object = {}) =>
  session({ subjectToken: new Secret(jwt({ sub: "alice", exp: now() + 600, aud: "sallyport", ...claims })) });
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "issued",
    (error: { reason?: string; code?: string }) => error.reason ?? error.code ?? error,
  );

describe("whom a token exchange speaks for", () => {
  beforeEach(() => {
    server.answer = (response) =>
      json(response, 200, {
        access_token: TOKEN,
        token_type: "Bearer",
        expires_in: 300,
        issued_token_type: ACCESS_TOKEN,
      });
  });
  const exchange = (change: Partial<TokenExchangeOptions> = {}): TokenBroker =>
    brokerWith(tokenExchange({ ...common(), ...change }));
  const chain = (length: number): { sub: string } | undefined =>
    length === 0 ? undefined : { sub: `agent-${length}`, ...(length > 1 ? { act: chain(length - 1) } : {}) };

  test.each([
    ["four before this one", 4, {}, "issued"],
    ["five before this one", 5, {}, "subject_rejected"],
    ["a thousand", 1_000, {}, "subject_rejected"],
    ["one, where one is all that may", 1, { maxActors: 1 }, "subject_rejected"],
    ["none, where one is all that may", 0, { maxActors: 1 }, "issued"],
  ])(
    "12: a chain of actors that is too long is refused before anything is sent: %s",
    async (_what, length, options, outcome) => {
      const broker = exchange(options);
      expect(await reasonOf(broker.authorise(ask({ session: alice({ act: chain(length) }) }), never))).toBe(outcome);
      expect(server.requests).toHaveLength(outcome === "issued" ? 1 : 0);
    },
  );

  test.each<[string, unknown, string]>([
    ["this client", { sub: "crm-agent" }, "issued"],
    ["this client of this issuer", { sub: "crm-agent", iss: "crm-agent" }, "issued"],
    ["another", { sub: "other" }, "subject_rejected"],
    ["this client of another issuer", { sub: "crm-agent", iss: "https://evil.example" }, "subject_rejected"],
    ["nobody", {}, "subject_rejected"],
    ["what cannot be read", "crm-agent", "subject_rejected"],
    ["null", null, "subject_rejected"],
  ])("12: may_act that names %s", async (_what, mayAct, outcome) => {
    const broker = exchange();
    expect(await reasonOf(broker.authorise(ask({ session: alice({ may_act: mayAct }) }), never))).toBe(outcome);
    expect(server.requests).toHaveLength(outcome === "issued" ? 1 : 0);
  });

  test("12: with a signed actor, may_act must name the agent; delegated agents are in its act claim, and count", async () => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: "ES256" };
    const broker = exchange({ authentication: { method: "private_key_jwt", key }, maxActors: 3 });
    const delegated = { delegatedBy: [{ id: "planner" }, { id: "router" }] };
    const allowed = { ...alice({ may_act: { sub: "billing-bot" } }), ...delegated };
    await broker.authorise(ask({ session: allowed }), never);
    expect(decodeJwt(server.requests[0]!.get("actor_token")!)).toMatchObject({
      sub: "billing-bot",
      act: { sub: "router", act: { sub: "planner" } },
    });
    const tooLong = { ...alice({ act: { sub: "before" } }), ...delegated, id: "s2" };
    expect(await reasonOf(broker.authorise(ask({ session: tooLong }), never))).toBe("subject_rejected");
    const other = { ...alice({ may_act: { sub: "other-bot" } }), id: "s3" };
    expect(await reasonOf(broker.authorise(ask({ session: other }), never))).toBe("subject_rejected");
    expect(server.requests).toHaveLength(1);
  });

  test.each<[string, object]>([
    ["expired", { exp: now() - 1 }],
    ["not good yet", { nbf: now() + 60 }],
    ["for somebody else", { aud: "another-app" }],
    ["for nobody", { aud: undefined }],
  ])("13: a subject token that is seen to be %s is not sent", async (_what, claims) => {
    const broker = exchange({ subjectAudience: "sallyport" });
    expect(await reasonOf(broker.authorise(ask({ session: alice(claims) }), never))).toBe("subject_rejected");
    expect(server.requests).toHaveLength(0);
  });

  test("13: what cannot be read is judged by the server, whose invalid_grant is final: nothing else is tried", async () => {
    server.answer = (response) => json(response, 400, { error: "invalid_grant" });
    const opaque = session({ subjectToken: new Secret("opaque-subject-token") });
    expect(await reasonOf(exchange().authorise(ask({ session: opaque }), never))).toBe("subject_rejected");
    expect(server.requests.map((form) => form.get("grant_type"))).toEqual([
      "urn:ietf:params:oauth:grant-type:token-exchange",
    ]);
  });

  test("14: a subject token in a file is read at each exchange; while it is missing the last one serves as long as it lasts", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sallyport-subject-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, "token");
    const [first, second] = [1, 2].map((number) => jwt({ sub: "pod", exp: now() + 600, number }));
    const broker = exchange({ subject: { file } });
    const renew = async (): Promise<unknown> => {
      const outcome = await reasonOf(broker.authorise(ask(), never).then((credential) => credential.invalidate()));
      return outcome === "issued" ? server.requests.at(-1)?.get("subject_token") : outcome;
    };
    writeFileSync(file, `${first}\n`);
    expect(await renew()).toBe(first);
    writeFileSync(file, `${second}\n`);
    expect(await renew()).toBe(second);
    rmSync(file);
    expect(await renew()).toBe(second);
    writeFileSync(file, jwt({ sub: "pod", exp: now() + 1 }));
    await renew();
    rmSync(file);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect(await renew()).toBe("misconfigured");
  });

  test("14: an empty file is an error, also where a token was there before", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sallyport-subject-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, "token");
    writeFileSync(file, jwt({ sub: "pod", exp: now() + 600 }));
    const broker = exchange({ subject: { file } });
    (await broker.authorise(ask(), never)).invalidate();
    writeFileSync(file, "");
    expect(await reasonOf(broker.authorise(ask(), never))).toBe("misconfigured");
    expect(server.requests).toHaveLength(1);
  });
});

describe("jwtBearer", () => {
  beforeEach(() => {
    server.answer = (response) => json(response, 200, { access_token: TOKEN, token_type: "Bearer", expires_in: 300 });
  });

  test("presents the session's identity token, and lasts no longer than it", async () => {
    const broker = brokerWith(jwtBearer(common()));
    const me = alice({ exp: now() + 30 });
    const { facts } = await broker.authorise(ask({ session: me, scopes: ["a"] }), never);
    expect(Object.fromEntries(server.requests[0]!)).toMatchObject({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: me.subjectToken!.reveal(),
      scope: "a",
    });
    expect(facts.ttlMs).toBeLessThanOrEqual(30_000);
    expect(await reasonOf(broker.authorise(ask({ session: session({ id: "no-token" }) }), never))).toBe(
      "subject_rejected",
    );
    expect(server.requests).toHaveLength(1);
  });

  test("signs an assertion about the principal, for one minute and this server", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: "ES256", kid: "k1" };
    const broker = brokerWith(jwtBearer({ ...common(), assertion: { key } }));
    await broker.authorise(ask(), never);
    const keys = createLocalJWKSet({ keys: [{ ...((await exportJWK(publicKey)) as JWK), kid: "k1" }] });
    const { payload } = await jwtVerify(server.requests[0]!.get("assertion")!, keys, { audience: server.issuer });
    expect(payload).toMatchObject({ iss: "crm-agent", sub: "alice", jti: expect.any(String) });
    expect(payload).not.toHaveProperty("scope");
    expect(payload.exp! - payload.iat!).toBe(60);
    expect(occurrences(server.requests[0]!.get("assertion")!, [broker, events])).toEqual([]);
  });

  test("says in an assertion that it signs what the token may be for, and nothing besides", async () => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const key = { ...(await exportJWK(privateKey)), alg: "ES256" };
    const broker = brokerWith(jwtBearer({ ...common(), assertion: { key } }));
    await broker.authorise(ask({ scopes: ["b", "a"] }), never);
    const [form] = server.requests;
    expect(decodeJwt(form!.get("assertion")!)).toMatchObject({ scope: "a b" });
    expect(form!.get("scope")).toBe("a b");
  });

  test("wrong options are refused at construction", () => {
    expect(() => jwtBearer({ ...common(), assertion: "a-literal" as never })).toThrow(/assertion/);
    expect(() => jwtBearer({ ...common(), assertion: { key: { kty: "oct", k: "AA", alg: "HS256" } } })).toThrow(
      /asymmetric/,
    );
  });
});

describe("idJag", () => {
  let idp: HostileServer;
  beforeEach(async () => {
    idp = await startHostileServer();
    server.answer = (response) => json(response, 200, { access_token: TOKEN, token_type: "Bearer", expires_in: 300 });
  });
  afterEach(() => idp.close());
  const claims = () => ({
    iss: idp.issuer,
    aud: server.issuer,
    client_id: "crm-agent",
    sub: "alice",
    exp: now() + 300,
    scope: "notes:read",
  });
  const good = () => ({
    access_token: jwt(claims(), { typ: "oauth-id-jag+jwt" }),
    issued_token_type: ID_JAG,
    token_type: "N_A",
    expires_in: 300,
  });
  const provider = () =>
    idJag({
      ...common(),
      audience: CRM_API,
      identityProvider: {
        issuer: idp.issuer,
        clientId: "agent-at-idp",
        authentication: { method: "client_secret_post", secret: "secret-at-the-idp" },
      },
    });

  test("exchanges the login for an assertion and that for a token; scopes go on both legs, secrets to their own server only", async () => {
    const assertion = good();
    idp.answer = (response) => json(response, 200, assertion);
    const broker = brokerWith(provider());
    expect(await bearerOf(await broker.authorise(ask({ session: alice(), scopes: ["notes:read"] }), never))).toBe(
      TOKEN,
    );
    expect(Object.fromEntries(idp.requests[0]!)).toMatchObject({
      client_id: "agent-at-idp",
      subject_token: expect.any(String),
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      requested_token_type: ID_JAG,
      audience: server.issuer,
      resource: CRM_API,
      scope: "notes:read",
    });
    expect(Object.fromEntries(server.requests[0]!)).toMatchObject({
      client_id: "crm-agent",
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: assertion.access_token,
      scope: "notes:read",
    });
    expect(String(idp.requests[0])).not.toContain(CLIENT_SECRET);
    expect(String(server.requests[0])).not.toContain("secret-at-the-idp");
    expect([...broker.liveSecrets()]).toEqual(expect.arrayContaining([CLIENT_SECRET, "secret-at-the-idp", TOKEN]));
  });

  test.each<[string, () => Record<string, unknown>]>([
    ["an access token", () => ({ issued_token_type: ACCESS_TOKEN })],
    ["something to be used as a bearer", () => ({ token_type: "Bearer" })],
    ["an assertion for another server", () => ({ access_token: assertion({ aud: "https://other.example" }) })],
    [
      "an assertion for two servers",
      () => ({ access_token: assertion({ aud: [server.issuer, "https://o.example"] }) }),
    ],
    ["an assertion for another client", () => ({ access_token: assertion({ client_id: "other" }) })],
    ["an assertion of another issuer", () => ({ access_token: assertion({ iss: "https://evil.example" }) })],
    [
      "an assertion for another service there",
      () => ({ access_token: assertion({ resource: "https://other.example" }) }),
    ],
    [
      "an assertion for one more service",
      () => ({ access_token: assertion({ resource: [CRM_API, "https://other.example"] }) }),
    ],
    ["another kind of JWT", () => ({ access_token: jwt(claims(), { typ: "at+jwt" }) })],
    ["more scopes", () => ({ access_token: assertion({ scope: "notes:read admin" }) })],
    ["what is no JWT", () => ({ access_token: "opaque" })],
  ])("%s as the answer of leg one is refused, and leg two not made", async (_what, change) => {
    idp.answer = (response) => json(response, 200, { ...good(), ...change() });
    const broker = brokerWith(provider());
    const request = ask({ session: alice(), scopes: ["notes:read"] });
    await expect(broker.authorise(request, never)).rejects.toMatchObject({ code: "CREDENTIAL_REFUSED" });
    expect(server.requests).toHaveLength(0);
  });
  const assertion = (change: object): string => jwt({ ...claims(), ...change }, { typ: "oauth-id-jag+jwt" });

  test("wrong options of either server are told with their place", () => {
    expect(() => idJag({ ...common(), identityProvider: { issuer: "x", clientId: "" } as never })).toThrow(
      expect.objectContaining({
        problems: expect.arrayContaining([expect.objectContaining({ pointer: "/identityProvider/issuer" })]),
      }),
    );
    expect(() => idJag(common() as never)).toThrow(/identityProvider/);
  });
});

/** The two calls of GitHub's API that matter here. */
interface FakeGithub {
  readonly url: string;
  readonly asked: { readonly method: string; readonly url: string; readonly token: string; readonly body: string }[];
  answer: (response: ServerResponse, body: Record<string, unknown>) => void;
}

async function startGithub(): Promise<FakeGithub> {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const token = String(request.headers.authorization).replace("Bearer ", "");
    github.asked.push({ method: request.method ?? "", url: request.url ?? "", token, body });
    if (request.method === "DELETE") response.writeHead(204).end();
    else github.answer(response, JSON.parse(body) as Record<string, unknown>);
  };
  const listening = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void listening.close());
  onTestFinished(() => listening.closeAllConnections());
  const github: FakeGithub = {
    url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`,
    asked: [],
    answer: (response, { permissions, repositories }) =>
      json(response, 201, {
        token: "ghs_installation-token",
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        permissions: { ...(permissions as object), metadata: "read" },
        repository_selection: repositories === undefined ? "all" : "selected",
        ...(repositories === undefined
          ? {}
          : { repositories: (repositories as string[]).map((name) => ({ id: 1, name })) }),
      }),
  };
  return github;
}

describe("githubApp", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  // The form in which GitHub hands it out.
  const key = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  const provider = (github: FakeGithub, change: object = {}) =>
    githubApp({ appId: "Iv1.abc", installationId: 42, key, apiUrl: github.url, allowInsecure: true, ...change });

  test("asks for what the rule says and no more, signed by the app, and revokes it at the end", async () => {
    const github = await startGithub();
    const broker = brokerWith(provider(github));
    const scopes = ["contents:read", "issues:write", "repository:web"];
    const credential = await broker.authorise(ask({ scopes }), never);
    expect(await bearerOf(credential)).toBe("ghs_installation-token");
    expect(credential.facts).toMatchObject({ scope: scopes, issuer: github.url, ttlMs: 900_000 });
    const [request] = github.asked;
    expect(request).toMatchObject({ method: "POST", url: "/app/installations/42/access_tokens" });
    expect(JSON.parse(request!.body)).toEqual({
      permissions: { contents: "read", issues: "write" },
      repositories: ["web"],
    });
    const { payload } = await jwtVerify(request!.token, publicKey);
    expect(payload).toMatchObject({ iss: "Iv1.abc" });
    expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(600);
    await broker.closeSession("session-1");
    expect(github.asked.at(-1)).toMatchObject({
      method: "DELETE",
      url: "/installation/token",
      token: "ghs_installation-token",
    });
    expect(occurrences("ghs_installation-token", [credential, events, broker])).toEqual([]);
  });

  test("21: write and admin are distinct permissions, and the caller's lists are left alone", async () => {
    const github = await startGithub();
    const broker = brokerWith(provider(github));
    for (const level of ["read", "write", "admin"]) {
      const scopes = Object.freeze([`administration:${level}`]);
      const { facts } = await broker.authorise(ask({ scopes }), never);
      expect(facts.scope).toEqual([`administration:${level}`]);
    }
    const levels = github.asked.map(({ body }) => /"administration":"(\w+)"/.exec(body)?.[1]);
    expect(levels).toEqual(["read", "write", "admin"]);
  });

  test("knows a repository by its name in any case, and a token in the form of a JWT", async () => {
    const github = await startGithub();
    github.answer = (response) =>
      json(response, 201, {
        token: `ghs_12345_${jwt({ iss: "github" })}`,
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        permissions: { contents: "read" },
        repository_selection: "selected",
        repositories: [{ name: "Web" }],
      });
    const credential = await brokerWith(provider(github)).authorise(
      ask({ scopes: ["contents:read", "repository:web"] }),
      never,
    );
    expect(credential.facts.scope).toEqual(["contents:read", "repository:web"]);
  });

  test("waits where the limit of its requests is used up, and takes a 403 with something left of it for a no", async () => {
    const github = await startGithub();
    const reset = String(Math.floor(Date.now() / 1000) + 3_000);
    const answerWith = (remaining: string) => {
      github.answer = (response) =>
        json(response, 403, {}, { "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset });
      return reasonOf(brokerWith(provider(github)).authorise(ask({ scopes: ["contents:read"] }), never));
    };
    expect(await answerWith("0")).toBe("throttled");
    expect(await answerWith("17")).toBe("denied");
  });

  test.each<[string, object]>([
    ["a higher level", { permissions: { contents: "write" } }],
    ["a further permission", { permissions: { contents: "read", secrets: "read" } }],
    ["a level nobody knows", { permissions: { contents: "owner" } }],
    ["no word about permissions", { permissions: undefined }],
    ["another repository", { repositories: [{ name: "web" }, { name: "secrets" }] }],
    ["all repositories", { repository_selection: "all" }],
    ["no word about repositories", { repositories: undefined }],
  ])("%s in the answer is refused, and revoked", async (_what, change) => {
    const github = await startGithub();
    github.answer = (response) =>
      json(response, 201, {
        token: "ghs_wide",
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        permissions: { contents: "read" },
        repository_selection: "selected",
        repositories: [{ name: "web" }],
        ...change,
      });
    const broker = brokerWith(provider(github));
    const request = ask({ scopes: ["contents:read", "repository:web"] });
    expect(await reasonOf(broker.authorise(request, never))).toBe("widened");
    await expect.poll(() => github.asked.at(-1)?.method).toBe("DELETE");
  });

  test.each<[string, string[], object]>([
    ["no permission", ["repository:web"], {}],
    ["nothing", [], {}],
    ["what is no permission", ["everything"], {}],
    ["a repository that the options do not list", ["contents:read", "repository:other"], { repositories: ["web"] }],
  ])("%s is not asked for", async (_what, scopes, options) => {
    const github = await startGithub();
    expect(await reasonOf(brokerWith(provider(github, options)).authorise(ask({ scopes }), never))).toBe(
      "misconfigured",
    );
    expect(github.asked).toEqual([]);
  });

  test.each<[number, string]>([
    [401, "client_rejected"],
    [403, "throttled"],
    [404, "denied"],
    [422, "denied"],
    [503, "throttled"],
  ])("a %i is a typed error without a word of the answer", async (status, reason) => {
    const github = await startGithub();
    github.answer = (response) => json(response, status, { message: "echo ghs_secret" }, { "retry-after": "60" });
    const error: unknown = await brokerWith(provider(github))
      .authorise(ask({ scopes: ["contents:read"] }), never)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "CredentialError", reason });
    expect(occurrences("ghs_secret", [error, events])).toEqual([]);
  });
});

describe("githubActionsToken", () => {
  const set = (values: Record<string, string | undefined>): void => {
    for (const [name, value] of Object.entries(values)) {
      const before = process.env[name];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
  };

  test("14: asks the runner's endpoint at each exchange, with the runner's own token", async () => {
    const seen: string[] = [];
    const runner = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      json(response, 200, { value: `workflow-token-${seen.length}` });
    });
    await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void runner.close());
    onTestFinished(() => runner.closeAllConnections());
    set({
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(runner.address() as AddressInfo).port}/id?v=1`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner-token",
    });
    const source = githubActionsToken({ audience: "https://login.example", allowInsecure: true });
    expect([await source(), await source()]).toEqual(["workflow-token-1", "workflow-token-2"]);
    expect(seen[0]).toBe("/id?v=1&audience=https%3A%2F%2Flogin.example Bearer runner-token");
  });

  test("its token goes nowhere in the clear, and outside a workflow it is an error", async () => {
    set({ ACTIONS_ID_TOKEN_REQUEST_URL: "http://127.0.0.1:9/", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner-token" });
    await expect(githubActionsToken()()).rejects.toMatchObject({ code: "CREDENTIAL_UNAVAILABLE" });
    set({ ACTIONS_ID_TOKEN_REQUEST_URL: undefined });
    await expect(githubActionsToken()()).rejects.toMatchObject({ code: "CREDENTIAL_UNAVAILABLE" });
  });
});

test("77: a variable that is to be deleted is out of the environment once it has been read, and still serves", async () => {
  process.env["SALLYPORT_TEST_KEY"] = "key-from-the-environment";
  const broker = brokerWith(
    staticSecret({ scheme: "bearer", secret: { env: "SALLYPORT_TEST_KEY", delete: true }, maxAgeMs: 1_000 }),
  );
  const credential = await broker.authorise(ask(), never);
  expect(process.env["SALLYPORT_TEST_KEY"]).toBeUndefined();
  credential.invalidate();
  expect(await bearerOf(await broker.authorise(ask(), never))).toBe("key-from-the-environment");
  const inProcess = [process.argv, process.title, process.env, process.execArgv];
  expect(occurrences("key-from-the-environment", inProcess)).toEqual([]);
});
