import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import {
  EXCHANGE_PARAMETERS,
  type ProviderToken,
  type ResourceInfo,
  TOKEN_EXCHANGE,
  tokenExchangeHandler,
} from "./token-exchange-grant.js";

/** What the authorization server knows. */
export interface AuthorizationServerOptions {
  /** Whom users' tokens are for: the guard. Default `sallyport`. */
  readonly userTokenAudience?: string;
  /** Clients by id. Those with a private key get one made; those with a secret bring or get one. */
  readonly clients: Readonly<Record<string, AuthorizationServerClient>>;
  /** Services by their resource identifier, an absolute URI. */
  readonly resources: Readonly<Record<string, AuthorizationServerResource>>;
  /** Whether proofs of possession (RFC 9449) must hold a nonce of the server's. Default: they may. */
  readonly dpopNonces?: boolean;
}

export interface AuthorizationServerClient {
  /** Default `private_key_jwt`. */
  readonly method?: "private_key_jwt" | "client_secret_basic" | "client_secret_post";
  /** Default: made by chance. */
  readonly secret?: string;
}

export interface AuthorizationServerResource {
  readonly scopes: readonly string[];
  /** Opaque tokens can be revoked, and are the default; JWTs can be compared with what was asked. */
  readonly format?: "opaque" | "jwt";
  /** Seconds. Default 300. */
  readonly ttlSeconds?: number;
}

/** One request at the token endpoint, with what is no secret of it. */
export interface TokenRequestRecord {
  readonly clientId: string | undefined;
  readonly grantType: unknown;
  readonly scope: unknown;
  readonly resource: unknown;
  /** `issued`, or the error code of the answer. */
  readonly outcome: string;
}

/** A running authorization server on loopback. */
export interface AuthorizationServer {
  readonly issuer: string;
  /** Private keys of the clients that have one, by client id. */
  readonly clientKeys: Readonly<Record<string, JWK>>;
  /** Secrets of the clients that have one, by client id. */
  readonly clientSecrets: Readonly<Record<string, string>>;
  /** Every request at the token endpoint so far. */
  readonly tokenRequests: readonly TokenRequestRecord[];
  /** How many tokens have been revoked. */
  readonly revocations: () => number;
  /** A token as a login would have given it to the user's application: the guard's identity token. */
  issueUserToken(claims: UserTokenClaims): Promise<string>;
  /** Asks the introspection endpoint (RFC 7662) as a service would. */
  introspect(token: string): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

/** Claims of a user's token; what is not given is filled in. */
export interface UserTokenClaims {
  readonly sub: string;
  /** Seconds from now. Default 3,600. */
  readonly expiresIn?: number;
  readonly aud?: string;
  readonly [claim: string]: unknown;
}

const RESOURCE_SERVER = "resource-server";

/**
 * Starts oidc-provider, a certified OpenID Connect implementation, in this process on a loopback port: for the
 * demonstration and for tests. It is an optional peer dependency and loaded only here. Everything is in memory.
 */
export async function startAuthorizationServer(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
  const { Provider } = await import("oidc-provider/lib/provider.js");
  const { InvalidGrant, InvalidTarget } = await import("oidc-provider/lib/helpers/errors.js");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const serverKey = await makeKey("as-1");
  const clients = await Promise.all(Object.entries(options.clients).map(([id, client]) => makeClient(id, client)));
  const resourceServer = await makeClient(RESOURCE_SERVER, { method: "client_secret_basic" });
  const resource = (identifier: string): ResourceInfo | undefined => resourceInfo(identifier, options);
  const actors = new WeakMap<object, string>();
  const userTokenAudience = options.userTokenAudience ?? "sallyport";

  const provider = new Provider(issuer, {
    adapter: memoryAdapter(),
    clients: [...clients, resourceServer].map(({ metadata }) => metadata),
    jwks: { keys: [serverKey] },
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    enabledJWA: { clientAuthSigningAlgValues: ["ES256"] },
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    scopes: [...new Set(Object.values(options.resources).flatMap(({ scopes }) => scopes))],
    ttl: { AccessToken: 300, ClientCredentials: clientCredentialsTtl, Grant: 3_600 },
    findAccount: (_ctx: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    extraTokenClaims: (_ctx: unknown, token: object) => {
      const actor = actors.get(token);
      return actor === undefined ? undefined : { act: { sub: actor } };
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => options.dpopNonces === true },
      revocation: { enabled: true, allowedPolicy: ownTokensOnly },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx: unknown, identifier: string) => {
          const info = resource(identifier);
          if (info === undefined) throw new InvalidTarget("unknown resource");
          return info;
        },
      },
    },
  });
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    tokenExchangeHandler({
      issuer,
      userTokenAudience,
      serverKeys: [publicPart(serverKey)],
      clientKeys: (clientId) => clients.flatMap(({ id, key }) => (id === clientId && key ? [publicPart(key)] : [])),
      resource,
      newToken: (fields) => new provider.AccessToken(fields),
      newGrant: (fields) => new provider.Grant(fields),
      newResourceServer: (identifier, info) => new provider.ResourceServer(identifier, info),
      setActor: (token: ProviderToken, actor) => actors.set(token, actor),
      invalidGrant: (description) => new InvalidGrant(description),
      invalidTarget: (description) => new InvalidTarget(description),
    }),
    EXCHANGE_PARAMETERS,
  );

  const tokenRequests: TokenRequestRecord[] = [];
  let revocations = 0;
  const record = (ctx: EventContext, outcome: string): void => {
    const { grant_type: grantType, scope, resource: identifier } = ctx.oidc.params ?? {};
    tokenRequests.push({ clientId: ctx.oidc.client?.clientId, grantType, scope, resource: identifier, outcome });
  };
  provider.on("grant.success", (ctx: EventContext) => record(ctx, "issued"));
  provider.on("grant.error", (ctx: EventContext, error: { error?: string }) => record(ctx, error.error ?? "error"));
  for (const event of ["access_token.destroyed", "client_credentials.destroyed"]) {
    provider.on(event, () => void revocations++);
  }
  server.on("request", provider.callback());

  return {
    issuer,
    clientKeys: Object.fromEntries(clients.flatMap(({ id, key }) => (key === undefined ? [] : [[id, key]]))),
    clientSecrets: Object.fromEntries(
      clients.flatMap(({ id, secret }) => (secret === undefined ? [] : [[id, secret]])),
    ),
    tokenRequests,
    revocations: () => revocations,
    async issueUserToken({ sub, expiresIn = 3_600, aud = userTokenAudience, ...claims }) {
      const now = Math.floor(Date.now() / 1000);
      return await new SignJWT({ ...claims, iss: issuer, sub, aud, iat: now, exp: now + expiresIn })
        .setProtectedHeader({ alg: "ES256", kid: "as-1", typ: "at+jwt" })
        .sign(await importJWK(serverKey, "ES256"));
    },
    async introspect(token) {
      const credentials = Buffer.from(`${RESOURCE_SERVER}:${resourceServer.secret}`).toString("base64");
      const response = await fetch(`${issuer}/token/introspection`, {
        method: "POST",
        headers: { authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ token }),
      });
      return (await response.json()) as Readonly<Record<string, unknown>>;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface EventContext {
  readonly oidc: {
    readonly params?: Readonly<Record<string, unknown>>;
    readonly client?: { readonly clientId: string };
  };
}

interface MadeClient {
  readonly id: string;
  readonly key: JWK | undefined;
  readonly secret: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function makeClient(id: string, client: AuthorizationServerClient): Promise<MadeClient> {
  const method = client.method ?? "private_key_jwt";
  const key = method === "private_key_jwt" ? await makeKey(`${id}-1`) : undefined;
  const secret = key === undefined ? (client.secret ?? randomBytes(24).toString("base64url")) : undefined;
  const metadata = {
    client_id: id,
    token_endpoint_auth_method: method,
    grant_types: ["client_credentials", TOKEN_EXCHANGE],
    redirect_uris: [],
    response_types: [],
    ...(key === undefined ? { client_secret: secret } : {}),
    ...(key === undefined ? {} : { token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [publicPart(key)] } }),
  };
  return { id, key, secret, metadata };
}

async function makeKey(kid: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: "ES256", use: "sig" };
}

