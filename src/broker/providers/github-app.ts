import {
  across,
  callable,
  flag,
  isObject,
  list,
  needed,
  object,
  readOptions,
  type Shape,
  text,
  typed,
  whole,
} from "../../shapes/index.js";
import {
  addressRanges,
  authorities,
  checkIssuer,
  createCheckedFetch,
  FetchFault,
  fetchBounded,
  issuerUrl,
} from "../../transport/index.js";
import { CredentialError, type CredentialFailure, withAside } from "../credential-error.js";
import { ALLOWED_SKEW_MS, DEFAULT_MAX_LIFETIME_MS } from "../lifetime.js";
import { networkFailure, oauthFailure } from "../oauth/failure.js";
import { isBearerText } from "../oauth/granted.js";
import { importSigningKey, type SigningKey, type SigningKeySource, signJwt } from "../oauth/jose.js";
import { jsonObject } from "../oauth/response.js";
import type { CredentialProvider, IssuedCredential, Placement } from "../provider.js";
import { revealed, Secret } from "../secret.js";
import { askFor, type GithubAsk, grantedScopes } from "./github-permissions.js";

/** Which installation of which app, and what of it may be used at most. */
export interface GithubAppOptions {
  /** The app's client id, or its numeric id. */
  readonly appId: string | number;
  readonly installationId: number;
  /** The app's private key: the PEM text that GitHub gives out, or a JWK. */
  readonly key: SigningKeySource["key"];
  /** Names of repositories that a token may be for. Default: those of the rule, or all of the installation. */
  readonly repositories?: readonly string[];
  /** Where the API is. Default `https://api.github.com`. */
  readonly apiUrl?: string;
  /** How long a token is used at most; GitHub's live an hour. Milliseconds. Default 15 minutes. */
  readonly maxLifetimeMs?: number;
  /** For one request to the API. Milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Where the API's name may resolve (CIDR). Default: public addresses only. */
  readonly addresses?: readonly string[];
  /** PEM certificates of the authorities that vouch for it, and no others. Default: those that Node trusts. */
  readonly ca?: string | readonly string[];
  /** Allows `http:` on loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
  /** Another fetch. Default: one that checks addresses. */
  readonly fetch?: typeof globalThis.fetch;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
const VERSION = "2022-11-28";
const BEARER: Placement = Object.freeze({ in: "header", name: "authorization", prefix: "Bearer " });

/**
 * Installation access tokens of a GitHub App, narrowed to the rule: scopes such as `contents:read` or `issues:write` are
 * permissions, `repository:web` is a repository. A rule without a permission gets no token, because GitHub would give
 * everything that the installation may do.
 *
 * @see https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
 */
export function githubApp(given: GithubAppOptions): CredentialProvider {
  const options = readOptions(given, OPTIONS);
  const { appId, installationId, repositories, maxLifetimeMs = DEFAULT_MAX_LIFETIME_MS, timeoutMs = 10_000 } = options;
  const apiUrl = (options.apiUrl ?? "https://api.github.com").replace(/\/$/, "");
  const checked = createCheckedFetch(options);
  let importing: Promise<SigningKey> | undefined;

  const appToken = async (): Promise<string> => {
    importing ??= importSigningKey({ key: options.key, algorithm: "RS256" });
    const key = await importing.catch(() => {
      throw new CredentialError("misconfigured", { message: "The private key of the GitHub App cannot be imported." });
    });
    const now = Math.floor(Date.now() / 1000);
    // GitHub's advice: a minute back for clocks that are ahead, and no longer than ten minutes.
    return await signJwt(key, { iat: now - 60, exp: now + 300, iss: String(appId) });
  };

  const call = async (method: string, path: string, token: string, body: string | undefined, signal: AbortSignal) => {
    try {
      return await fetchBounded(apiUrl + path, {
        method,
        headers: {
          accept: "application/vnd.github+json",
          "x-github-api-version": VERSION,
          "user-agent": "sallyport",
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body }),
        signal,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        fetch: options.fetch ?? checked.fetch,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof FetchFault ? networkFailure(apiUrl, error) : error;
    }
  };

  return {
    close: checked.close,
    async issue({ scopes }, { signal }): Promise<IssuedCredential> {
      const asked = askFor(scopes, repositories);
      const path = `/app/installations/${installationId}/access_tokens`;
      const answer = await call("POST", path, await appToken(), JSON.stringify(asked), signal);
      if (answer.status !== 201) throw failure(apiUrl, answer.status, patience(answer.headers));
      return readToken(jsonObject(answer.bytes) ?? {}, asked, scopes, apiUrl, maxLifetimeMs);
    },
    async revoke({ secret }, { signal }) {
      const { status } = await call("DELETE", "/installation/token", revealed(secret), undefined, signal);
      // 401: it is no token any more.
      if (status === 204 || status === 401) return "revoked";
      throw failure(apiUrl, status, null);
    },
  };
}

/**
 * How long GitHub wants to be left alone, or null where it does not say so: by `Retry-After` (secondary limits), or by
 * `X-RateLimit-Reset`, in seconds since 1970, where nothing remains of the primary limit.
 */
function patience(headers: Headers): string | null {
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  const isUsedUp = headers.get("x-ratelimit-remaining") === "0" && Number.isFinite(reset);
  const until = isUsedUp ? String(Math.max(0, Math.ceil(reset - Date.now() / 1000))) : null;
  return headers.get("retry-after") ?? until;
}

/** GitHub says 403 with a pause when it is asked too often, and 404 or 422 for what the installation does not have. */
function failure(apiUrl: string, status: number, retryAfter: string | null): CredentialError {
  const tooOften = status === 403 && retryAfter !== null;
  if (!tooOften && [403, 404, 422].includes(status)) {
    return new CredentialError("denied", { message: `${apiUrl} gives no such installation token (status ${status}).` });
  }
  return oauthFailure(apiUrl, { status: tooOften ? 429 : status, retryAfter, body: undefined }, Date.now());
}

function readToken(
  body: Readonly<Record<string, unknown>>,
  asked: GithubAsk,
  scopes: readonly string[],
  apiUrl: string,
  maxLifetimeMs: number,
): IssuedCredential {
  const { token, expires_at: expiresAt } = body;
  const lifetimeMs = typeof expiresAt === "string" ? Date.parse(expiresAt) - Date.now() : Number.NaN;
  if (!isBearerText(token) || Number.isNaN(lifetimeMs)) {
    throw new CredentialError("malformed", { message: `The answer of ${apiUrl} is no installation token.` });
  }
  const granted = grantedScopes(body, asked, scopes);
  const credential: IssuedCredential = Object.freeze({
    secret: new Secret(token),
    placement: BEARER,
    scope: granted ?? [],
    lifetimeMs: Math.max(0, Math.min(lifetimeMs, maxLifetimeMs)),
    revocable: true,
    issuer: apiUrl,
  });
  const refuse = (failure: CredentialFailure, reason: string): CredentialError =>
    withAside(new CredentialError(failure, { message: `The answer of ${apiUrl} was not used: ${reason}.` }), {
      rejected: [credential],
    });
  if (granted === undefined) throw refuse("widened", "it may do more than was asked for");
  if (lifetimeMs + ALLOWED_SKEW_MS <= 0) throw refuse("malformed", "it had expired when it arrived");
  return credential;
}

const APP = "must be the app's client id or number";
const PLAIN = /^[\w.-]+$/;

const OPTIONS: Shape<GithubAppOptions> = across(
  object<GithubAppOptions>({
    appId: needed(
      typed(
        (given): given is string | number =>
          (typeof given === "string" && PLAIN.test(given)) || (Number.isSafeInteger(given) && (given as number) > 0),
        APP,
      ),
      APP,
    ),
    installationId: needed(whole(1)),
    key: needed(
      typed(
        (given): given is GithubAppOptions["key"] => (typeof given === "string" && given !== "") || isObject(given),
        "must be a PEM text or a JWK",
      ),
    ),
    repositories: list(
      text("must be the name of a repository", (name) =>
        PLAIN.test(name) ? undefined : "must be the name of a repository",
      ),
      { message: "must be a list of repository names" },
    ),
    apiUrl: issuerUrl,
    maxLifetimeMs: whole(1),
    timeoutMs: whole(1),
    addresses: addressRanges,
    ca: authorities,
    allowInsecure: flag,
    fetch: callable(),
  }),
  ({ apiUrl, allowInsecure }, place) => checkIssuer(apiUrl, allowInsecure, place.at("apiUrl")),
);
