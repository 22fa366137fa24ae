import { randomUUID } from "node:crypto";
import type { Agent } from "../../policy/context.js";
import { joined } from "../../request/captured.js";
import { across, oneOrMore, readOptions, type Shape, text, whole } from "../../shapes/index.js";
import { CredentialError } from "../credential-error.js";
import type { OAuthClient } from "../oauth/client.js";
import { ACCESS_TOKEN_TYPE } from "../oauth/granted.js";
import { readJwt, signJwt } from "../oauth/jose.js";
import { type CheckedOAuthOptions, OAUTH, type OAuthOptions, oauthShape, withOAuthDefaults } from "../oauth/options.js";
import { type Actor, checkActors, readSubject, subjectSupplier } from "../oauth/subject.js";
import { type SecretSource, type SecretSupplier, secretSource, secretSupplier } from "../oauth/suppliers.js";
import type { CredentialProvider, GrantRequest } from "../provider.js";
import { revealed, type Secret } from "../secret.js";
import { oauthProvider } from "./oauth-provider.js";

/** How tokens are exchanged. */
export interface TokenExchangeOptions extends OAuthOptions {
  /**
   * Who acts. `"signed"`: a one-minute JWT whose subject is the agent, signed with the client's own key; the default
   * with `private_key_jwt`. `"client"`: the authenticated client is the actor and no actor token is sent; the default
   * otherwise. Or the source of an actor token, read for every exchange.
   */
  readonly actor?: "signed" | "client" | Exclude<SecretSource, string>;
  /**
   * Whose token is exchanged. Default: the session's identity token. A source, e.g. `{ file: … }` of a Kubernetes
   * projected token or {@link githubActionsToken}, is the identity of the workload; it is read for every exchange.
   */
  readonly subject?: SecretSource;
  /** Whom the subject token must be for, checked before it is sent where it can be read. Default: not checked here. */
  readonly subjectAudience?: string | readonly string[];
  /** How many may act one for another, this agent included (the `act` claims of RFC 8693). Default 5. */
  readonly maxActors?: number;
  /** Token type of the subject token. Default `urn:ietf:params:oauth:token-type:access_token`. */
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
export function tokenExchange(given: TokenExchangeOptions): CredentialProvider {
  const options = readOptions(given, OPTIONS);
  const checked = withOAuthDefaults(options);
  const actor = options.actor ?? (options.authentication.method === "private_key_jwt" ? "signed" : "client");
  const actors = typeof actor === "string" ? undefined : secretSupplier(actor, "the actor token");
  const subjects = options.subject === undefined ? undefined : subjectSupplier(options.subject);
  const audience = options.subjectAudience === undefined ? undefined : [options.subjectAudience].flat();

  return oauthProvider(checked, {
    grantType: "urn:ietf:params:oauth:grant-type:token-exchange",
    exchange: true,
    secrets: () => joined(subjects?.known() ?? [], actors?.known() ?? []),
    async prepare(parameters, request, { client }) {
      const subject = readSubject(await subjectOf(request, subjects), { audience, nowMs: Date.now() });
      const { agent, delegatedBy = [] } = request.session;
      const actorToken = await actors?.read();
      const named =
        actorToken === undefined
          ? { sub: actor === "signed" ? agent.id : checked.clientId, iss: checked.clientId }
          : actorOf(actorToken);
      checkActors(subject, named, actor === "signed" ? delegatedBy.length : 0, options.maxActors ?? DEFAULT_MAX_ACTORS);
      parameters.set("subject_token", revealed(subject.secret));
      parameters.set("subject_token_type", options.subjectTokenType ?? ACCESS_TOKEN_TYPE);
      parameters.set("requested_token_type", ACCESS_TOKEN_TYPE);
      const presented =
        actor === "signed"
          ? await signedActor(client, checked, agent.id, delegatedBy)
          : actorToken === undefined
            ? undefined
            : revealed(actorToken);
      if (presented !== undefined) {
        parameters.set("actor_token", presented);
        parameters.set("actor_token_type", options.actorTokenType ?? JWT_TYPE);
      }
      return subject.expiresInMs === undefined ? {} : { maxLifetimeMs: subject.expiresInMs };
    },
  });
}

/** Auth0 takes no longer chains, and nobody can account for them. */
const DEFAULT_MAX_ACTORS = 5;

async function subjectOf({ subject }: GrantRequest, supplier: SecretSupplier | undefined): Promise<Secret> {
  if (supplier !== undefined) return await supplier.read();
  if (subject !== undefined) return subject;
  throw new CredentialError("subject_rejected", { message: "The session has no identity token to exchange." });
}

/** Who an actor token says it is; undefined where it cannot be read. */
function actorOf(token: Secret): Actor | undefined {
  const { sub, iss } = readJwt(revealed(token))?.claims ?? {};
  return typeof sub === "string" ? { sub, ...(typeof iss === "string" ? { iss } : {}) } : undefined;
}

/** The agent as a JWT of one minute; in `act`, through whom it got the task, the latest first (RFC 8693 §4.1). */
async function signedActor(
  client: OAuthClient,
  { issuer, clientId }: CheckedOAuthOptions,
  agentId: string,
  delegatedBy: readonly Agent[],
): Promise<string> {
  const key = await client.signingKey();
  if (key === undefined)
    throw new CredentialError("misconfigured", { message: "There is no key to sign an actor with." });
  const act = delegatedBy.reduce<object | undefined>(
    (inner, { id }) => ({ sub: id, ...(inner === undefined ? {} : { act: inner }) }),
    undefined,
  );
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: agentId, aud: issuer, iat: now, exp: now + 60, jti: randomUUID() };
  return await signJwt(key, { ...claims, ...(act === undefined ? {} : { act }) });
}

const uri: Shape<string> = text("must be a URI", (given) => (URL.canParse(given) ? undefined : "must be a URI"));

const actor: Shape<NonNullable<TokenExchangeOptions["actor"]>> = {
  read(given, place) {
    if (typeof given !== "string") return secretSource.read(given, place) as Exclude<SecretSource, string> | undefined;
    if (given === "signed" || given === "client") return given;
    place.report('must be "signed", "client" or a source');
    return undefined;
  },
};

const OPTIONS: Shape<TokenExchangeOptions> = across(
  oauthShape<TokenExchangeOptions>({
    ...OAUTH,
    actor,
    subject: secretSource,
    subjectAudience: oneOrMore(text("must be a name"), "must be a name or a list of names"),
    maxActors: whole(1),
    subjectTokenType: uri,
    actorTokenType: uri,
  }),
  ({ actor: chosen, authentication }, place) => {
    if (chosen === "signed" && authentication !== undefined && authentication.method !== "private_key_jwt")
      place.at("actor").report('"signed" needs the authentication method "private_key_jwt"');
  },
);
