import { exportJWK, generateKeyPair, importJWK, type JWK, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientCredentials, createTokenBroker, type OAuthOptions, type TokenBroker } from "../../src/broker/index.js";
import { ask, bearerOf, type HostileServer, json, never, startHostileServer, TOKEN } from "./support.js";

/*
 * Servers as there are, each strict about what it documents: a server that compares the Basic credentials as they come, one
 * that verifies EdDSA and nothing else, one that wants its token endpoint as the audience.
 */

let server: HostileServer;
let broker: TokenBroker | undefined;

beforeEach(async () => {
  server = await startHostileServer();
});
afterEach(async () => {
  await broker?.close();
  await server.close();
});

const good = { access_token: TOKEN, token_type: "Bearer", expires_in: 300 };
const call = (change: Partial<OAuthOptions>): Promise<string> => {
  broker = createTokenBroker({
    providers: {
      crm: clientCredentials({
        issuer: server.issuer,
        clientId: "refund-agent",
        authentication: { method: "client_secret_basic", secret: "unused" },
        formats: ["opaque"],
        allowInsecure: true,
        ...change,
      }),
    },
  });
  return broker.authorise(ask(), never).then(bearerOf);
};

describe("client_secret_basic", () => {
  /** RFC 6749 appendix B: what a form leaves alone is sent as it is; servers that do not decode see just that. */
  it.each([
    ["refund-agent", "4f0c1d2e-9a8b-4c7d-8e6f-0123456789ab"],
    ["refund.agent_1*", "a-b_c.d*e"],
  ])("of %s and %s is sent as it is", async (clientId, secret) => {
    server.answer = (response, request) => {
      const given = Buffer.from(String(request.headers.authorization).replace("Basic ", ""), "base64").toString();
      if (given === `${clientId}:${secret}`) json(response, 200, good);
      else json(response, 401, { error: "invalid_client" });
    };
    expect(await call({ clientId, authentication: { method: "client_secret_basic", secret } })).toBe(TOKEN);
    expect(server.requests[0]?.has("client_secret")).toBe(false);
  });

  it.each([
    ["agent:7", "p@ss word/+=&%~", "agent%3A7:p%40ss+word%2F%2B%3D%26%25%7E"],
    ["ä", "ü€", "%C3%A4:%C3%BC%E2%82%AC"],
  ])("of %s and %s is encoded as in a form, for servers that decode", async (clientId, secret, expected) => {
    server.answer = (response, request) => {
      const given = Buffer.from(String(request.headers.authorization).replace("Basic ", ""), "base64").toString();
      const [id, password] = given.split(":").map((part) => new URLSearchParams(`x=${part}`).get("x"));
      if (given === expected && id === clientId && password === secret) json(response, 200, good);
      else json(response, 401, { error: "invalid_client" });
    };
    expect(await call({ clientId, authentication: { method: "client_secret_basic", secret } })).toBe(TOKEN);
  });
});

