import type { ClientAuth, Configuration, CustomFetch, ServerMetadata } from "openid-client";
import { isGuardError } from "../../errors/guard-error.js";
import { across, callable, flag, isObject, needed, object, readOptions, type Shape, text } from "../../shapes/index.js";
import {
  addressRanges,
  authorities,
  basicAuthorization,
  createCheckedFetch,
  discoverIssuer,
  fetchBounded,
  type IssuerMetadata,
  issuerProblem,
  type PlainFetch,
} from "../../transport/index.js";
import { readApprover } from "../read-reply.js";
import { unavailable } from "../refusals.js";
import { type JWK, loadJose } from "../signing/jose.js";
import type { ApprovalCallback, ApprovalControl, ApprovalReply, ApprovalRequest, Approver } from "../types.js";
import { refusedByProvider } from "../votes/provider-refusal.js";

/** Options of {@link approveByCiba}. */
export interface CibaOptions {
  /** The OpenID provider, exactly as its metadata spells it. */
  readonly issuer: string;
  readonly clientId: string;
  /** `private_key_jwt` with a private key (with `alg`), or `client_secret_basic`. */
  readonly authentication: { readonly key: JWK } | { readonly secret: string };
  /** Whom to ask, as the provider knows them. */
  readonly loginHint: (request: ApprovalRequest) => string | Promise<string>;
  /** Default `openid`. */
  readonly scope?: string;
  /** `acr_values`: how strongly the person must prove who they are. An answer with another `acr` is refused. Default: any. */
  readonly acr?: string;
  /** Claim of the ID token that holds groups. Default `groups`. */
  readonly groupsClaim?: string;
  /** Where its name may resolve (CIDR), e.g. `["10.0.0.0/8"]`, and nowhere else. Default: public addresses. */
  readonly addresses?: readonly string[];
  /** PEM certificates of the authorities that vouch for it, and no others. Default: those that Node trusts. */
  readonly ca?: string | readonly string[];
  /** Allows http on loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
  readonly fetch?: PlainFetch;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 256 * 1024;
const LONGEST_S = 600;
const AUTHORIZATION_DETAIL = "sallyport_approval";

/**
 * Asks a person on their own device, with OpenID Connect CIBA in poll mode: they prove who they are to the provider, and the
 * provider proves them to us with a signed ID token. The binding message is the beginning of the request's fingerprint;
 * where the provider knows the authorization detail `sallyport_approval` (RFC 9396), it gets the whole of it to show. A device
 * that shows neither shows the person nothing to decide by: send them the card another way as well.
 *
 * @throws OptionsError
 */
export function approveByCiba(given: CibaOptions): ApprovalCallback {
  const options = readOptions(given, OPTIONS);
  const insecure = options.allowInsecure === true;
  const access = {
    ...options,
    fetch: options.fetch ?? createCheckedFetch({ ...options, allowInsecure: insecure }).fetch,
  };
  const ask = async (request: ApprovalRequest, control: ApprovalControl): Promise<ApprovalReply> => {
    try {
      const protocol = await loadProtocol();
      const server = await discoverIssuer(access, control.signal);
      const config = await configured(protocol, options, server, access.fetch, control.signal);
      return await converse(protocol, options, server, config, {
        request,
        control,
        hint: await options.loginHint(request),
      });
    } catch (error) {
      control.signal.throwIfAborted();
      // Errors of the protocol library hold tokens and bodies.
      throw isGuardError(error) ? error : unavailable("the OpenID provider could not ask");
    }
  };
  // The polling ends with this process.
  return Object.assign(ask, { asksHere: true });
}

type Protocol = typeof import("openid-client");

/** Loaded by the first question: nobody who asks in another way should wait for it. */
const loadProtocol = (): Promise<Protocol> => import("openid-client");

interface Conversation {
  readonly request: ApprovalRequest;
  readonly control: ApprovalControl;
  readonly hint: string;
}

async function converse(
  { initiateBackchannelAuthentication, pollBackchannelAuthenticationGrant, ResponseBodyError }: Protocol,
  options: CibaOptions,
  server: IssuerMetadata,
  config: Configuration,
  { request, control, hint }: Conversation,
): Promise<ApprovalReply> {
  const details = detailsFor(server, request);
  const asked = await initiateBackchannelAuthentication(config, {
    scope: options.scope ?? "openid",
    login_hint: hint,
    binding_message: bindingMessage(request),
    requested_expiry: String(secondsLeft(request)),
    ...(options.acr === undefined ? {} : { acr_values: options.acr }),
    ...(details === undefined ? {} : { authorization_details: details }),
  });
  try {
    const answer = await pollBackchannelAuthenticationGrant(config, asked, undefined, {
      signal: AbortSignal.any([control.signal, AbortSignal.timeout(asked.expires_in * 1000)]),
    });
    if (details !== undefined && !isGranted(answer["authorization_details"], request)) {
      throw unavailable("the OpenID provider granted something else than was asked");
    }
    const claims = answer.claims();
    if (claims === undefined) throw unavailable("the OpenID provider did not say who has answered");
    if (options.acr !== undefined && claims["acr"] !== options.acr) {
      throw unavailable("the person did not prove who they are as strongly as is asked");
    }
    return control.approve(approverOf(claims, options));
  } catch (error) {
    control.signal.throwIfAborted();
    if (!(error instanceof ResponseBodyError)) throw error;
    if (error.error === "access_denied") return refusedByProvider(control.deny({ id: hint, idp: options.issuer }));
    // Nobody looked at their device: the question stands, and a reminder may ask again.
    if (error.error === "expired_token") return control.pending();
    throw error;
  }
}

/** 20 characters of the basic set that every provider takes (CIBA Core section 7.1 leaves it to them). */
export const bindingMessage = ({ fingerprint }: ApprovalRequest): string =>
  `gf2-${fingerprint.slice("gf2:".length, "gf2:".length + 16)}`;

const secondsLeft = ({ createdAt, expiresAt }: ApprovalRequest): number =>
  Math.min(LONGEST_S, Math.max(1, Math.floor((Date.parse(expiresAt) - Date.parse(createdAt)) / 1000)));

function detailsFor(server: IssuerMetadata, { id, fingerprint, http }: ApprovalRequest): string | undefined {
  const known = server["authorization_details_types_supported"];
  if (!Array.isArray(known) || !known.includes(AUTHORIZATION_DETAIL)) return undefined;
  const detail = { type: AUTHORIZATION_DETAIL, identifier: id, fingerprint, actions: [http.method] };
  return JSON.stringify([{ ...detail, locations: [http.origin + http.path], body: http.body }]);
}

/** What was granted is what was asked (RFC 9396 section 7). */
const isGranted = (granted: unknown, { id, fingerprint }: ApprovalRequest): boolean =>
  Array.isArray(granted) &&
  granted.length === 1 &&
  granted[0]?.type === AUTHORIZATION_DETAIL &&
  granted[0].identifier === id &&
  granted[0].fingerprint === fingerprint;

function approverOf(
  claims: Readonly<Record<string, unknown>>,
  { issuer, groupsClaim = "groups" }: CibaOptions,
): Approver {
  const groups = claims[groupsClaim];
  const at = claims["auth_time"];
  const by = readApprover({
    id: claims["sub"],
    idp: issuer,
    ...(groups === undefined ? {} : { groups }),
    ...(typeof at === "number" ? { authTime: new Date(at * 1000).toISOString() } : {}),
    ...(claims["acr"] === undefined ? {} : { acr: claims["acr"] }),
  });
  if (!by.ok) throw unavailable(by.problem);
  return by.value;
}

async function clientAuth(
  protocol: Protocol,
  clientId: string,
  authentication: CibaOptions["authentication"],
): Promise<ClientAuth> {
  if ("secret" in authentication) {
    const field = basicAuthorization(clientId, authentication.secret);
    return (_server, _client, _body, headers) => headers.set("authorization", field);
  }
  const { key } = authentication;
  const imported = (await (await loadJose()).importJWK(key)) as CryptoKey;
  return protocol.PrivateKeyJwt(
    { key: imported, ...(key.kid === undefined ? {} : { kid: key.kid }) },
    {
      [protocol.modifyAssertion]: (header) => {
        if (key.alg !== undefined) header["alg"] = key.alg;
      },
    },
  );
}

async function configured(
  protocol: Protocol,
  { issuer, clientId, authentication, allowInsecure }: CibaOptions,
  server: IssuerMetadata,
  fetch: PlainFetch,
  signal: AbortSignal,
): Promise<Configuration> {
  const auth = await clientAuth(protocol, clientId, authentication);
  const config = new protocol.Configuration(server as unknown as ServerMetadata, clientId, undefined, auth);
  // The signature of the ID token is checked as well: it is the proof of who has answered.
  protocol.enableNonRepudiationChecks(config);
  if (allowInsecure === true) protocol.allowInsecureRequests(config);
  const send: CustomFetch = async (url, { method, headers, body }) => {
    // Metadata is an answer from the network: no secret goes anywhere but to the issuer.
    if (new URL(url).origin !== new URL(issuer).origin) throw new TypeError("unexpected endpoint");
    const answer = await fetchBounded(url, {
      method,
      headers,
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      signal,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_ANSWER,
      fetch,
    });
    return new Response(answer.status === 204 ? null : answer.bytes, {
      status: answer.status,
      headers: answer.headers,
    });
  };
  config[protocol.customFetch] = send;
  return config;
}

const authentication: Shape<CibaOptions["authentication"]> = {
  read(given, place) {
    if (!isObject(given)) return void place.report("needs a key or a secret");
    if (Object.keys(given).some((name) => name !== "key" && name !== "secret") || ("key" in given && "secret" in given))
      return void place.report("needs a key or a secret, and nothing else");
    const { key, secret } = given;
    if (isObject(key)) return { key: { ...key } as JWK };
    if (typeof secret === "string" && secret !== "") return { secret };
    return void place.report("needs a key (a JWK) or a secret (a text)");
  },
};

const OPTIONS: Shape<CibaOptions> = across(
  object<CibaOptions>({
    issuer: needed(text("must be the URL of the issuer"), "must be the URL of the issuer"),
    clientId: needed(text()),
    authentication: needed(authentication, "needs a key or a secret"),
    loginHint: needed(callable()),
    scope: text(),
    acr: text(),
    groupsClaim: text(),
    addresses: addressRanges,
    ca: authorities,
    allowInsecure: flag,
    fetch: callable(),
  }),
  ({ issuer, allowInsecure }, place) => {
    const problem = issuer === undefined ? undefined : issuerProblem(issuer, allowInsecure === true);
    if (problem !== undefined) place.at("issuer").report(problem);
  },
);
