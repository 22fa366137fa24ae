import { randomUUID } from "node:crypto";
import type { ConfigurationProblem } from "../../errors.js";
import { CredentialError } from "../credential-error.js";
import { ACCESS_TOKEN_TYPE } from "../granted.js";
import { readJwt, signJwt } from "../jose.js";
import type { OAuthClient } from "../oauth-client.js";
import { checkOAuthOptions, type OAuthOptions } from "../oauth-options.js";
import type { CredentialProvider, GrantRequest } from "../provider.js";
import { type SecretSource, secretSupplier, sourceProblem } from "../suppliers.js";
import { oauthProvider } from "./oauth-provider.js";

/** How tokens are exchanged. */
export interface TokenExchangeOptions extends OAuthOptions {
  /**
   * Who acts. `"signed"`: a one-minute JWT whose subject is the agent, signed with the client's own key; the default
   * with `private_key_jwt`. `"client"`: the authenticated client is the actor and no actor token is sent; the default
   * otherwise. Or the source of an actor token, read for every exchange.
   */
  readonly actor?: "signed" | "client" | Exclude<SecretSource, string>;
  /** Token type of the session's identity token. Default `urn:ietf:params:oauth:token-type:access_token`. */
  readonly subjectTokenType?: string;
  /** Token type of an actor token from a source. Default `urn:ietf:params:oauth:token-type:jwt`. */
  readonly actorTokenType?: string;
}

const JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt";

/**
 * Tokens on behalf of the session's principal (RFC 8693): the identity token is the subject, the agent the actor. Never
 * falls back to the client's own rights: a session without an identity token gets no credential. A token never outlives
 * the identity token it was exchanged for.
 */
export function tokenExchange(options: TokenExchangeOptions): CredentialProvider {
  const checked = checkOAuthOptions(
    options,
    ["actor", "subjectTokenType", "actorTokenType"],
    exchangeProblems(options),
  );
  const actor = options.actor ?? (options.authentication.method === "private_key_jwt" ? "signed" : "client");
  const supplier = typeof actor === "string" ? undefined : secretSupplier(actor, "the actor token");

  return oauthProvider(checked, {
    grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
    exchange: true,
    async prepare(parameters, request, client) {
      const subject = subjectOf(request, Date.now());
      parameters.set("subject_token", subject.token);
      parameters.set("subject_token_type", options.subjectTokenType ?? ACCESS_TOKEN_TYPE);
      parameters.set("requested_token_type", ACCESS_TOKEN_TYPE);
      const actorToken =
        actor === "signed"
          ? await signedActor(client, checked.issuer, checked.clientId, request.session.agent.id)
          : (await supplier?.read())?.reveal();
      if (actorToken !== undefined) {
        parameters.set("actor_token", actorToken);
        parameters.set("actor_token_type", options.actorTokenType ?? JWT_TYPE);
      }
      return subject.expiresInMs === undefined ? {} : { maxLifetimeMs: subject.expiresInMs };
    },
  });
}

/** The identity token, and how long it still lasts where that can be read. A token known to be over is not sent. */
function subjectOf(
  { session }: GrantRequest,
  nowMs: number,
): { readonly token: string; readonly expiresInMs: number | undefined } {
  const token = session.subjectToken?.reveal();
  if (token === undefined) {
    throw new CredentialError("subject_rejected", { message: "The session has no identity token to exchange." });
  }
  const exp = readJwt(token)?.claims["exp"];
  const expiresInMs = typeof exp === "number" ? Math.floor(exp * 1000 - nowMs) : undefined;
  if (expiresInMs !== undefined && expiresInMs <= 0) {
    throw new CredentialError("subject_rejected", { message: "The session's identity token has expired." });
  }
  return { token, expiresInMs };
}

async function signedActor(client: OAuthClient, issuer: string, clientId: string, agentId: string): Promise<string> {
  const key = await client.signingKey();
  if (key === undefined)
    throw new CredentialError("misconfigured", { message: "There is no key to sign an actor with." });
  const now = Math.floor(Date.now() / 1000);
  return await signJwt(key, { iss: clientId, sub: agentId, aud: issuer, iat: now, exp: now + 60, jti: randomUUID() });
}

function exchangeProblems(options: TokenExchangeOptions): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const { actor } = options;
  if (actor === "signed" && options.authentication?.method !== "private_key_jwt") {
    problems.push({ pointer: "/actor", message: '"signed" needs the authentication method "private_key_jwt"' });
  }
  if (actor !== undefined && actor !== "signed" && actor !== "client") {
    const problem = typeof actor === "string" ? 'must be "signed", "client" or a source' : sourceProblem(actor);
    if (problem !== undefined) problems.push({ pointer: "/actor", message: problem });
  }
  for (const name of ["subjectTokenType", "actorTokenType"] as const) {
    const value = options[name];
    if (value !== undefined && !URL.canParse(value)) problems.push({ pointer: `/${name}`, message: "must be a URI" });
  }
  return problems;
}
