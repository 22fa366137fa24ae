import { across, needed, object, readOptions, type Shape, text } from "../../shapes/index.js";
import { checkIssuer, issuerUrl, serverOrigins } from "../../transport/index.js";
import { CredentialError, withAside } from "../credential-error.js";
import { createOAuthClient } from "../oauth/client.js";
import { normaliseScopes } from "../oauth/grant-request.js";
import type { TokenAnswer } from "../oauth/granted.js";
import { readJwt } from "../oauth/jose.js";
import {
  type ClientAuthentication,
  clientAuthentication,
  OAUTH,
  type OAuthOptions,
  oauthShape,
  withOAuthDefaults,
} from "../oauth/options.js";
import { readSubject, subjectRejected } from "../oauth/subject.js";
import type { CredentialProvider, GrantRequest } from "../provider.js";
import { revealed } from "../secret.js";
import { JWT_BEARER } from "./jwt-bearer.js";
import { oauthProvider } from "./oauth-provider.js";

/** Where the people log in, and how we are known there. */
export interface IdJagIdentityProvider {
  readonly issuer: string;
  /** Our client at the identity provider. */
  readonly clientId: string;
  readonly authentication: ClientAuthentication;
  readonly endpointOrigins?: readonly string[];
  /** Token type of the session's identity token. Default `urn:ietf:params:oauth:token-type:id_token`. */
  readonly subjectTokenType?: string;
}

/** How a login at one place becomes a token of another. `issuer` and `clientId` are those of the service's own server. */
export interface IdJagOptions extends OAuthOptions {
  readonly identityProvider: IdJagIdentityProvider;
}

const TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token";
const ID_JAG_TYPE = "urn:ietf:params:oauth:token-type:id-jag";

/**
 * Tokens of a service's own authorization server for people who logged in at the company's identity provider, without
 * asking them (draft-ietf-oauth-identity-assertion-authz-grant-03, a draft: what it says may change). Leg one exchanges
 * the session's identity token for an assertion that is good at that server only; leg two presents it there (RFC 7523).
 * Scopes go on both legs.
 */
export function idJag(options: IdJagOptions): CredentialProvider {
  const { identityProvider, ...own } = readOptions(options, OPTIONS);
  const { subjectTokenType = ID_TOKEN_TYPE, ...there } = identityProvider;
  const { allowInsecure, addresses, ca, timeoutMs, fetch } = own;
  const shared = { allowInsecure, addresses, ca, timeoutMs, fetch };
  const defined = Object.fromEntries(Object.entries(shared).filter(([, value]) => value !== undefined));
  const providerOptions = withOAuthDefaults({ ...defined, ...there });
  const checked = withOAuthDefaults(own);
  const provider = createOAuthClient(providerOptions);

  return oauthProvider(checked, {
    grantType: JWT_BEARER,
    exchange: false,
    secrets: () => provider.secrets(),
    close: () => provider.close(),
    async prepare(parameters, request, { audience, signal }) {
      if (request.subject === undefined) throw subjectRejected("is missing: the session has no identity token");
      const subject = readSubject(request.subject, { audience: undefined, nowMs: Date.now() });
      const first = new URLSearchParams({
        subject_token: revealed(subject.secret),
        subject_token_type: subjectTokenType,
        requested_token_type: ID_JAG_TYPE,
        audience: checked.issuer,
      });
      if (request.scopes.length > 0) first.set("scope", request.scopes.join(" "));
      if (audience?.includes(":")) first.set("resource", audience);
      const answer = await provider.requestToken(TOKEN_EXCHANGE, first, signal);
      try {
        const assertion = assertionOf(answer, request, {
          provider: providerOptions.issuer,
          issuer: checked.issuer,
          clientId: checked.clientId,
          resource: first.get("resource"),
        });
        parameters.set("assertion", assertion);
      } catch (error) {
        // What was issued instead is revoked where it came from.
        throw error instanceof CredentialError ? withAside(error, { rejected: provider.rejected(answer) }) : error;
      }
      return subject.expiresInMs === undefined ? {} : { maxLifetimeMs: subject.expiresInMs };
    },
  });
}

/** The assertion of leg one, where it is what was asked for: for this server, this client, and no more scopes. */
function assertionOf(
  answer: TokenAnswer,
  { scopes }: GrantRequest,
  expected: {
    readonly provider: string;
    readonly issuer: string;
    readonly clientId: string;
    readonly resource: string | null;
  },
): string {
  const token = answer["access_token"];
  const jwt = typeof token === "string" ? readJwt(token) : undefined;
  const refuse = (reason: string): CredentialError =>
    new CredentialError("substituted", { message: `The answer of ${expected.provider} was not used: ${reason}.` });
  const type = answer["token_type"];
  if (answer["issued_token_type"] !== ID_JAG_TYPE || jwt === undefined || typeof token !== "string") {
    throw refuse("it is no identity assertion");
  }
  // It is not for use as an access token, and says so (RFC 8693 §2.2.1).
  if (typeof type !== "string" || type.toLowerCase() !== "n_a") throw refuse("it is meant to be used as a token");
  const { header, claims } = jwt;
  if (String(header["typ"]).toLowerCase() !== "oauth-id-jag+jwt") throw refuse('"typ" is not that of an assertion');
  if (claims["iss"] !== expected.provider) throw refuse("it names another issuer");
  const audiences = [claims["aud"]].flat();
  if (audiences.length !== 1 || audiences[0] !== expected.issuer) throw refuse('"aud" is not the server it is for');
  if (claims["client_id"] !== expected.clientId) throw refuse('"client_id" is not this client');
  const resources = claims["resource"] === undefined ? [] : [claims["resource"]].flat();
  if (expected.resource !== null && resources.some((resource) => resource !== expected.resource))
    throw refuse('"resource" is not the service it is for');
  const stated = [answer["scope"], claims["scope"]].filter((scope) => typeof scope === "string");
  if (scopes.length > 0 && normaliseScopes(stated).some((scope) => !scopes.includes(scope))) {
    throw new CredentialError("widened", {
      message: `The answer of ${expected.provider} was not used: its scope is wider than asked for.`,
    });
  }
  return token;
}

const OPTIONS: Shape<IdJagOptions> = across(
  oauthShape<IdJagOptions>({
    ...OAUTH,
    identityProvider: needed(
      object<IdJagIdentityProvider>({
        issuer: needed(issuerUrl),
        clientId: needed(text("must be a name")),
        authentication: needed(clientAuthentication),
        endpointOrigins: serverOrigins,
        subjectTokenType: text("must be a URI", (given) => (URL.canParse(given) ? undefined : "must be a URI")),
      }),
      "must say where people log in",
    ),
  }),
  ({ identityProvider, allowInsecure }, place) =>
    checkIssuer(identityProvider?.issuer, allowInsecure, place.at("identityProvider").at("issuer")),
);
