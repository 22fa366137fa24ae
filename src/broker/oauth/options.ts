import { type ConfigurationProblem, OptionsError } from "../../errors/guard-error.js";
import { addressesProblem, type IssuerRules, issuerProblem } from "../../transport/index.js";
import { DEFAULT_MAX_LIFETIME_MS } from "../lifetime.js";
import type { TokenFormat } from "./granted.js";
import { algorithmOf, type SigningKeySource } from "./jose.js";
import { type SecretSource, sourceProblem } from "./suppliers.js";

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
  | { readonly method: "client_secret_basic" | "client_secret_post"; readonly secret: SecretSource };

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

const KNOWN =
  "issuer clientId authentication audience audienceParameter formats maxLifetimeMs timeoutMs dpop endpointOrigins addresses allowInsecure fetch".split(
    " ",
  );
const SYMMETRIC_OR_NONE = /^(none|HS\d*|)$/i;

/** Checks the options once and gives them defaults; throws {@link OptionsError} with every problem. */
export function checkOAuthOptions(
  options: OAuthOptions,
  furtherNames: readonly string[] = [],
  furtherProblems: readonly ConfigurationProblem[] = [],
): CheckedOAuthOptions {
  const problems: ConfigurationProblem[] = [...furtherProblems];
  const check = (ok: boolean, pointer: string, message: string): void => {
    if (!ok) problems.push({ pointer, message });
  };
  const isName = (value: unknown): boolean => typeof value === "string" && value !== "";
  const isPositive = (value: unknown): boolean =>
    value === undefined || (Number.isSafeInteger(value) && Number(value) > 0);
  for (const name of Object.keys(options)) {
    check([...KNOWN, ...furtherNames].includes(name), `/${name}`, "is not an option");
  }
  const issuer = issuerProblem(options.issuer, options.allowInsecure === true);
  check(issuer === undefined, "/issuer", issuer ?? "");
  check(isName(options.clientId), "/clientId", "must be a name");
  const authentication = authenticationProblem(options.authentication);
  check(authentication === undefined, "/authentication", authentication ?? "");
  check(options.audience === undefined || isName(options.audience), "/audience", "must be an absolute URI or a name");
  check(
    [undefined, "resource", "audience"].includes(options.audienceParameter),
    "/audienceParameter",
    'must be "resource" or "audience"',
  );
  const formats: unknown = options.formats ?? ["at+jwt"];
  check(
    Array.isArray(formats) &&
      formats.length > 0 &&
      formats.every((format) => ["at+jwt", "jwt", "opaque"].includes(format)),
    "/formats",
    'must be some of "at+jwt", "jwt", "opaque"',
  );
  check(isPositive(options.maxLifetimeMs), "/maxLifetimeMs", "must be a positive whole number");
  check([undefined, true, false].includes(options.dpop), "/dpop", "must be true or false");
  check(isPositive(options.timeoutMs), "/timeoutMs", "must be a positive whole number");
  const addresses = addressesProblem(options.addresses);
  check(addresses === undefined, "/addresses", addresses ?? "");
  const origins: unknown = options.endpointOrigins ?? [];
  check(
    Array.isArray(origins) && origins.every((value) => URL.canParse(value) && new URL(value).origin === value),
    "/endpointOrigins",
    "must be a list of origins",
  );
  if (problems.length > 0) throw new OptionsError(problems);
  return Object.freeze({
    ...options,
    formats: Object.freeze([...(options.formats ?? (["at+jwt"] as const))]),
    maxLifetimeMs: options.maxLifetimeMs ?? DEFAULT_MAX_LIFETIME_MS,
    timeoutMs: options.timeoutMs ?? 10_000,
    allowInsecure: options.allowInsecure ?? false,
    dpop: options.dpop ?? false,
  });
}

function authenticationProblem(authentication: ClientAuthentication | undefined): string | undefined {
  switch (authentication?.method) {
    case "client_secret_basic":
    case "client_secret_post": {
      const problem = sourceProblem(authentication.secret);
      return problem === undefined ? undefined : `secret ${problem}`;
    }
    case "private_key_jwt": {
      const { key } = authentication;
      if (typeof key !== "string" && (typeof key !== "object" || key === null)) {
        return "key must be a JWK, a PEM text or a CryptoKey";
      }
      if (![undefined, "issuer", "token_endpoint"].includes(authentication.audience)) {
        return 'audience must be "issuer" or "token_endpoint"';
      }
      const algorithm = algorithmOf(authentication);
      if (algorithm === undefined) return "needs an algorithm, because the key does not say its own";
      return SYMMETRIC_OR_NONE.test(algorithm) ? "algorithm must be an asymmetric one" : undefined;
    }
    default:
      return 'method must be "private_key_jwt", "client_secret_basic" or "client_secret_post"';
  }
}
