import { isDeepStrictEqual } from "node:util";
import type { CredentialFailure } from "../credential-error.js";
import type { AuthorizationDetail } from "../provider.js";
import { normaliseScopes } from "./grant-request.js";
import type { ReadableJwt } from "./jose.js";

/** Forms of access token: a JWT that says it is one (RFC 9068), a JWT that does not, anything else. */
export type TokenFormat = "at+jwt" | "jwt" | "opaque";

export const ACCESS_TOKEN_TYPE: string = "urn:ietf:params:oauth:token-type:access_token";

/** What was asked, to compare the answer with. */
export interface Asked {
  readonly issuer: string;
  readonly clientId: string;
  readonly audience: string | undefined;
  readonly scopes: readonly string[];
  readonly authorizationDetails: unknown;
  readonly formats: readonly TokenFormat[];
  /** Whether this was a token exchange (RFC 8693). */
  readonly exchange: boolean;
  /** Thumbprint of the key that the token must be bound to (RFC 9449), or undefined for a bearer token. */
  readonly thumbprint: string | undefined;
}

/** The members of a token answer that are judged, as they were in the JSON. */
export type TokenAnswer = Readonly<Record<string, unknown>>;

/** What was granted, or why it is not what was asked. `reason` completes "The answer was not used: …". */
export type GrantReading =
  | {
      readonly ok: true;
      readonly scope: readonly string[];
      readonly authorizationDetails?: readonly AuthorizationDetail[];
    }
  | { readonly ok: false; readonly failure: CredentialFailure; readonly reason: string };

const no = (failure: CredentialFailure, reason: string): GrantReading => ({ ok: false, failure, reason });

/** RFC 6750 §2.1. Also what keeps a line break out of a header, whose error message would quote the token. */
const BEARER = /^[A-Za-z0-9\-._~+/]+=*$/;
const MAX_TOKEN_CHARACTERS = 16 * 1024;

/** True for text that can be put after `Bearer `. */
export const isBearerText = (token: unknown): token is string =>
  typeof token === "string" && token.length <= MAX_TOKEN_CHARACTERS && BEARER.test(token);

/**
 * Compares a token answer (RFC 6749 §5.1) with what was asked. Whoever answers may be mistaken or malicious: a token
 * for somebody else, from somebody else, for another audience, of another kind, or for more than was asked is refused.
 */
export function readGrant(answer: TokenAnswer, jwt: ReadableJwt | undefined, asked: Asked): GrantReading {
  const { token_type: type, issued_token_type: issuedType } = answer;
  // N_A means "not an access token" (RFC 8693 §2.2.1); a bearer token where a bound one was asked for is a downgrade, and
  // a bound one that nobody asked for is useless (RFC 9449 §5).
  const wanted = asked.thumbprint === undefined ? "bearer" : "dpop";
  if (typeof type !== "string" || type.toLowerCase() !== wanted) {
    return no("substituted", wanted === "dpop" ? "it is not bound to the session's key" : "it is not a bearer token");
  }
  if (asked.exchange && issuedType !== ACCESS_TOKEN_TYPE) return no("substituted", "it is not an access token");
  const format = formatOf(jwt);
  if (format === undefined) return no("substituted", "it is a JWT of another type than an access token");
  if (!asked.formats.includes(format)) {
    return no("substituted", `it is of the format "${format}", which is not in the option "formats"`);
  }
  const problem = jwt === undefined ? undefined : claimsProblem(jwt.claims, asked);
  if (problem !== undefined) return no("substituted", problem);
  const details = grantedDetails(answer["authorization_details"] ?? jwt?.claims["authorization_details"], asked);
  if (details === "wider") return no("widened", "its authorization_details are not within those asked for");
  const scope = grantedScope(answer["scope"], jwt?.claims, asked.scopes);
  return scope.ok && details !== undefined ? { ...scope, authorizationDetails: details } : scope;
}

