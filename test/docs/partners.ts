import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createLocalJWKSet, createRemoteJWKSet, importJWK, importSPKI, type JWK, jwtVerify, SignJWT } from "jose";
import type { Login } from "./world.js";

/** What those of other companies know a token by. */
type TokenFacts = Readonly<Record<string, unknown>>;

/**
 * Servers of other companies that the page on credentials speaks of, on loopback ports: an authorization server that takes
 * assertions, an identity provider that gives them, GitHub's API and the OIDC endpoint of its runners. oidc-provider has no
 * such grants. They check every signature they are shown.
 */
export interface Partners {
  /** Of the authorization server that takes assertions. */
  readonly issuer: string;
  /** Of the identity provider that makes them out of logins. */
  readonly identityProvider: string;
  readonly github: string;
  /** The private key of the GitHub App. */
  readonly appKey: string;
  introspect(token: string): TokenFacts | undefined;
  /** How many installation tokens were revoked. */
  revoked(): number;
  close(): Promise<void>;
}

type Answer = readonly [status: number, body?: unknown];
type Handler = (request: IncomingMessage, body: string, issuer: string) => Promise<Answer>;

const ID_JAG = "urn:ietf:params:oauth:token-type:id-jag";
const BEARER = /^Bearer (.+)$/;

/** Starts them. `login` is where users log in, and whose client asks. */
export async function startPartners(login: Login): Promise<Partners> {
  const app = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const client = createLocalJWKSet({ keys: [publicPart(login.clientKey)] });
  const users = createRemoteJWKSet(new URL(`${login.server.issuer}/jwks`));
  const tokens = new Map<string, TokenFacts>();
  let revoked = 0;
  const issued = (prefix: string, facts: TokenFacts): string => {
    const token = `${prefix}${tokens.size}_of-the-documentation-and-long-enough`;
    tokens.set(token, { active: true, ...facts });
    return token;
  };

  /** Who asks: the client's assertion (RFC 7523 §2.2), or nobody. */
  const clientOf = async (form: URLSearchParams, issuer: string): Promise<string> => {
    const { payload } = await jwtVerify(form.get("client_assertion") ?? "", client, { audience: issuer });
    return String(payload.sub);
  };

  const identityProvider = await start(async (request, body, issuer) => {
    if (request.url !== "/token") return [200, metadataOf(issuer)];
    const form = new URLSearchParams(body);
    const clientId = await clientOf(form, issuer);
    const { payload } = await jwtVerify(form.get("subject_token") ?? "", users, { audience: "sallyport" });
    const scope = form.get("scope");
    const assertion = await new SignJWT({ client_id: `${clientId}-at-partner`, scope })
      .setProtectedHeader({ alg: "ES256", typ: "oauth-id-jag+jwt" })
      .setIssuer(issuer)
      .setSubject(String(payload.sub))
      .setAudience(String(form.get("audience")))
      .setIssuedAt()
      .setExpirationTime("1m")
      // The documentation has one key for every part that a reader would have elsewhere.
      .sign(await importJWK(login.clientKey, "ES256"));
    return [200, { access_token: assertion, issued_token_type: ID_JAG, token_type: "N_A", scope, expires_in: 60 }];
  });

  const authorization = await start(async (request, body, issuer) => {
    if (request.url !== "/token") return [200, metadataOf(issuer)];
    const form = new URLSearchParams(body);
    const clientId = await clientOf(form, issuer);
    const { payload } = await jwtVerify(form.get("assertion") ?? "", client, { audience: issuer });
    const scope = form.get("scope");
    const token = issued("partner_", { sub: payload.sub, client_id: clientId, scope });
    return [200, { access_token: token, token_type: "Bearer", expires_in: 300, scope }];
  });

  const github = await start(async (request, body) => {
    const [, bearer = ""] = BEARER.exec(request.headers.authorization ?? "") ?? [];
    if (request.url?.startsWith("/actions")) {
      if (bearer !== "of-the-runner") return [401];
      return [200, { value: await login.server.issueUserToken({ sub: "repo:acme/web:ref:refs/heads/main" }) }];
    }
    if (request.method === "DELETE") {
      if (tokens.delete(bearer)) revoked++;
      return [204];
    }
    await jwtVerify(bearer, await importSPKI(app.publicKey, "RS256"), { issuer: "Iv1.4f2a" });
    const { permissions, repositories } = JSON.parse(body) as { permissions: object; repositories: string[] };
    const facts = { permissions, repositories: repositories.map((name) => ({ name })) };
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    return [201, { token: issued("ghs_", facts), expires_at, repository_selection: "selected", ...facts }];
  });

  return {
    issuer: authorization.url,
    identityProvider: identityProvider.url,
    github: github.url,
    appKey: app.privateKey,
    introspect: (token) => tokens.get(token),
    revoked: () => revoked,
    close: async () => {
      for (const { close } of [identityProvider, authorization, github]) await close();
    },
  };
}

const metadataOf = (issuer: string): object => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  token_endpoint_auth_methods_supported: ["private_key_jwt"],
});

const publicPart = ({ d: _private, ...key }: JWK): JWK => key;

/** A server whose handler refuses by throwing. */
async function start(handle: Handler): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const [status, body] = await handle(request, text, url).catch((): Answer => [400, { error: "invalid_grant" }]);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
