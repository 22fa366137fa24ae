import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { approveByCiba } from "../../src/approval/index.js";
import { clientCredentials, createTokenBroker, githubApp } from "../../src/broker/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { oidcIdentity } from "../../src/identity/index.js";
import { ask, bearerOf, never, TOKEN } from "../broker/support.js";
import { pem } from "../transport/secure.js";

/*
 * Rule: an issuer is trusted as a service is: by the authorities that are named for it, and no others; and it is reached at
 * the addresses that are listed, and no others.
 */

const { privateKey, publicKey } = await generateKeyPair("ES256");
const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256" };

/** An issuer that speaks TLS, with a certificate of authority one. */
async function startIssuer(): Promise<{ issuer: string; requests: string[] }> {
  const requests: string[] = [];
  let issuer = "";
  const server = createServer({ key: pem("server.key"), cert: pem("server.pem") }, (request, response) => {
    requests.push(request.url ?? "");
    const body =
      request.url === "/jwks"
        ? { keys: [jwk] }
        : request.url === "/token"
          ? { access_token: TOKEN, token_type: "Bearer", expires_in: 300 }
          : { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` };
    request.resume();
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { issuer, requests };
}

const ONE = pem("one-ca.pem");
const TWO = pem("two-ca.pem");

describe("an issuer with a certificate of the company's own", () => {
  it.each<[string, { ca?: string | readonly string[] }, string]>([
    ["the authority that vouches for it", { ca: ONE }, TOKEN],
    ["one of several that do", { ca: [TWO, ONE] }, TOKEN],
    ["another authority", { ca: TWO }, "CREDENTIAL_UNAVAILABLE"],
    ["those that Node trusts", {}, "CREDENTIAL_UNAVAILABLE"],
  ])("is asked for credentials by who trusts %s", async (_whom, trust, outcome) => {
    const { issuer, requests } = await startIssuer();
    const broker = createTokenBroker({
      providers: {
        crm: clientCredentials({
          issuer,
          clientId: "crm-agent",
          authentication: { method: "client_secret_post", secret: "s3cret-of-the-client" },
          formats: ["opaque"],
          allowInsecure: true,
          ...trust,
        }),
      },
      issueDeadlineMs: 2_000,
    });
    onTestFinished(() => broker.close());
    const result = await broker.authorise(ask(), never).then(bearerOf, (error: { code: string }) => error.code);
    expect(result).toBe(outcome);
    expect(requests.includes("/token")).toBe(outcome === TOKEN);
  });

  it("proves identities to who trusts its authority, and to nobody else", async () => {
    const { issuer } = await startIssuer();
    const now = Date.now();
    const seconds = Math.floor(now / 1000);
    const token = await new SignJWT({ iss: issuer, aud: "sallyport", sub: "ada", iat: seconds, exp: seconds + 60 })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(privateKey);
    const outcome = (ca: string): Promise<string> =>
      oidcIdentity({ issuer, audience: "sallyport", allowInsecure: true, ca })
        .verify(token, { signal: never.signal, now })
        .then(
          ({ principal }) => principal.id,
          (error: { code: string }) => error.code,
        );
    expect([await outcome(ONE), await outcome(TWO)]).toEqual(["ada", "IDENTITY_UNAVAILABLE"]);
  });
});

describe("an issuer at an address that is not listed", () => {
  it("is not connected to", async () => {
    const { issuer, requests } = await startIssuer();
    const broker = createTokenBroker({
      providers: {
        crm: clientCredentials({
          issuer,
          clientId: "crm-agent",
          authentication: { method: "client_secret_post", secret: "s3cret-of-the-client" },
          ca: ONE,
          addresses: ["10.0.0.0/8"],
        }),
      },
      issueDeadlineMs: 2_000,
    });
    onTestFinished(() => broker.close());
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ name: "CredentialError" });
    expect(requests).toEqual([]);
  });
});

describe("authorities and addresses that are none", () => {
  const issuer = "https://login.example";
  const authentication = { method: "client_secret_post", secret: "s3cret-of-the-client" } as const;
  const makers: [string, (wrong: object) => unknown][] = [
    ["a provider", (wrong) => clientCredentials({ issuer, clientId: "a", authentication, ...wrong })],
    ["a GitHub App", (wrong) => githubApp({ appId: 1, installationId: 1, key: "x", ...wrong })],
    ["an identity", (wrong) => oidcIdentity({ issuer, audience: "a", ...wrong })],
    [
      "CIBA",
      (wrong) =>
        approveByCiba({ issuer, clientId: "a", authentication: { secret: "s" }, loginHint: () => "a", ...wrong }),
    ],
  ];

  it.each(makers)("are refused when %s is made", (_what, make) => {
    for (const [name, value] of [
      ["ca", "no certificate"],
      ["ca", []],
      ["ca", 5],
      ["addresses", ["everywhere"]],
      ["addresses", []],
    ] as const) {
      let problems: readonly { pointer: string }[] = [];
      try {
        make({ [name]: value });
      } catch (error) {
        problems = (error as OptionsError).problems;
      }
      expect(problems.map(({ pointer }) => pointer.split("/")[1])).toEqual([name]);
    }
    expect(() => make({ ca: ONE, addresses: ["10.0.0.0/8"] })).not.toThrow();
  });
});
