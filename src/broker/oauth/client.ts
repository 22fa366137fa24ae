import type { ClientAuth, Configuration, CustomFetch, ServerMetadata } from "openid-client";
import { systemClock } from "../../clock.js";
import {
  type BoundedAnswer,
  basicAuthorization,
  createCheckedFetch,
  discoverIssuer,
  FetchFault,
  fetchBounded,
  freshValue,
  IssuerFault,
  type IssuerMetadata,
  metadataEndpoint,
} from "../../transport/index.js";
import { asideOf, CredentialError, withAside } from "../credential-error.js";
import type { IssuedCredential, RevocationOutcome } from "../provider.js";
import { isNonce } from "../repair.js";
import { revealed, type Secret } from "../secret.js";
import { type ClockSkew, createClockSkew } from "./clock-skew.js";
import { type DpopKey, NonceBook } from "./dpop.js";
import { networkFailure, oauthFailure } from "./failure.js";
import type { TokenAnswer } from "./granted.js";
import { type IssuedToken, issuedTokens, tokensOf } from "./issued-tokens.js";
import { algorithmFor, importSigningKey, type SigningKey } from "./jose.js";
import type { CheckedOAuthOptions } from "./options.js";
import { asResponse, isJson, jsonObject } from "./response.js";
import { readClientAssertion, subjectSupplier } from "./subject.js";
import { secretSupplier } from "./suppliers.js";
import { unwanted } from "./unwanted.js";