function publicPart({ d: _private, ...key }: JWK): JWK {
  return key;
}

function resourceInfo(identifier: string, { resources }: AuthorizationServerOptions): ResourceInfo | undefined {
  const resource = Object.hasOwn(resources, identifier) ? resources[identifier] : undefined;
  if (resource === undefined) return undefined;
  return {
    scope: resource.scopes.join(" "),
    audience: identifier,
    accessTokenTTL: resource.ttlSeconds ?? 300,
    accessTokenFormat: resource.format ?? "opaque",
    jwt: { sign: { alg: "ES256" } },
  };
}

const clientCredentialsTtl = (_ctx: unknown, token: { resourceServer?: { accessTokenTTL?: number } }): number =>
  token.resourceServer?.accessTokenTTL ?? 300;

/** RFC 7009 §2.1: a client revokes the tokens that were issued to it. */
const ownTokensOnly = (_ctx: unknown, client: { clientId: string }, token: { clientId: string }): boolean =>
  client.clientId === token.clientId;

/** oidc-provider's own in-memory adapter announces itself on the console, and is shared by all servers of a process. */
function memoryAdapter(): new (model: string) => object {
  const stored = new Map<string, Record<string, unknown>>();
  return class {
    readonly #model: string;
    constructor(model: string) {
      this.#model = model;
    }
    async upsert(id: string, payload: Record<string, unknown>): Promise<void> {
      stored.set(`${this.#model}:${id}`, payload);
    }
    async find(id: string): Promise<Record<string, unknown> | undefined> {
      return stored.get(`${this.#model}:${id}`);
    }
    async destroy(id: string): Promise<void> {
      stored.delete(`${this.#model}:${id}`);
    }
    async consume(id: string): Promise<void> {
      const payload = stored.get(`${this.#model}:${id}`);
      if (payload !== undefined) payload["consumed"] = Math.floor(Date.now() / 1000);
    }
    async revokeByGrantId(grantId: string): Promise<void> {
      for (const [key, payload] of stored) if (payload["grantId"] === grantId) stored.delete(key);
    }
    async findByUid(): Promise<undefined> {}
    async findByUserCode(): Promise<undefined> {}
  };
}
