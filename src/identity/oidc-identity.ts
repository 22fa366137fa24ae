import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from "jose";
import { type Clock, systemClock } from "../clock.js";
import { GuardError } from "../errors/guard-error.js";
import {
  across,
  callable,
  flag,
  having,
  list,
  needed,
  number,
  object,
  oneOf,
  oneOrMore,
  readOptions,
  type Shape,
  text,
} from "../shapes/index.js";
import {
  addressRanges,
  authorities,
  checkIssuer,
  createCheckedFetch,
  discoverIssuer,
  type FreshValue,
  fetchKeySet,
  freshValue,
  type IssuerAccess,
  IssuerFault,
  issuerUrl,
  serverOrigins,
} from "../transport/index.js";
import { principalFromClaims } from "./principal.js";
import { hasRepeatedName } from "./repeated-names.js";
import type { IdentityVerifier, VerifiedIdentity } from "./verifier.js";

/** How {@link oidcIdentity} verifies. */
export interface OidcIdentityOptions {
  /** The provider's issuer identifier, exactly as its metadata and tokens spell it. Not the URL of its metadata. */
  readonly issuer: string;
  /** Whom a token must be for; with several, one of them is enough. */
  readonly audience: string | readonly string[];
  /** Signature algorithms. Default: every asymmetric one of RFC 7518 and RFC 8037. `none` and `HS*` are never allowed. */
  readonly algorithms?: readonly string[];
  /** Difference between the provider's clock and ours that is forgiven, in seconds. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number;
  /** Claim with the principal's groups. Default `groups`. */
  readonly groupsClaim?: string;
  /** Claim with the principal's tenant. Default: none. Once named, a token without it is refused. */
  readonly tenantClaim?: string;
  /** Default: a service where `sub` is the client itself (RFC 9068 §2.2), a human otherwise. */
  readonly principalType?: "human" | "service";
  /** Origins besides the issuer's that `jwks_uri` may be on, e.g. `https://www.googleapis.com`. Default: none. */
  readonly endpointOrigins?: readonly string[];
  /** Where its names may resolve (CIDR), e.g. `["10.0.0.0/8"]`, and nowhere else. Default: public addresses. */
  readonly addresses?: readonly string[];
  /** PEM certificates of the authorities that vouch for it, and no others. Default: those that Node trusts. */
  readonly ca?: string | readonly string[];
  /** Allows `http:` and loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
  /** Another fetch for metadata and keys. Default: one that connects to checked addresses only. */
  readonly fetch?: typeof globalThis.fetch;
  /** What the age of cached keys is measured with. Default: the real clock. */
  readonly clock?: Clock;
}

const ASYMMETRIC = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");

/** An access or ID token; not a logout token, a DPoP proof, a security event or an assertion that happens to verify. */
const TOKEN_TYPES: ReadonlySet<unknown> = new Set([undefined, "jwt", "at+jwt", "application/at+jwt"]);

const MAX_TOKEN_CHARACTERS = 16 * 1024;
const KEYS = { maxAgeMs: 10 * 60_000, maxStaleMs: 60 * 60_000, cooldownMs: 1_000 };

/**
 * Verifies ID and access tokens (JWT, RFC 7519, RFC 8725, RFC 9068) of one OpenID Connect provider: signature by a key
 * the issuer publishes, issuer, audience and time. Throws `IDENTITY_REFUSED` for a token that does not verify and
 * `IDENTITY_UNAVAILABLE` when the keys cannot be had; neither ever contains the token. Throws {@link OptionsError} at
 * construction.
 *
 * It does not ask whether the token has been revoked meanwhile: a session ends with its token at the latest.
 */
