import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { clientCredentials, createTokenBroker, type OAuthOptions, type TokenBroker } from "../../src/broker/index.js";
import { type Glewlwyd, isInstalled, startGlewlwyd } from "../support/glewlwyd.js";
import { ask, bearerOf, never, sentWith } from "./support.js";

/** A server that nobody here wrote. It is installed where the project is checked (`apt-get install glewlwyd`). */
describe.skipIf(!isInstalled())(
  "Glewlwyd 2.7 (skipped where it is not installed: apt-get install glewlwyd sqlite3)",
  () => {
    let server: Glewlwyd;
    const uuid = "4f0c1d2e-9a8b-4c7d-8e6f-0123456789ab";
    const odd = "p@ss word/+=&%~";
    const scope = ["notes:read"];
    const common = { confidential: true, scope, authorization_type: ["client_credentials"] };

    beforeAll(async () => {
      server = await startGlewlwyd();
      for (const [id, secret, method] of [
        ["refund-agent", uuid, "client_secret_basic"],
        ["odd.agent", odd, "client_secret_post"],
      ] as const) {
        await server.addClient({
          ...common,
          client_id: id,
          name: id,
          client_secret: secret,
          token_endpoint_auth_method: [method],
        });
      }
    }, 30_000);
    afterAll(() => server.close());

    const brokerFor = (change: Partial<OAuthOptions>): TokenBroker => {
      const broker = createTokenBroker({
        providers: {
          crm: clientCredentials({
            issuer: server.issuer,
            clientId: "refund-agent",
            authentication: { method: "client_secret_basic", secret: uuid },
            allowInsecure: true,
            ...change,
          }),
        },
      });
      onTestFinished(() => broker.close());
      return broker;
    };
    const asked = ask({ scopes: scope });

    it.each<[string, Partial<OAuthOptions>]>([
      ["client_secret_basic, a UUID as the secret", {}],
      [
        "client_secret_post, a secret full of signs",
        { clientId: "odd.agent", authentication: { method: "client_secret_post", secret: odd } },
      ],
    ])("issues a token for %s; the session's end revokes it, as introspection says", async (_how, change) => {
      const broker = brokerFor(change);
      const token = await bearerOf(await broker.authorise(asked, never));
      expect(await server.isActive(token)).toBe(true);
      await broker.closeSession("session-1");
      expect(await server.isActive(token)).toBe(false);
    });

    it.each(["ES256", "EdDSA"])("takes a client assertion that is signed with %s", async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const jwk = { ...(await exportJWK(publicKey)), kid: `key-${alg}`, alg, use: "sig" };
      const clientId = `assertion-${alg}`;
      await server.addClient({
        ...common,
        client_id: clientId,
        name: clientId,
        jwks: { keys: [jwk] },
        token_endpoint_auth_method: ["private_key_jwt"],
      });
      const key = { ...(await exportJWK(privateKey)), kid: `key-${alg}` };
      // It documents its token endpoint as the audience of assertions.
      const broker = brokerFor({
        clientId,
        authentication: { method: "private_key_jwt", key, audience: "token_endpoint" },
      });
      expect(await server.isActive(await bearerOf(await broker.authorise(asked, never)))).toBe(true);
    });

    it("binds a token to the session's key, and wants a nonce for it", async () => {
      const broker = brokerFor({ dpop: true });
      const sent = await sentWith(await broker.authorise(asked, never));
      expect(sent.headers.map(([name]) => name)).toEqual(["authorization", "dpop"]);
      expect(sent.headers[0]?.[1]).toMatch(/^DPoP ey/);
    });

    it("refuses a wrong secret, which is final", async () => {
      const broker = brokerFor({ authentication: { method: "client_secret_basic", secret: "wrong" } });
      await expect(broker.authorise(asked, never)).rejects.toMatchObject({ code: "CREDENTIAL_REFUSED" });
    });

    it("issues a token that is not used: it is revoked, as introspection says", async () => {
      let issued = "";
      const watched: typeof fetch = async (url, init) => {
        const response = await fetch(url, init);
        if (String(url).endsWith("/token")) {
          issued = ((await response.clone().json()) as { access_token: string }).access_token;
          expect(await server.isActive(issued)).toBe(true);
        }
        return response;
      };
      const broker = brokerFor({ formats: ["opaque"], fetch: watched });
      await expect(broker.authorise(asked, never)).rejects.toMatchObject({ reason: "substituted" });
      await expect.poll(() => server.isActive(issued)).toBe(false);
    });
  },
);