function formatOf(jwt: ReadableJwt | undefined): TokenFormat | undefined {
  if (jwt === undefined) return "opaque";
  const type = typeof jwt.header["typ"] === "string" ? jwt.header["typ"].toLowerCase() : "jwt";
  if (type === "at+jwt" || type === "application/at+jwt") return "at+jwt";
  return type === "jwt" ? "jwt" : undefined;
}

function claimsProblem(claims: Readonly<Record<string, unknown>>, asked: Asked): string | undefined {
  if (claims["iss"] !== asked.issuer) return "it names another issuer";
  for (const name of ["client_id", "azp"]) {
    if (claims[name] !== undefined && claims[name] !== asked.clientId) return `"${name}" is not this client`;
  }
  const audiences = [claims["aud"]].flat();
  // One audience per token (RFC 8707 §3): one that is good elsewhere too can be replayed there by the service.
  if (asked.audience !== undefined && (audiences.length !== 1 || audiences[0] !== asked.audience)) {
    return '"aud" is not the audience asked for';
  }
  const confirmation = claims["cnf"] as { readonly jkt?: unknown } | null | undefined;
  if (confirmation?.jkt !== asked.thumbprint) return '"cnf" is not the session\'s key';
  // An ID token is for the client itself, and an access token never is.
  if (asked.audience === undefined && audiences.includes(asked.clientId)) return '"aud" is this client';
  return undefined;
}

/**
 * What of the details was granted (RFC 9396 §7). A server that says nothing has not understood the question, and its token
 * may be good for anything.
 */
function grantedDetails(granted: unknown, asked: Asked): readonly AuthorizationDetail[] | "wider" | undefined {
  if (asked.authorizationDetails === undefined) return undefined;
  const list: unknown = plain(granted);
  const wanted = plain(asked.authorizationDetails) as readonly AuthorizationDetail[];
  if (!Array.isArray(list) || list.length === 0) return "wider";
  return list.every((detail) => wanted.some((one) => isWithin(detail, one))) ? Object.freeze(list) : "wider";
}

/** Same type; of every list the same or less; everything else equal, nothing left out and nothing added. */
function isWithin(detail: unknown, wanted: AuthorizationDetail): boolean {
  if (typeof detail !== "object" || detail === null) return false;
  const granted = detail as AuthorizationDetail;
  if (Object.keys(granted).some((name) => !Object.hasOwn(wanted, name))) return false;
  return Object.entries(wanted).every(([name, value]) => {
    const given = Object.hasOwn(granted, name) ? granted[name] : undefined;
    if (!Array.isArray(value)) return isDeepStrictEqual(given, value);
    // An empty list where something was asked for often means "everything".
    if (!Array.isArray(given) || (given.length === 0 && value.length > 0)) return false;
    return given.every((item) => value.some((one) => isDeepStrictEqual(item, one)));
  });
}

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** Absent means "as asked" (RFC 6749 §5.1). Of the answer and the JWT the stricter holds; wider in either is refused. */
function grantedScope(
  stated: unknown,
  claims: Readonly<Record<string, unknown>> | undefined,
  asked: readonly string[],
): GrantReading {
  const statements: (readonly string[])[] = [];
  for (const value of [stated, claims?.["scope"], claims?.["scp"]]) {
    if (value === undefined) continue;
    const scopes = scopeList(value);
    if (scopes === undefined) return no("malformed", "its scope cannot be read");
    statements.push(scopes);
  }
  if (asked.length > 0 && statements.some((scopes) => scopes.some((scope) => !asked.includes(scope)))) {
    return no("widened", "its scope is wider than asked for");
  }
  const [first = asked, ...others] = statements;
  return { ok: true, scope: first.filter((scope) => others.every((scopes) => scopes.includes(scope))) };
}

function scopeList(value: unknown): readonly string[] | undefined {
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list) || !list.every((scope) => typeof scope === "string")) return undefined;
  try {
    return normaliseScopes(list);
  } catch {
    return undefined;
  }
}
