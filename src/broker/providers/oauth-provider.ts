import { joined } from "../../request/captured.js";
import { CredentialError, type CredentialFailure, withAside } from "../credential-error.js";
import { statedLifetimeMs } from "../lifetime.js";
import { createOAuthClient, type OAuthClient } from "../oauth/client.js";
import { isBearerText, readGrant, type TokenAnswer } from "../oauth/granted.js";
import { readJwt } from "../oauth/jose.js";
import type { CheckedOAuthOptions } from "../oauth/options.js";
import { revokeUnwanted, withRefreshToken } from "../oauth/unwanted.js";
import type { CredentialProvider, GrantRequest, IssuedCredential, Placement } from "../provider.js";
import { Secret } from "../secret.js";

/** What a kind of grant adds to the common parameters. */
export interface GrantKind {
  readonly grantType: string;
  /** Whether it is a token exchange (RFC 8693), whose answers say what they are. */
  readonly exchange: boolean;
  /** Sets its own parameters. Whatever it throws, nothing has been sent yet. */
  prepare(
    parameters: URLSearchParams,
    request: GrantRequest,
    context: GrantContext,
  ): Promise<{ readonly maxLifetimeMs?: number }>;
  /** Further secrets it knows, e.g. that of a second client. */
  secrets?(): readonly string[];
  close?(): Promise<void>;
}

/** What a kind of grant works with. */
export interface GrantContext {
  readonly client: OAuthClient;
  /** Whom the token is for, where anybody says so. */
  readonly audience: string | undefined;
  readonly signal: AbortSignal;
}

const BEARER: Placement = Object.freeze({ in: "header", name: "authorization", prefix: "Bearer " });
const BOUND: Placement = Object.freeze({ in: "header", name: "authorization", prefix: "DPoP " });

/** A provider that asks an authorization server: everything that its grants have in common. */
export function oauthProvider(options: CheckedOAuthOptions, kind: GrantKind): CredentialProvider {
  const client = createOAuthClient(options);
  return {
    dpop: options.dpop,
    async issue(request, { signal }): Promise<IssuedCredential> {
      const audience = request.audience ?? options.audience;
      const parameters = commonParameters(request, audience, options.audienceParameter);
      const { maxLifetimeMs = options.maxLifetimeMs } = await kind.prepare(parameters, request, {
        client,
        audience,
        signal,
      });
      const answer = await client.requestToken(kind.grantType, parameters, signal, request.dpop);
      return readAnswer(
        client,
        answer,
        request,
        audience,
        Math.min(maxLifetimeMs, options.maxLifetimeMs),
        options,
        kind,
      );
    },
    revoke: (credential, { signal }) =>
      revokeUnwanted(credential, signal) ?? client.revokeToken(credential.secret, "access_token", signal),
    async close() {
      await Promise.all([client.close(), kind.close?.()]);
    },
    secrets: () => joined(client.secrets(), kind.secrets?.() ?? []),
  };
}

/** `resource` for a URI (RFC 8707), `audience` for a name, unless the options say otherwise. */
export const audienceParameter = (audience: string, parameter: "resource" | "audience" | undefined): string =>
  parameter ?? (audience.includes(":") ? "resource" : "audience");

function commonParameters(
  request: GrantRequest,
  audience: string | undefined,
  parameter: "resource" | "audience" | undefined,
): URLSearchParams {
  const parameters = new URLSearchParams();
  if (request.scopes.length > 0) parameters.set("scope", request.scopes.join(" "));
  if (audience !== undefined) parameters.set(audienceParameter(audience, parameter), audience);
  if (request.authorizationDetails !== undefined) {
    parameters.set("authorization_details", JSON.stringify(request.authorizationDetails));
  }
  return parameters;
}

function readAnswer(
  client: OAuthClient,
  answer: TokenAnswer,
  request: GrantRequest,
  audience: string | undefined,
  maxLifetimeMs: number,
  options: CheckedOAuthOptions,
  kind: GrantKind,
): IssuedCredential {
  const token = answer["access_token"];
  // It was issued all the same, so it is revoked.
  const refuse = (failure: CredentialFailure, reason: string): CredentialError =>
    withAside(new CredentialError(failure, { message: `The answer of ${options.issuer} was not used: ${reason}.` }), {
      rejected: client.rejected(answer),
    });
  if (answer["error"] !== undefined) throw refuse("malformed", "it holds an error beside a token");
  if (!isBearerText(token)) throw refuse("malformed", "it holds what cannot be a token");
  const jwt = readJwt(token);
  const grant = readGrant(answer, jwt, {
    issuer: options.issuer,
    clientId: options.clientId,
    audience,
    scopes: request.scopes,
    authorizationDetails: request.authorizationDetails,
    formats: options.formats,
    exchange: kind.exchange,
    thumbprint: request.dpop?.thumbprint,
  });
  if (!grant.ok) throw refuse(grant.failure, grant.reason);
  const { iat, exp, sub } = jwt?.claims ?? {};
  const expiresIn = answer["expires_in"];
  const lifetimeMs = statedLifetimeMs({ expiresIn, iat, exp }, maxLifetimeMs, client.serverTime());
  if (lifetimeMs === "none") throw refuse("malformed", "its lifetime is none");
  if (lifetimeMs === "over") throw refuse("malformed", "it had expired when it arrived");
  const credential: IssuedCredential = Object.freeze({
    secret: new Secret(token),
    placement: request.dpop === undefined ? BEARER : BOUND,
    bound: request.dpop !== undefined,
    scope: grant.scope,
    lifetimeMs,
    revocable: true,
    issuer: options.issuer,
    ...(typeof sub === "string" ? { subject: sub } : {}),
    ...(grant.authorizationDetails === undefined ? {} : { authorizationDetails: grant.authorizationDetails }),
    ...(audience === undefined ? {} : { audience }),
  });
  const refreshToken = answer["refresh_token"];
  if (typeof refreshToken !== "string" || refreshToken === "") return credential;
  return withRefreshToken(credential, new Secret(refreshToken), client.revokeToken);
}
