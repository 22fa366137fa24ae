import {
  across,
  also,
  callable,
  flag,
  isObject,
  list,
  type Members,
  needed,
  object,
  oneOf,
  readAt,
  type Shape,
  text,
  typed,
  whole,
} from "../../shapes/index.js";
import {
  addressRanges,
  authorities,
  checkIssuer,
  type IssuerRules,
  issuerUrl,
  serverOrigins,
} from "../../transport/index.js";
import { DEFAULT_MAX_LIFETIME_MS } from "../lifetime.js";
import type { TokenFormat } from "./granted.js";
import { algorithmOf, type SigningKeySource } from "./jose.js";
import { type SecretSource, secretSource } from "./suppliers.js";

/**
 * How the client proves itself. `private_key_jwt` (RFC 7523) sends no secret at all and is what to choose; the secret of
 * the other two is read from its source for every request.
 */
export type ClientAuthentication =
  | ({
      readonly method: "private_key_jwt";
      /**
       * Whom the assertion is for (`aud`): the server's issuer, or its token endpoint, for servers that accept nothing else.
       * Default `issuer`.
       */
      readonly audience?: "issuer" | "token_endpoint";
    } & SigningKeySource)
  | { readonly method: "client_secret_basic" | "client_secret_post"; readonly secret: SecretSource }
  | {
      /**
       * A JWT that a platform issues to this workload and the server trusts (RFC 7523 section 2.2, workload identity federation):
       * nobody keeps a secret or a key. Read anew for every request, so that a rotated file is picked up.
       */
      readonly method: "client_assertion";
      /** Where it is: a file, as Kubernetes and Azure mount one, or a function, such as {@link githubActionsToken}. */
      readonly assertion: Exclude<SecretSource, string>;
    };

