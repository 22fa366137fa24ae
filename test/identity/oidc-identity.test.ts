import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAuthorizationServer } from "../../examples/demo/authorization-server.js";
import { type IdentityVerifier, type OidcIdentityOptions, oidcIdentity } from "../../src/identity/index.js";
import { type FakeClock, fakeClock } from "../support/fake-clock.js";

interface Key {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
  readonly alg: string;
}

const makeKey = async (kid: string, alg = "ES256"): Promise<Key> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid }, alg };
};

let server: Server;
let issuer: string;
let key: Key;
let otherKey: Key;
let rsaKey: Key;
let published: { keys: unknown[] };
let metadata: Record<string, unknown>;
let answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
let fetched: string[];
let clock: FakeClock;
let verifier: IdentityVerifier;

const NOW = Date.now();
const options = (): { signal: AbortSignal; now: number } => ({ signal: new AbortController().signal, now: NOW });
const verifierWith = (change: Partial<OidcIdentityOptions> = {}): IdentityVerifier =>
  oidcIdentity({ issuer, audience: "sallyport", allowInsecure: true, clock, ...change });

beforeAll(async () => {
  [key, otherKey, rsaKey] = await Promise.all([makeKey("k1"), makeKey("k2"), makeKey("r1", "RS256")]);
});
beforeEach(async () => {
  fetched = [];
  answer = undefined;
  clock = fakeClock();
  server = createServer((request, response) => {
    fetched.push(request.url ?? "");
    if (answer?.(request, response)) return;
    const body =
      request.url === "/jwks" ? published : request.url?.includes("openid-configuration") ? metadata : undefined;
    response
      .writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" })
      .end(JSON.stringify(body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  metadata = { issuer, jwks_uri: `${issuer}/jwks` };
  published = { keys: [key.jwk, rsaKey.jwk] };
  verifier = verifierWith();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const token = async (
  claims: Record<string, unknown> = {},
  { signWith = key, header = {} }: { signWith?: Key; header?: Record<string, unknown> } = {},
): Promise<string> => {
  const seconds = Math.floor(NOW / 1000);
  const payload = { iss: issuer, aud: "sallyport", sub: "alice", iat: seconds, exp: seconds + 600, ...claims };
  return await new SignJWT(Object.fromEntries(Object.entries(payload).filter(([, value]) => value !== undefined)))
    .setProtectedHeader({ alg: signWith.alg, kid: signWith.jwk.kid, typ: "JWT", ...header } as never)
    .sign(signWith.privateKey);
};

const refusalOf = async (text: string, by: IdentityVerifier = verifier): Promise<Error & { code: string }> => {
  const error = await by.verify(text, options()).then(
    () => new Error("it verified"),
    (reason: unknown) => reason as Error,
  );
  const printed =
    inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(error) + error.stack;
  for (const part of text.split(".").filter((piece) => piece.length > 12)) expect(printed).not.toContain(part);
  return error as Error & { code: string };
};

describe("a good token", () => {
  test("makes a principal with the claims that rules may look at", async () => {
    const text = await token({
      name: "Alice",
      email: "alice@corp.example",
      email_verified: true,
      groups: ["support", "eu"],
      department: { id: 7 },
    });
    const identity = await verifier.verify(text, options());
    expect(identity).toEqual({
      expiresAt: (Math.floor(NOW / 1000) + 600) * 1000,
      principal: {
        id: "alice",
        type: "human",
        issuer,
        name: "Alice",
        email: "alice@corp.example",
        groups: ["support", "eu"],
        claims: {
          name: "Alice",
          email: "alice@corp.example",
          email_verified: true,
          groups: ["support", "eu"],
          department: { id: 7 },
        },
      },
    });
    expect(Object.isFrozen(identity.principal.claims?.["department"])).toBe(true);
    expect(Object.isFrozen(identity.principal.groups)).toBe(true);
  });

  test.each(["RS256", "ES256"])("may be signed with %s", async (alg) => {
    const text = await token({}, { signWith: alg === "RS256" ? rsaKey : key });
    expect((await verifier.verify(text, options())).principal.id).toBe("alice");
  });

  test("may name several audiences, ours among them, and may be for one of several of ours", async () => {
    const text = await token({ aud: ["other", "sallyport"] });
    expect((await verifierWith({ audience: ["x", "sallyport"] }).verify(text, options())).principal.id).toBe("alice");
  });

  test("of a client for itself makes a service", async () => {
    const { principal } = await verifier.verify(await token({ sub: "job", client_id: "job" }), options());
    expect(principal.type).toBe("service");
  });

  test("of oidc-provider verifies", async () => {
    const real = await startAuthorizationServer({ clients: {}, resources: {} });
    const text = await real.issueUserToken({ sub: "alice", groups: ["support"] });
    const identity = await verifierWith({ issuer: real.issuer }).verify(text, { ...options(), now: Date.now() });
    expect(identity.principal).toMatchObject({ id: "alice", groups: ["support"], issuer: real.issuer });
    await real.close();
  });

  test("whose e-mail address is not verified has none", async () => {
    const { principal } = await verifier.verify(
      await token({ email: "ceo@corp.example", email_verified: false }),
      options(),
    );
    expect(principal.email).toBeUndefined();
    expect(principal.claims?.["email"]).toBeUndefined();
  });

  test("has a claim called __proto__ as a claim and nothing more", async () => {
    const text = await token(JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>);
    const { principal } = await verifier.verify(text, options());
    expect((principal.claims as { admin?: unknown }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(principal.claims)).toBe(Object.prototype);
  });
});

describe("a token is refused", () => {
  const seconds = Math.floor(NOW / 1000);
  test.each<[string, Record<string, unknown>]>([
    ["expired", { exp: seconds - 6 }],
    ["not yet valid", { nbf: seconds + 60 }],
    ["issued in the future", { iat: seconds + 60 }],
    ["without an end", { exp: undefined }],
    ["without a beginning", { iat: undefined }],
    ["without a subject", { sub: undefined }],
    ["with an empty subject", { sub: "" }],
    ["with a line break in the subject", { sub: "alice\nadmin" }],
    ["for another audience", { aud: "other" }],
    ["for nobody", { aud: undefined }],
    ["of another issuer", { iss: "https://evil.example" }],
    ["of the issuer with a slash", { iss: "SLASH" }],
    ["with groups that are no list of names", { groups: ["a", 1] }],
    ["with groups as an object", { groups: { a: true } }],
    ["with groups elsewhere (overage)", { _claim_names: { groups: "src1" } }],
    ["with more groups than fit", { hasgroups: true }],
  ])("when it is %s", async (_what, claims) => {
    const text = await token(claims["iss"] === "SLASH" ? { iss: `${issuer}/` } : claims);
    expect(await refusalOf(text)).toMatchObject({ code: "IDENTITY_REFUSED", retryable: false });
  });

  test("when it lacks the tenant that was asked for", async () => {
    const withTenant = verifierWith({ tenantClaim: "tid" });
    expect((await withTenant.verify(await token({ tid: "t1" }), options())).principal.tenant).toBe("t1");
    expect(await refusalOf(await token(), withTenant)).toMatchObject({ code: "IDENTITY_REFUSED" });
  });

  test("when another key signed it, whatever key it claims", async () => {
    const text = await token({}, { signWith: otherKey, header: { kid: "k1" } });
    expect((await refusalOf(text)).message).toMatch(/signature/);
  });

  test("when it brings its own key", async () => {
    const text = await token(
      {},
      { signWith: otherKey, header: { jwk: otherKey.jwk, jku: `${issuer}/evil`, x5u: `${issuer}/evil` } },
    );
    expect(await refusalOf(text)).toMatchObject({ code: "IDENTITY_REFUSED" });
    expect(fetched).not.toContain("/evil");
  });

  test.each(["none", "None", "HS256"])("67: when its algorithm is %s", async (alg) => {
    const [, payload] = (await token()).split(".");
    const header = Buffer.from(JSON.stringify({ alg, kid: "k1" })).toString("base64url");
    expect(await refusalOf(`${header}.${payload}.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ`)).toMatchObject({
      code: "IDENTITY_REFUSED",
    });
    expect(await refusalOf(`${header}.${payload}.`)).toMatchObject({ code: "IDENTITY_REFUSED" });
  });

  test("67: when it is an HMAC keyed with the published key", async () => {
    const secret = new TextEncoder().encode(JSON.stringify(rsaKey.jwk));
    const text = await new SignJWT({ iss: issuer, aud: "sallyport", sub: "alice" })
      .setProtectedHeader({ alg: "HS256", kid: "r1" })
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(secret);
    published.keys.push({ kty: "oct", k: Buffer.from(secret).toString("base64url"), kid: "r1", alg: "HS256" });
    expect((await refusalOf(text)).message).toMatch(/algorithm/);
  });

  test("when its algorithm is not on the list", async () => {
    expect((await refusalOf(await token(), verifierWith({ algorithms: ["RS256"] }))).message).toMatch(/algorithm/);
  });

  test.each(["logout+jwt", "dpop+jwt", "secevent+jwt", "oauth-id-jag+jwt"])("when it is a %s", async (typ) => {
    expect((await refusalOf(await token({}, { header: { typ } }))).message).toMatch(/typ/);
  });

  test("when it has a critical extension that nobody knows", async () => {
    const [, payload, signature] = (await token()).split(".");
    const header = Buffer.from(JSON.stringify({ alg: "ES256", kid: "k1", crit: ["x"], x: 1 })).toString("base64url");
    expect(await refusalOf(`${header}.${payload}.${signature}`)).toMatchObject({ code: "IDENTITY_REFUSED" });
  });

  test.each([
    "",
    "a.b",
    "a.b.c.d.e",
    "ä.b.c",
    "a".repeat(20_000),
    "{}.{}.{}",
    `${"a".repeat(9)}.${"b".repeat(9)}.${"c".repeat(9)}`,
  ])("when it is no token at all (%#)", async (text) => {
    expect(await refusalOf(text)).toMatchObject({ code: "IDENTITY_REFUSED" });
  });

  test("when it is no string", async () => {
    await expect(verifier.verify(undefined as never, options())).rejects.toMatchObject({ code: "IDENTITY_REFUSED" });
  });
});

describe("scenarios 64 and 65: metadata", () => {
  test.each<[string, () => Record<string, unknown>]>([
    ["another issuer", () => ({ issuer: "https://login.example" })],
    ["the issuer with a slash", () => ({ issuer: `${issuer}/` })],
    ["keys elsewhere", () => ({ jwks_uri: "https://evil.example/jwks" })],
    ["keys on a link-local address", () => ({ jwks_uri: "http://169.254.169.254/jwks" })],
    ["keys in a file", () => ({ jwks_uri: "file:///etc/jwks" })],
    ["no keys", () => ({ jwks_uri: undefined })],
  ])("that names %s is refused", async (_what, change) => {
    metadata = { ...metadata, ...change() };
    expect(await refusalOf(await token())).toMatchObject({ code: "IDENTITY_REFUSED" });
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["a redirect", (response) => void response.writeHead(302, { location: `${issuer}/elsewhere` }).end()],
    ["a server error", (response) => void response.writeHead(500).end()],
    ["html", (response) => void response.end("<html>")],
    ["half a document", (response) => void response.end('{"issuer":')],
    ["a megabyte", (response) => void response.end(`{"x":"${"x".repeat(1024 * 1024)}"}`)],
    ["a broken connection", (response) => void response.socket?.destroy()],
  ])("answered with %s is unavailable, and may be tried later", async (_what, reply) => {
    answer = (_request, response) => {
      reply(response);
      return true;
    };
    expect(await refusalOf(await token())).toMatchObject({ code: "IDENTITY_UNAVAILABLE", retryable: true });
    expect(fetched).toHaveLength(1);
  });
});

describe("scenario 67: keys", () => {
  test("67: are fetched once, also by a hundred tokens at the same time", async () => {
    const text = await token();
    await Promise.all(Array.from({ length: 100 }, () => verifier.verify(text, options())));
    expect(fetched).toEqual(["/.well-known/openid-configuration", "/jwks"]);
  });

  test("67: are fetched again for an unknown one, but no more often than every second or so", async () => {
    await verifier.verify(await token(), options());
    const rotated = await token({}, { signWith: otherKey });
    published = { keys: [otherKey.jwk] };
    await Promise.all(Array.from({ length: 20 }, () => refusalOf(rotated)));
    expect(fetched).toHaveLength(2);
    await clock.advance(1_500);
    expect((await verifier.verify(rotated, options())).principal.id).toBe("alice");
    expect(fetched).toHaveLength(4);
  });

  test("67: are used through an outage for an hour and no longer", async () => {
    const text = await token();
    await verifier.verify(text, options());
    answer = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    await clock.advance(59 * 60_000);
    expect((await verifier.verify(text, options())).principal.id).toBe("alice");
    await clock.advance(2 * 60_000);
    expect(await refusalOf(text)).toMatchObject({ code: "IDENTITY_UNAVAILABLE" });
  });

  test("67: that two share a name decide nothing", async () => {
    published = {
      keys: [
        { ...key.jwk, kid: "same" },
        { ...otherKey.jwk, kid: "same" },
      ],
    };
    const text = await token({}, { header: { kid: "same" } });
    expect(await refusalOf(text)).toMatchObject({ code: "IDENTITY_REFUSED" });
  });
});

test("a caller's abort ends its waiting, and the others go on", async () => {
  let release = (): void => {};
  answer = (_request, response) => {
    if (fetched.length > 1) return false;
    release = () => response.end(JSON.stringify(metadata));
    return true;
  };
  const leaving = new AbortController();
  const text = await token();
  const calls = [verifier.verify(text, { signal: leaving.signal, now: NOW }), verifier.verify(text, options())];
  await expect.poll(() => fetched.length).toBe(1);
  leaving.abort(new Error("left"));
  await expect(calls[0]).rejects.toThrow("left");
  release();
  expect((await calls[1])?.principal.id).toBe("alice");
});

test.each<[object, string[]]>([
  [
    { issuer: "x", audience: [], algorithms: ["HS256"], clockToleranceSeconds: 600, y: 1 },
    ["/y", "/issuer", "/audience", "/algorithms/0", "/clockToleranceSeconds"],
  ],
  [{ issuer: "https://a.example/.well-known/openid-configuration", audience: "a" }, ["/issuer"]],
  [{ issuer: "https://a.example", audience: "" }, ["/audience"]],
  [{ issuer: "https://a.example", audience: "a", algorithms: ["none"] }, ["/algorithms/0"]],
  [{ issuer: "https://a.example", audience: "a", algorithms: [] }, ["/algorithms"]],
  [
    { issuer: "https://a.example", audience: "a", endpointOrigins: ["https://b.example/"], principalType: "bot" },
    ["/principalType", "/endpointOrigins/0"],
  ],
])("wrong options are all listed: %j", (wrong, pointers) => {
  try {
    oidcIdentity(wrong as never);
    expect.unreachable();
  } catch (error) {
    expect((error as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer)).toEqual(pointers);
  }
});