describe("a client assertion", () => {
  /** Verifies assertions with one name of the algorithm only, for one audience only, as one text. */
  const strict = (jwk: JWK, alg: string, audience: () => string): void => {
    server.answer = async (response, _request, body) => {
      const key = await importJWK(jwk, "EdDSA");
      try {
        const { payload, protectedHeader } = await jwtVerify(String(body.get("client_assertion")), key);
        if (protectedHeader.alg === alg && payload.aud === audience()) return json(response, 200, good);
      } catch {
        // A wrong one.
      }
      json(response, 401, { error: "invalid_client" });
    };
  };

  async function edwards(): Promise<{ privateJwk: JWK; publicJwk: JWK }> {
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    return { privateJwk: { ...(await exportJWK(privateKey)), kid: "k1" }, publicJwk: await exportJWK(publicKey) };
  }

  it.each<[string, string | undefined, string | undefined, readonly string[] | undefined, string]>([
    ["by default", undefined, undefined, undefined, "EdDSA"],
    ["where the server lists EdDSA", undefined, undefined, ["RS256", "EdDSA"], "EdDSA"],
    ["where the server lists both", undefined, undefined, ["Ed25519", "EdDSA"], "EdDSA"],
    ["where the server lists Ed25519 only", undefined, undefined, ["ES256", "Ed25519"], "Ed25519"],
    ["where the JWK says so", "EdDSA", undefined, ["Ed25519"], "EdDSA"],
    ["where the JWK has the newer name", "Ed25519", undefined, ["EdDSA"], "Ed25519"],
    ["where the option says so", "Ed25519", "EdDSA", undefined, "EdDSA"],
  ])(
    "of an Ed25519 key is signed, %s, under the name it is known by",
    async (_when, alg, algorithm, listed, expected) => {
      const { privateJwk, publicJwk } = await edwards();
      server.metadata = { ...server.metadata, token_endpoint_auth_signing_alg_values_supported: listed };
      strict(publicJwk, expected, () => server.issuer);
      const key = alg === undefined ? privateJwk : { ...privateJwk, alg };
      const signing = algorithm === undefined ? { key } : { key, algorithm };
      expect(await call({ authentication: { method: "private_key_jwt", ...signing } })).toBe(TOKEN);
    },
  );

  it("is for the issuer, and by an option for the token endpoint alone", async () => {
    const { privateJwk, publicJwk } = await edwards();
    strict(publicJwk, "EdDSA", () => `${server.issuer}/token`);
    await expect(call({ authentication: { method: "private_key_jwt", key: privateJwk } })).rejects.toMatchObject({
      reason: "client_rejected",
    });
    await broker?.close();
    expect(
      await call({ authentication: { method: "private_key_jwt", key: privateJwk, audience: "token_endpoint" } }),
    ).toBe(TOKEN);
    expect(() =>
      clientCredentials({
        issuer: server.issuer,
        clientId: "a",
        allowInsecure: true,
        authentication: { method: "private_key_jwt", key: privateJwk, audience: "both" as never },
      }),
    ).toThrow(/audience/);
  });
});

describe("faults of the token endpoint", () => {
  it.each<[string, number, unknown, string, string]>([
    ["a 400 without JSON", 400, "<html>bad request</html>", "CREDENTIAL_REFUSED", "denied"],
    ["a 400 with JSON that says nothing", 400, {}, "CREDENTIAL_REFUSED", "denied"],
    ["a 404", 404, "not here", "CREDENTIAL_REFUSED", "denied"],
    ["invalid_dpop_proof", 400, { error: "invalid_dpop_proof" }, "CREDENTIAL_REFUSED", "denied"],
    ["unsupported_grant_type", 400, { error: "unsupported_grant_type" }, "CREDENTIAL_REFUSED", "misconfigured"],
    ["a request that took too long", 408, "", "CREDENTIAL_UNAVAILABLE", "unreachable"],
    ["a 500 without JSON", 500, "oops", "CREDENTIAL_UNAVAILABLE", "unreachable"],
  ])("%s", async (_what, status, body, code, reason) => {
    server.answer = (response) =>
      typeof body === "string"
        ? response.writeHead(status, { "content-type": "text/html" }).end(body)
        : json(response, status, body);
    const error = await call({}).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code, reason, retryable: code === "CREDENTIAL_UNAVAILABLE" });
    expect(server.requests).toHaveLength(1);
  });

  it("a grant type that the server does not give this client names the option to look at", async () => {
    server.answer = (response) => json(response, 400, { error: "unsupported_grant_type" });
    await expect(call({})).rejects.toThrow(
      /grant type client_credentials for the client "refund-agent" \(option "clientId"\)/,
    );
  });
});

describe("an access token whose aud is the client", () => {
  const answer = (): void => {
    const token = [
      { alg: "ES256", typ: "at+jwt" },
      { iss: server.issuer, aud: "refund-agent", client_id: "refund-agent" },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .concat("c2lnbmF0dXJl")
      .join(".");
    server.answer = (response) => json(response, 200, { ...good, access_token: token });
  };

  it("is used where the options say that this is the audience, and refused where they do not", async () => {
    answer();
    await expect(call({ formats: ["at+jwt"] })).rejects.toMatchObject({ reason: "substituted" });
    await broker?.close();
    expect(await call({ formats: ["at+jwt"], audience: "refund-agent" })).toMatch(/^ey/);
  });
});
