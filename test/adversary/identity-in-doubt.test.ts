import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { oidcIdentity } from "../../src/identity/index.js";
import { type FakeClock, fakeClock } from "../support/fake-clock.js";
import { testGuard } from "../support/guards.js";

/*
 * Rule: a signed token that two readers may read differently is refused; keys that rotate are found within seconds, and
 * until then the refusal says that it is temporary; a stop also ends a session whose identity is still being verified.
 */

const NOW = Date.now();
const seconds = Math.floor(NOW / 1000);
const signal = new AbortController().signal;
let server: Server;
let issuer: string;
let keys: JWK[];
let fetched: number;
let broken: boolean;
let held: Promise<void> | undefined;
let clock: FakeClock;

beforeEach(async () => {
  fetched = 0;
  broken = false;
  held = undefined;
  clock = fakeClock();
  server = createServer(async (request, response) => {
    if (request.url === "/jwks") fetched++;
    await held;
    if (broken) return void response.writeHead(503).end();
    const body = request.url === "/jwks" ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const identity = () => oidcIdentity({ issuer, audience: "sallyport", allowInsecure: true, clock });

async function newKey(kid?: string) {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg: "ES256", ...(kid === undefined ? {} : { kid }) } };
}
type Key = Awaited<ReturnType<typeof newKey>>;

/** A token whose header and claims are just these texts. */
async function signed({ privateKey }: Key, header: string, claims: string): Promise<string> {
  const input = [header, claims].map((text) => Buffer.from(text).toString("base64url")).join(".");
  const how = { name: "ECDSA", hash: "SHA-256" };
  const signature = await crypto.subtle.sign(how, privateKey, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
}

const token = (key: Key, kid?: string): Promise<string> =>
  new SignJWT({ iss: issuer, aud: "sallyport", sub: "ada", iat: seconds, exp: seconds + 600 })
    .setProtectedHeader({ alg: "ES256", ...(kid === undefined ? {} : { kid }) })
    .sign(key.privateKey);

const outcomeOf = (text: string, by = identity()): Promise<string> =>
  by.verify(text, { signal, now: NOW }).then(
    ({ principal }) => principal.id,
    (error: { code?: string }) => error.code ?? String(error),
  );

describe("a signed token", () => {
  const HEADER = '"alg":"ES256","kid":"k1"';
  const claims = (more = ""): string =>
    `{"iss":"${issuer}","aud":"sallyport","sub":"ada","iat":${seconds},"exp":${seconds + 600}${more}}`;

  it.each<[string, string, string]>([
    ["typ that is a number", `{${HEADER},"typ":5}`, ""],
    ["typ that is null", `{${HEADER},"typ":null}`, ""],
    ["typ that is a list", `{${HEADER},"typ":["JWT"]}`, ""],
    ["typ that is an object", `{${HEADER},"typ":{"toLowerCase":"jwt"}}`, ""],
    ["a subject twice", `{${HEADER}}`, ',"sub":"root"'],
    ["a subject twice, once escaped", `{${HEADER}}`, ',"\\u0073ub":"root"'],
    ["groups twice", `{${HEADER}}`, ',"groups":["staff"],"groups":["admins"]'],
    ["a name twice, further inside", `{${HEADER}}`, ',"realm_access":{"roles":["a"],"roles":["b"]}'],
    ["a name twice in its header", `{${HEADER},"typ":"logout+jwt","typ":"JWT"}`, ""],
  ])("with %s is refused with a typed error", async (_what, header, more) => {
    const key = await newKey("k1");
    keys = [key.jwk];
    expect(await outcomeOf(await signed(key, header, claims(more)))).toBe("IDENTITY_REFUSED");
  });

  it.each<[string, string, string]>([
    ["without typ", `{${HEADER}}`, ""],
    ["with typ in capitals", `{${HEADER},"typ":"JWT"}`, ""],
    [
      "with colons, quotes and backslashes in its claims",
      `{${HEADER}}`,
      ',"name":"a\\\\\\":{\\"b\\":1,:","x":[{"sub":1},{"sub":2}]',
    ],
    ["with a large number", `{${HEADER}}`, ',"uid":123456789012345678901234567890'],
  ])("%s is good", async (_what, header, more) => {
    const key = await newKey("k1");
    keys = [key.jwk];
    expect(await outcomeOf(await signed(key, header, claims(more)))).toBe("ada");
  });
});

describe("keys of an issuer that rotate", () => {
  it("are found after a second and a half at most; until then the refusal says that it is temporary", async () => {
    const [old, next] = [await newKey("k1"), await newKey("k2")];
    keys = [old.jwk];
    const by = identity();
    expect(await outcomeOf(await token(old, "k1"), by)).toBe("ada");
    keys = [next.jwk];
    const text = await token(next, "k2");
    expect(await outcomeOf(text, by)).toBe("IDENTITY_UNAVAILABLE");
    expect(fetched).toBe(1);
    await clock.advance(1_500);
    expect(await outcomeOf(text, by)).toBe("ada");
    expect(await outcomeOf(await token(old, "k1"), by)).toBe("IDENTITY_UNAVAILABLE");
    await clock.advance(1_500);
    expect(await outcomeOf(await token(old, "k1"), by)).toBe("IDENTITY_REFUSED");
    expect(fetched).toBe(3);
  });

  it("are found where the only key has no name and is replaced", async () => {
    const [old, next] = [await newKey(), await newKey()];
    keys = [old.jwk];
    const by = identity();
    expect(await outcomeOf(await token(old), by)).toBe("ada");
    keys = [next.jwk];
    expect(await outcomeOf(await token(next), by)).toBe("IDENTITY_UNAVAILABLE");
    await clock.advance(1_500);
    expect(await outcomeOf(await token(next), by)).toBe("ada");
  });

  it("are found where a key is replaced under the same name", async () => {
    const [old, next] = [await newKey("k1"), await newKey("k1")];
    keys = [old.jwk];
    const by = identity();
    expect(await outcomeOf(await token(old, "k1"), by)).toBe("ada");
    keys = [next.jwk];
    await clock.advance(1_500);
    expect(await outcomeOf(await token(next, "k1"), by)).toBe("ada");
  });

  it("are there again a moment after the server is", async () => {
    const key = await newKey("k1");
    keys = [key.jwk];
    broken = true;
    const by = identity();
    const text = await token(key, "k1");
    expect(await outcomeOf(text, by)).toBe("IDENTITY_UNAVAILABLE");
    broken = false;
    await clock.advance(1_500);
    expect(await outcomeOf(text, by)).toBe("ada");
  });

  it("are not asked for more than once a second by tokens under unknown or wrong keys", async () => {
    const [good, evil] = [await newKey("k1"), await newKey("k1")];
    keys = [good.jwk];
    const by = identity();
    const texts = [await token(evil, "k1"), await token(evil, "k9")];
    for (let round = 0; round < 20; round++) {
      for (const text of texts) expect(await outcomeOf(text, by)).toMatch(/^IDENTITY_/);
      await clock.advance(100);
    }
    expect(fetched).toBeLessThanOrEqual(3);
  });

  it("and were fetched for this very token decide at once", async () => {
    const [good, evil] = [await newKey("k1"), await newKey("k1")];
    keys = [good.jwk];
    expect(await outcomeOf(await token(evil, "k1"))).toBe("IDENTITY_REFUSED");
    expect(await outcomeOf(await token(evil, "k9"))).toBe("IDENTITY_REFUSED");
  });
});

describe("a stop while a session is being opened", () => {
  const policy = { version: 1, services: {}, rules: [] } as const;

  async function opening(agent: { id: string }) {
    const key = await newKey("k1");
    keys = [key.jwk];
    let release = (): void => {};
    held = new Promise((resolve) => {
      release = resolve;
    });
    const { guard } = await testGuard({ policy, identity: identity() });
    const identityToken = await token(key, "k1");
    const session = guard.openSession({ identityToken, agent, purpose: "testing" });
    return { guard, session, release };
  }

  it("ends it", async () => {
    const agent = { id: "rogue" };
    const { guard, session, release } = await opening(agent);
    const outcome = session.catch((error: { code: string }) => error.code);
    agent.id = "renamed";
    await guard.revoke({ agent: "rogue" });
    release();
    expect(await outcome).toBe("SESSION_CLOSED");
  });

  it("of another agent does not, and the session is the agent's that was asked for", async () => {
    const agent = { id: "billing" };
    const { guard, session, release } = await opening(agent);
    agent.id = "renamed";
    await guard.revoke({ agent: "rogue" });
    release();
    expect((await session).agent.id).toBe("billing");
  });
});