/** What every provider that talks to an authorization server needs. */
export interface OAuthOptions {
  /** The authorization server's issuer identifier, exactly as its metadata spells it. Its metadata is fetched. */
  readonly issuer: string;
  readonly clientId: string;
  readonly authentication: ClientAuthentication;
  /** Whom tokens are for where the policy names nobody: an absolute URI (RFC 8707) or a name. */
  readonly audience?: string;
  /** The request parameter an audience goes into. Default: `resource` for a URI, `audience` for a name. */
  readonly audienceParameter?: "resource" | "audience";
  /**
   * Which forms of token are accepted. Default `["at+jwt"]`: JWTs that say they are access tokens (RFC 9068), which can
   * be compared with what was asked. `jwt` admits those without that type, `opaque` everything that cannot be read.
   */
  readonly formats?: readonly TokenFormat[];
  /** How long a token is used at most, whatever the server says. Milliseconds. Default 15 minutes. */
  readonly maxLifetimeMs?: number;
  /** For one request to the server, the last byte of its answer included. Milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Binds every token to a key of its session (RFC 9449): who has the token alone has nothing. The server and the service
   * must both know DPoP; a token that is not bound is refused, and there is no falling back. Default false.
   */
  readonly dpop?: boolean;
  /** Origins besides the issuer's that its endpoints may be on. Default: none. */
  readonly endpointOrigins?: readonly string[];
  /** Where its names may resolve (CIDR), e.g. `["10.0.0.0/8"]`, and nowhere else. Default: public addresses. */
  readonly addresses?: readonly string[];
  /** PEM certificates of the authorities that vouch for it, and no others. Default: those that Node trusts. */
  readonly ca?: string | readonly string[];
  /** Allows `http:` and loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
  /** Another fetch. Default: one that connects to checked addresses only. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Options with their defaults. */
export interface CheckedOAuthOptions extends OAuthOptions, IssuerRules {
  readonly formats: readonly TokenFormat[];
  readonly maxLifetimeMs: number;
  readonly timeoutMs: number;
  readonly allowInsecure: boolean;
  readonly dpop: boolean;
}

const SYMMETRIC_OR_NONE = /^(none|HS\d*|)$/i;
const KEY = "must be a JWK, a PEM text or a CryptoKey";

/** What is wrong with a key to sign with, and where; or undefined. */
export function signingKeyProblem(source: SigningKeySource): readonly [at: string, message: string] | undefined {
  const { key } = source;
  if (!((typeof key === "string" && key !== "") || isObject(key))) return ["key", KEY];
  let algorithm: string | undefined;
  try {
    algorithm = algorithmOf(source);
  } catch {
    return ["key", KEY];
  }
  if (algorithm === undefined) return ["algorithm", "is needed, because the key does not say its own"];
  return SYMMETRIC_OR_NONE.test(algorithm) ? ["algorithm", "must be an asymmetric one"] : undefined;
}

/** Members of a key to sign with, for shapes that have some of their own. */
export const SIGNING_KEY: Members<SigningKeySource> = {
  key: needed(
    typed((given): given is SigningKeySource["key"] => typeof given === "string" || isObject(given), KEY),
    KEY,
  ),
  keyId: text(),
  algorithm: text(),
};

const signed = also(
  object<Extract<ClientAuthentication, { readonly method: "private_key_jwt" }>>({
    ...SIGNING_KEY,
    method: needed(oneOf("private_key_jwt")),
    audience: oneOf("issuer", "token_endpoint"),
  }),
  (source, place) => {
    const [at, message] = signingKeyProblem(source) ?? [];
    if (at !== undefined && message !== undefined) place.at(at).report(message);
  },
);

const presented = object<Extract<ClientAuthentication, { readonly method: "client_assertion" }>>({
  method: needed(oneOf("client_assertion")),
  assertion: needed({
    // A text would be good for minutes, and then fail.
    read: (given, place) =>
      typeof given === "string"
        ? void place.report("must be { env }, { file } or a function")
        : (secretSource.read(given, place) as Exclude<SecretSource, string> | undefined),
  }),
});

const shared = object<Extract<ClientAuthentication, { readonly secret: SecretSource }>>({
  method: needed(oneOf("client_secret_basic", "client_secret_post")),
  secret: needed(secretSource),
});

/** How the client proves itself, by its method. */
export const clientAuthentication: Shape<ClientAuthentication> = {
  read(given, place) {
    if (!isObject(given)) return void place.report("must say how the client proves itself: { method, … }");
    const copy = { ...given }; // `method` decides how the rest is read
    if (copy["method"] === "private_key_jwt") return signed.read(copy, place);
    if (copy["method"] === "client_assertion") return presented.read(copy, place);
    if (copy["method"] === "client_secret_basic" || copy["method"] === "client_secret_post")
      return shared.read(copy, place);
    return void readAt(copy["method"], needed(METHOD), place.at("method"));
  },
};
const METHOD = oneOf("private_key_jwt", "client_secret_basic", "client_secret_post", "client_assertion");

const name = text("must be a name");
const positive = whole(1);

/** The options that all providers have which talk to an authorization server. */
export const OAUTH: Members<OAuthOptions> = {
  issuer: needed(issuerUrl),
  clientId: needed(name),
  authentication: needed(clientAuthentication),
  audience: text("must be an absolute URI or a name"),
  audienceParameter: oneOf("resource", "audience"),
  formats: list(oneOf("at+jwt", "jwt", "opaque"), { least: 1, message: 'must be some of "at+jwt", "jwt", "opaque"' }),
  maxLifetimeMs: positive,
  timeoutMs: positive,
  dpop: flag,
  endpointOrigins: serverOrigins,
  addresses: addressRanges,
  ca: authorities,
  allowInsecure: flag,
  fetch: callable(),
};

/** The shape of a provider's options: those that all have, and its own. */
export const oauthShape = <Options extends OAuthOptions>(members: Members<Options>): Shape<Options> =>
  across(object<Options>(members), ({ issuer, allowInsecure }, place) =>
    checkIssuer(issuer, allowInsecure, place.at("issuer")),
  );

type Defaulted = Pick<CheckedOAuthOptions, "formats" | "maxLifetimeMs" | "timeoutMs" | "allowInsecure" | "dpop">;

/** Fills in the defaults of options that were read. */
export const withOAuthDefaults = <Options extends OAuthOptions>(options: Options): Options & Defaulted =>
  Object.freeze({
    ...options,
    formats: Object.freeze([...(options.formats ?? (["at+jwt"] as const))]),
    maxLifetimeMs: options.maxLifetimeMs ?? DEFAULT_MAX_LIFETIME_MS,
    timeoutMs: options.timeoutMs ?? 10_000,
    allowInsecure: options.allowInsecure ?? false,
    dpop: options.dpop ?? false,
  });
