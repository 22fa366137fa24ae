import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  type CustomFetch,
  clientCredentialsGrant,
  customFetch,
  genericGrantRequest,
  PrivateKeyJwt,
  type ServerMetadata,
  tokenRevocation,
} from "openid-client";
import { systemClock } from "../clock.js";
import { readStrictJson } from "../request/json.js";
import {
  type BoundedAnswer,
  discoverIssuer,
  FetchFault,
  fetchBounded,
  freshValue,
  IssuerFault,
  type IssuerMetadata,
  metadataEndpoint,
} from "../transport/index.js";
import { asideOf, CredentialError } from "./credential-error.js";
import type { TokenAnswer } from "./granted.js";
import { importSigningKey, type SigningKey } from "./jose.js";
import { networkFailure, oauthFailure } from "./oauth-failure.js";
import type { CheckedOAuthOptions } from "./oauth-options.js";
import type { RevocationOutcome } from "./provider.js";
import type { Secret } from "./secret.js";
import { secretSupplier } from "./suppliers.js";

/** A client of one authorization server: token requests and revocation, nothing of the protocol library around them. */
export interface OAuthClient {
  /** Sends a token request and gives the JSON object of a 200 answer. Throws {@link CredentialError}, nothing else. */
  requestToken(grantType: string, parameters: URLSearchParams, signal: AbortSignal): Promise<TokenAnswer>;
  /** RFC 7009. */
  revokeToken(token: Secret, signal: AbortSignal): Promise<RevocationOutcome>;
  /** The private key the client authenticates with, where it has one. */
  signingKey(): Promise<SigningKey | undefined>;
  /** Its client secret, where it has one and has read it. */
  secrets(): Iterable<string>;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const METADATA = { maxAgeMs: 10 * 60_000, maxStaleMs: 60 * 60_000, cooldownMs: 1_000 };
const CLIENT_CREDENTIALS = "client_credentials";

/** Makes the client. Nothing is fetched or imported before the first request. */
export function createOAuthClient(options: CheckedOAuthOptions): OAuthClient {
  const { issuer, clientId, authentication } = options;
  const never = new AbortController().signal;
  const metadata = freshValue(() => discoverIssuer(options, never), METADATA, systemClock);
  const clientSecret =
    "secret" in authentication ? secretSupplier(authentication.secret, `the client secret of ${clientId}`) : undefined;
  let importing: Promise<SigningKey> | undefined;

  const signingKey = async (): Promise<SigningKey | undefined> => {
    if (!("key" in authentication)) return undefined;
    importing ??= importSigningKey(authentication);
    return await importing.catch(() => {
      throw new CredentialError("misconfigured", { message: `The private key of ${clientId} cannot be imported.` });
    });
  };

  const clientAuth = async (): Promise<ClientAuth> => {
    const key = await signingKey();
    if (key !== undefined)
      return PrivateKeyJwt({ key: key.key, ...(key.keyId === undefined ? {} : { kid: key.keyId }) });
    const secret = (await clientSecret?.read())?.reveal();
    return authentication.method === "client_secret_basic" ? ClientSecretBasic(secret) : ClientSecretPost(secret);
  };

  /**
   * Runs one call of the protocol library over our own bounded fetch and looks at what came back ourselves. Whatever
   * the library throws is dropped: its errors hold tokens, assertions and bodies where `util.inspect` finds them.
   */
  const call = async (
    endpointName: string,
    signal: AbortSignal,
    run: (config: Configuration) => Promise<unknown>,
  ): Promise<BoundedAnswer> => {
    const { server, endpoint } = await locate(endpointName, signal);
    let answer: BoundedAnswer | undefined;
    let fault: unknown;
    const send: CustomFetch = async (url, { method, headers, body }) => {
      // The library resolves endpoints by itself: no assertion goes anywhere but where we checked.
      if (url !== endpoint) throw new TypeError("unexpected endpoint");
      try {
        answer = await fetchBounded(url, {
          method,
          headers,
          body: String(body),
          signal,
          timeoutMs: options.timeoutMs,
          maxBytes: MAX_ANSWER_BYTES,
          ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
        });
      } catch (error) {
        fault = error;
        throw error;
      }
      return asResponse(answer);
    };
    const config = new Configuration(server as unknown as ServerMetadata, clientId, undefined, await clientAuth());
    config[customFetch] = send;
    config.timeout = undefined;
    if (options.allowInsecure) allowInsecureRequests(config);
    let accepted = true;
    try {
      await run(config);
    } catch {
      accepted = false;
    }
    signal.throwIfAborted();
    if (fault instanceof FetchFault) throw networkFailure(issuer, fault);
    if (answer === undefined) {
      throw new CredentialError("misconfigured", { message: `No request to ${issuer} could be made.` });
    }
    // RFC 7009 wants 200 and the library insists; some servers say 204, and mean the same.
    if (!accepted && !(endpointName === "revocation_endpoint" && answer.status >= 200 && answer.status < 300)) {
      const refusal = {
        status: answer.status,
        retryAfter: answer.headers.get("retry-after"),
        body: jsonObject(answer),
      };
      throw oauthFailure(issuer, refusal, Date.now());
    }
    return answer;
  };

  const locate = async (
    endpointName: string,
    signal: AbortSignal,
  ): Promise<{ readonly server: IssuerMetadata; readonly endpoint: string }> => {
    try {
      const found = await metadata.get(signal);
      const endpoint = new URL(metadataEndpoint(found, endpointName, options)).href;
      // Only what was checked is passed on.
      return { server: { issuer, [endpointName]: endpoint }, endpoint };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof IssuerFault)) throw error;
      const unavailable = error.kind === "unavailable";
      throw new CredentialError(unavailable ? "unreachable" : "misconfigured", {
        message: error.message,
        transient: unavailable,
      });
    }
  };

  return {
    signingKey,
    secrets: () => clientSecret?.known() ?? [],
    async requestToken(grantType, parameters, signal) {
      const answer = await call("token_endpoint", signal, (config) =>
        grantType === CLIENT_CREDENTIALS
          ? clientCredentialsGrant(config, parameters)
          : genericGrantRequest(config, grantType, parameters),
      );
      const body = isJson(answer) ? jsonObject(answer) : undefined;
      if (body === undefined) {
        throw new CredentialError("malformed", { message: `The token answer of ${issuer} is not one JSON object.` });
      }
      return body;
    },
    async revokeToken(token, signal) {
      let server: IssuerMetadata;
      try {
        server = await metadata.get(signal);
      } catch {
        signal.throwIfAborted();
        throw new CredentialError("unreachable", { message: `${issuer} gave no metadata.`, transient: true });
      }
      if (server["revocation_endpoint"] === undefined) return "not_revocable";
      try {
        await call("revocation_endpoint", signal, (config) =>
          tokenRevocation(config, token.reveal(), { token_type_hint: "access_token" }),
        );
        return "revoked";
      } catch (error) {
        // RFC 7009 §2.2.1: the server does not revoke tokens of this kind, e.g. self-contained ones.
        if (error instanceof CredentialError && asideOf(error).oauthError === "unsupported_token_type") {
          return "not_revocable";
        }
        throw error;
      }
    },
  };
}

/** The answer for the library: its own limits and ours have been applied, so it reads from memory. */
function asResponse({ status, headers, bytes }: BoundedAnswer): Response {
  const kept = ["content-type", "www-authenticate"].flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return new Response(status === 204 || status === 205 ? null : bytes, { status, headers: kept });
}

const isJson = ({ headers }: BoundedAnswer): boolean =>
  (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() === "application/json";

function jsonObject({ bytes }: BoundedAnswer): Readonly<Record<string, unknown>> | undefined {
  const read = readStrictJson(bytes);
  if (!read.ok || typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) return undefined;
  return read.value as Readonly<Record<string, unknown>>;
}