export function oidcIdentity(given: OidcIdentityOptions): IdentityVerifier {
  const options = readOptions(given, OPTIONS);
  const rules: IssuerAccess = { ...options, fetch: options.fetch ?? createCheckedFetch(options).fetch };
  const tolerance = options.clockToleranceSeconds ?? 5;
  const mapping = {
    groupsClaim: options.groupsClaim ?? "groups",
    tenantClaim: options.tenantClaim,
    principalType: options.principalType,
  };
  // Every fetch in it is bounded in time by itself.
  const never = new AbortController().signal;
  const keys = freshValue<JWTVerifyGetKey>(
    async () => {
      const keySet = await fetchKeySet(await discoverIssuer(rules, never), rules, never);
      return createLocalJWKSet(keySet as unknown as JSONWebKeySet);
    },
    KEYS,
    options.clock ?? systemClock,
  );

  return {
    async verify(token, { signal, now }): Promise<VerifiedIdentity> {
      signal.throwIfAborted();
      if (typeof token !== "string" || token.length > MAX_TOKEN_CHARACTERS || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
        throw refused("it is not a signed JWT of at most 16 KiB");
      }
      const { payload, protectedHeader } = await verifySignature(token, keys, signal, {
        issuer: options.issuer,
        audience: [options.audience].flat(),
        algorithms: [...(options.algorithms ?? ASYMMETRIC)],
        clockTolerance: tolerance,
        currentDate: new Date(now),
        requiredClaims: ["exp", "iat", "sub"],
      });
      const { typ }: { readonly typ?: unknown } = protectedHeader;
      const type = typeof typ === "string" ? typ.toLowerCase() : typ;
      if (!TOKEN_TYPES.has(type)) throw refused('"typ" is not that of an identity token');
      if (partsOf(token).some(hasRepeatedName)) throw refused("a name occurs twice in it");
      if ((payload.iat ?? 0) * 1000 > now + tolerance * 1000) throw refused('"iat" is in the future');
      const reading = principalFromClaims(payload, mapping);
      if (!reading.ok) throw refused(reading.reason);
      return Object.freeze({ principal: reading.principal, expiresAt: (payload.exp ?? 0) * 1000 });
    },
  };
}

type Verified = Awaited<ReturnType<typeof jwtVerify>>;

async function verifySignature(
  token: string,
  keys: FreshValue<JWTVerifyGetKey>,
  signal: AbortSignal,
  checks: Parameters<typeof jwtVerify>[2],
): Promise<Verified> {
  const mark = keys.mark();
  try {
    try {
      return await jwtVerify(token, await keys.get(signal), checks);
    } catch (error) {
      // The issuer may have rotated its keys; how often we look is ours to say, not the token's.
      const isUnknown = error instanceof errors.JWKSNoMatchingKey;
      const isUnnamed = error instanceof errors.JWSSignatureVerificationFailed && !namesKey(token);
      if (!isUnknown && !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      const renewed = await keys.renew(signal, mark);
      if (renewed !== null) return await jwtVerify(token, renewed, checks);
      if (isUnknown || isUnnamed) throw rotating();
      throw error;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GuardError) throw error;
    if (error instanceof IssuerFault && error.kind === "unavailable") {
      throw new GuardError("IDENTITY_UNAVAILABLE", {
        message: `The identity token was not verified: ${error.message}`,
      });
    }
    throw refused(error instanceof IssuerFault ? error.message : whyNotVerified(error));
  }
}

/** Keys are looked for again in a moment; until then nobody can say whether the token is good. */
const rotating = (): GuardError =>
  new GuardError("IDENTITY_UNAVAILABLE", {
    message:
      "The identity token was not verified: the issuer's keys, which were fetched a moment ago, do not fit it. Try again.",
    retryAfterMs: 1_500,
  });

/** Header and claims of a token that is known to have the form of one. */
const partsOf = (token: string): string[] =>
  token.split(".", 2).map((part) => Buffer.from(part, "base64url").toString());

function namesKey(token: string): boolean {
  try {
    return typeof (JSON.parse(partsOf(token)[0] ?? "") as { kid?: unknown }).kid === "string";
  } catch {
    return true;
  }
}

/** In our words: the library's messages and causes hold claims and keys. */
function whyNotVerified(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) return `"${error.claim}" is not as required`;
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed";
  if (error instanceof errors.JWKSNoMatchingKey) return "the issuer publishes no such key";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "it does not say which of the issuer's keys signed it";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it is malformed";
}

const refused = (reason: string): GuardError =>
  new GuardError("IDENTITY_REFUSED", { message: `The identity token was refused: ${reason}.` });

const claim = text("must be the name of a claim");

const OPTIONS: Shape<OidcIdentityOptions> = across(
  object<OidcIdentityOptions>({
    issuer: needed(issuerUrl),
    audience: needed(oneOrMore(text("must be a name"), "must be a name or a list of names")),
    algorithms: list(oneOf(...ASYMMETRIC), { least: 1, message: `must be some of ${ASYMMETRIC.join(", ")}` }),
    clockToleranceSeconds: number(0, 60, "must be a number from 0 to 60"),
    groupsClaim: claim,
    tenantClaim: claim,
    principalType: oneOf("human", "service"),
    endpointOrigins: serverOrigins,
    addresses: addressRanges,
    ca: authorities,
    allowInsecure: flag,
    fetch: callable(),
    clock: having(["now", "monotonic", "schedule"], "must be a clock"),
  }),
  ({ issuer, allowInsecure }, place) => checkIssuer(issuer, allowInsecure, place.at("issuer")),
);
