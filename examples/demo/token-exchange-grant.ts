import { createLocalJWKSet, type JWK, jwtVerify } from "jose";

/** The service a token is for, as oidc-provider wants to be told. */
export interface ResourceInfo {
  readonly scope: string;
  readonly audience: string;
  readonly accessTokenTTL: number;
  readonly accessTokenFormat: "opaque" | "jwt";
  readonly jwt: { readonly sign: { readonly alg: "ES256" } };
}

/** A token of oidc-provider's. */
export interface ProviderToken {
  resourceServer: unknown;
  readonly expiration: number;
  readonly tokenType: string;
  save(): Promise<string>;
}

/** A grant of oidc-provider's: what tokens belong to, and are revoked with. */
export interface ProviderGrant {
  addResourceScope(resource: string, scope: string): void;
  save(): Promise<string>;
}

/** The part of a koa context at the token endpoint that is used here. */
export interface TokenContext {
  body: unknown;
  readonly oidc: {
    readonly params: Readonly<Record<string, unknown>>;
    readonly client: { readonly clientId: string };
  };
}

/** What the grant needs from the server it is part of. */
export interface ExchangeServer {
  readonly issuer: string;
  /** Whom users' tokens are for. */
  readonly userTokenAudience: string;
  readonly serverKeys: readonly JWK[];
  readonly clientKeys: (clientId: string) => readonly JWK[];
  readonly resource: (identifier: string) => ResourceInfo | undefined;
  readonly newToken: (fields: unknown) => ProviderToken;
  readonly newGrant: (fields: unknown) => ProviderGrant;
  readonly newResourceServer: (identifier: string, info: ResourceInfo) => unknown;
  /** Makes `actor` the `act` claim of a token. */
  readonly setActor: (token: ProviderToken, actor: string) => void;
  readonly invalidGrant: (description: string) => Error;
  readonly invalidTarget: (description: string) => Error;
}

export const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
export const EXCHANGE_PARAMETERS: readonly string[] =
  "subject_token subject_token_type actor_token actor_token_type requested_token_type resource audience scope".split(
    " ",
  );

/**
 * Token exchange (RFC 8693) for oidc-provider, which brings none: the subject is a user's token of this server, the
 * actor a JWT signed by the client, the result a token for one resource with no more than the resource's scopes.
 */
export function tokenExchangeHandler(server: ExchangeServer): (ctx: TokenContext) => Promise<void> {
  return async (ctx) => {
    const { params, client } = ctx.oidc;
    const subject = await verify(params["subject_token"], server.serverKeys, {
      issuer: server.issuer,
      audience: server.userTokenAudience,
    }).catch(() => {
      throw server.invalidGrant("subject_token does not verify");
    });
    const actor = await actorOf(params["actor_token"], client.clientId, server);
    const identifier = params["resource"];
    const resource = typeof identifier === "string" ? server.resource(identifier) : undefined;
    if (typeof identifier !== "string" || resource === undefined) throw server.invalidTarget("unknown resource");

    const known = new Set(resource.scope.split(" "));
    const asked = typeof params["scope"] === "string" ? params["scope"].split(" ") : [...known];
    const scope = asked.filter((name) => known.has(name)).join(" ");
    const grant = server.newGrant({ accountId: subject.sub, clientId: client.clientId });
    grant.addResourceScope(identifier, scope);
    const token = server.newToken({
      client: ctx.oidc.client,
      accountId: subject.sub,
      grantId: await grant.save(),
      gty: "token_exchange",
      scope,
      claims: {},
      expiresIn: Math.min(resource.accessTokenTTL, Math.max(1, subject.exp - Math.floor(Date.now() / 1000))),
    });
    token.resourceServer = server.newResourceServer(identifier, resource);
    server.setActor(token, actor);
    ctx.body = {
      access_token: await token.save(),
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: token.tokenType,
      expires_in: token.expiration,
      scope,
    };
  };
}

/** Without an actor token the authenticated client is the actor (RFC 8693 §1.1). */
async function actorOf(actorToken: unknown, clientId: string, server: ExchangeServer): Promise<string> {
  if (actorToken === undefined) return clientId;
  const checks = { issuer: clientId, audience: server.issuer };
  const { sub } = await verify(actorToken, server.clientKeys(clientId), checks).catch(() => {
    throw server.invalidGrant("actor_token does not verify");
  });
  return sub;
}

async function verify(
  token: unknown,
  keys: readonly JWK[],
  checks: { readonly issuer: string; readonly audience: string },
): Promise<{ readonly sub: string; readonly exp: number }> {
  const { payload } = await jwtVerify(String(token), createLocalJWKSet({ keys: [...keys] }), {
    ...checks,
    algorithms: ["ES256"],
    requiredClaims: ["sub", "exp"],
  });
  return { sub: payload.sub ?? "", exp: payload.exp ?? 0 };
}