/** A client of one authorization server: token requests and revocation, nothing of the protocol library around them. */
export interface OAuthClient {
  /** Sends a token request and gives the JSON object of a 200 answer. Throws {@link CredentialError}, nothing else. */
  requestToken(
    grantType: string,
    parameters: URLSearchParams,
    signal: AbortSignal,
    dpop?: DpopKey,
  ): Promise<TokenAnswer>;
  /** RFC 7009. */
  revokeToken(token: Secret, hint: IssuedToken["hint"], signal: AbortSignal): Promise<RevocationOutcome>;
  /** What was issued with a response that {@link OAuthClient.requestToken} gave and that is not used: to be revoked. */
  rejected(answer: TokenAnswer): readonly IssuedCredential[];
  /** The time by the server's clock, as far as that is known to differ from ours. Epoch milliseconds. */
  serverTime(): number;
  /** The private key the client authenticates with, where it has one. */
  signingKey(): Promise<SigningKey | undefined>;
  /** Its client secret, where it has one and has read it. */
  secrets(): readonly string[];
  close(): Promise<void>;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const METADATA = { maxAgeMs: 10 * 60_000, maxStaleMs: 60 * 60_000, cooldownMs: 1_000 };
const CLIENT_CREDENTIALS = "client_credentials";

interface Located {
  readonly server: IssuerMetadata;
  readonly endpoint: string;
  /** What the server says it verifies assertions with. */
  readonly algorithms: readonly string[];
  /** As its metadata spells it. */
  readonly tokenEndpoint: string | undefined;
}

interface Call {
  readonly signal: AbortSignal;
  readonly run: (protocol: Protocol, config: Configuration) => Promise<unknown>;
  readonly dpop?: DpopKey;
  /** Of a token request. */
  readonly grantType?: string;
}

interface Outcome {
  readonly answer: BoundedAnswer;
  /** Whether the protocol library found nothing wrong with it. */
  readonly accepted: boolean;
}

type Protocol = typeof import("openid-client");

/** Loaded by the first request: most of what it takes to import Sallyport would be spent on it, and not every guard needs it. */
const loadProtocol = (): Promise<Protocol> => import("openid-client");

/** Makes the client. Nothing is fetched or imported before the first request. */
export function createOAuthClient(options: CheckedOAuthOptions): OAuthClient {
  const { issuer, clientId, authentication } = options;
  const never = new AbortController().signal;
  const checked = createCheckedFetch(options);
  const access = { ...options, fetch: options.fetch ?? checked.fetch };
  const metadata = freshValue(() => discoverIssuer(access, never), METADATA, systemClock);
  const clientSecret =
    "secret" in authentication ? secretSupplier(authentication.secret, `the client secret of ${clientId}`) : undefined;
  const assertions =
    "assertion" in authentication
      ? subjectSupplier(authentication.assertion, `the client assertion of ${clientId}`)
      : undefined;
  const skew: ClockSkew = createClockSkew();
  const nonces = new NonceBook();
  let importing: Promise<SigningKey> | undefined;

  const signingKey = async (): Promise<SigningKey | undefined> => {
    if (!("key" in authentication)) return undefined;
    importing ??= importSigningKey(authentication);
    return await importing.catch(() => {
      throw new CredentialError("misconfigured", { message: `The private key of ${clientId} cannot be imported.` });
    });
  };

  const clientAuth = async (protocol: Protocol, { algorithms, tokenEndpoint }: Located): Promise<ClientAuth> => {
    const key = await signingKey();
    if (key !== undefined && "key" in authentication) {
      return protocol.PrivateKeyJwt(
        { key: key.key, ...(key.keyId === undefined ? {} : { kid: key.keyId }) },
        {
          [protocol.modifyAssertion]: (header, payload) => {
            header["alg"] = algorithmFor(authentication, key, algorithms);
            if (authentication.audience === "token_endpoint" && tokenEndpoint !== undefined)
              payload["aud"] = tokenEndpoint;
          },
        },
      );
    }
    if (assertions !== undefined) {
      const assertion = await readClientAssertion(assertions, clientId, Date.now());
      return (_server, _client, body) => {
        body.set("client_id", clientId);
        body.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        body.set("client_assertion", assertion);
      };
    }
    const read = await clientSecret?.read();
    const secret = read === undefined ? "" : revealed(read);
    if (authentication.method !== "client_secret_basic") return protocol.ClientSecretPost(secret);
    return (_server, _client, _body, headers) => headers.set("authorization", basicAuthorization(clientId, secret));
  };

  /**
   * Runs one call of the protocol library over our own bounded fetch and looks at what came back ourselves. Whatever
   * the library throws is dropped: its errors hold tokens, assertions and bodies where `util.inspect` finds them.
   */
  const callOnce = async (located: Located, { signal, run, dpop }: Call): Promise<Outcome> => {
    const { server, endpoint } = located;
    let answer: BoundedAnswer | undefined;
    let fault: unknown;
    const send: CustomFetch = async (url, { method, headers, body }) => {
      // The library resolves endpoints by itself: no assertion goes anywhere but where we checked.
      if (url !== endpoint) throw new TypeError("unexpected endpoint");
      try {
        answer = await fetchBounded(url, {
          method,
          headers: { ...headers, ...(await proofHeader(method, endpoint, dpop)) },
          body: String(body),
          signal,
          timeoutMs: options.timeoutMs,
          maxBytes: MAX_ANSWER_BYTES,
          fetch: access.fetch,
        });
      } catch (error) {
        fault = error;
        throw error;
      }
      return asResponse(answer);
    };
    const protocol = await loadProtocol();
    const config = new protocol.Configuration(
      server as unknown as ServerMetadata,
      clientId,
      { [protocol.clockSkew]: skew.seconds },
      await clientAuth(protocol, located),
    );
    config[protocol.customFetch] = send;
    config.timeout = undefined;
    if (options.allowInsecure) protocol.allowInsecureRequests(config);
    let accepted = true;
    try {
      await run(protocol, config);
    } catch {
      accepted = false;
    }
    signal.throwIfAborted();
    if (fault instanceof FetchFault) throw networkFailure(issuer, fault);
    if (fault instanceof CredentialError) throw fault;
    if (answer === undefined) {
      throw new CredentialError("misconfigured", { message: `No request to ${issuer} could be made.` });
    }
    const nonce = answer.headers.get("dpop-nonce");
    if (nonce !== null && isNonce(nonce)) nonces.note(endpoint, nonce);
    return { answer, accepted };
  };

  const proofHeader = async (method: string, endpoint: string, dpop?: DpopKey): Promise<Record<string, string>> => {
    if (dpop === undefined) return {};
    const nonce = nonces.get(endpoint);
    const claims = { method, url: endpoint, clockSkew: skew.seconds, ...(nonce === undefined ? {} : { nonce }) };
    return { dpop: await dpop.prove(claims) };
  };

  /** What a refusal asks for and we can give. Each is given once per call: a fresh assertion and proof go with it. */
  const repairOf = ({ status, headers, bytes }: BoundedAnswer, dpop?: DpopKey): "nonce" | "clock" | undefined => {
    if (status !== 400 && status !== 401) return undefined;
    const error = jsonObject(bytes)?.["error"];
    if (dpop !== undefined && error === "use_dpop_nonce") return headers.has("dpop-nonce") ? "nonce" : undefined;
    const timed = (error === "invalid_client" && "key" in authentication) || error === "invalid_dpop_proof";
    return timed && skew.learn(headers.get("date"), Date.now()) ? "clock" : undefined;
  };

  const call = async (endpointName: string, request: Call): Promise<BoundedAnswer> => {
    const located = await locate(endpointName, request.signal);
    const repairs = new Set<string>();
    for (;;) {
      const { answer, accepted } = await callOnce(located, request);
      // RFC 7009 wants 200 and the library insists; some servers say 204, and mean the same.
      if (accepted || (endpointName === "revocation_endpoint" && answer.status >= 200 && answer.status < 300)) {
        return answer;
      }
      const repair = repairOf(answer, request.dpop);
      if (repair === undefined || repairs.has(repair)) throw withRejected(refusal(answer, request.grantType), answer);
      repairs.add(repair);
    }
  };

  const locate = async (endpointName: string, signal: AbortSignal): Promise<Located> => {
    try {
      const found = await metadata.get(signal);
      const endpoint = new URL(metadataEndpoint(found, endpointName, options)).href;
      const algorithms = found["token_endpoint_auth_signing_alg_values_supported"];
      const tokenEndpoint = found["token_endpoint"];
      // Only what was checked is passed on.
      return {
        server: { issuer, [endpointName]: endpoint },
        endpoint,
        algorithms: Array.isArray(algorithms) ? algorithms.filter((name) => typeof name === "string") : [],
        tokenEndpoint: typeof tokenEndpoint === "string" ? tokenEndpoint : undefined,
      };
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

  const refusal = ({ status, headers, bytes }: BoundedAnswer, grantType: string | undefined): CredentialError => {
    const answer = { status, retryAfter: headers.get("retry-after"), body: jsonObject(bytes) };
    const asked = grantType === undefined ? {} : { grantType, clientId };
    return oauthFailure(issuer, { ...answer, ...asked }, Date.now());
  };

  const rejectedTokens = (tokens: readonly IssuedToken[]): readonly IssuedCredential[] =>
    unwanted(tokens, issuer, options.maxLifetimeMs, revokeToken);

  /** A response that is not used may have issued tokens all the same. */
  const withRejected = (error: CredentialError, { bytes }: BoundedAnswer): CredentialError =>
    withAside(error, { ...asideOf(error), rejected: rejectedTokens(issuedTokens(bytes)) });

  return {
    signingKey,
    secrets: () => clientSecret?.known() ?? assertions?.known() ?? [],
    close: checked.close,
    async requestToken(grantType, parameters, signal, dpop) {
      const run: Call["run"] = ({ clientCredentialsGrant, genericGrantRequest }, config) =>
        grantType === CLIENT_CREDENTIALS
          ? clientCredentialsGrant(config, parameters)
          : genericGrantRequest(config, grantType, parameters);
      const answer = await call("token_endpoint", { signal, run, grantType, ...(dpop === undefined ? {} : { dpop }) });
      const body = isJson(answer.headers) ? jsonObject(answer.bytes) : undefined;
      if (body === undefined) {
        const message = `The token answer of ${issuer} is not one JSON object.`;
        throw withRejected(new CredentialError("malformed", { message }), answer);
      }
      return body;
    },
    rejected: (answer) => rejectedTokens(tokensOf(answer)),
    serverTime: () => Date.now() + skew.seconds * 1000,
    revokeToken,
  };

  async function revokeToken(
    token: Secret,
    hint: IssuedToken["hint"],
    signal: AbortSignal,
  ): Promise<RevocationOutcome> {
    let server: IssuerMetadata;
    try {
      server = await metadata.get(signal);
    } catch {
      signal.throwIfAborted();
      throw new CredentialError("unreachable", { message: `${issuer} gave no metadata.`, transient: true });
    }
    if (server["revocation_endpoint"] === undefined) return "not_revocable";
    try {
      const run: Call["run"] = ({ tokenRevocation }, config) =>
        tokenRevocation(config, revealed(token), { token_type_hint: hint });
      await call("revocation_endpoint", { signal, run });
      return "revoked";
    } catch (error) {
      // RFC 7009 §2.2.1: the server does not revoke tokens of this kind, e.g. self-contained ones.
      if (error instanceof CredentialError && asideOf(error).oauthError === "unsupported_token_type") {
        return "not_revocable";
      }
      throw error;
    }
  }
}
