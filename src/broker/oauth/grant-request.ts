import { CredentialError } from "../credential-error.js";
import type { AuthorizationDetail, BrokerSession, GrantRequest } from "../provider.js";
import type { DpopKey } from "./dpop.js";

/** What the guard asks the broker for. */
export interface CredentialRequest {
  /** Name of a provider. */
  readonly credential: string;
  readonly service: string;
  /**
   * The origins of the service, and the exact origin of the request. The credential is bound to the exact ones; a
   * wildcard such as `https://*.saas.example` binds nothing.
   */
  readonly origins: readonly string[];
  readonly audience?: string;
  readonly scopes?: readonly string[];
  /** Those of `scopes` that the server may leave out. Default none. */
  readonly optionalScopes?: readonly string[];
  readonly authorizationDetails?: readonly AuthorizationDetail[];
  readonly session: BrokerSession;
}

/** RFC 6749 §3.3: printable ASCII without space, `"` and `\`. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

const NO_SCOPES: readonly string[] = Object.freeze([]);

/** What was made of a frozen list: a policy's lists come with every call. */
const normalised = new WeakMap<readonly string[], readonly string[]>();

/** Scopes as a set: split at spaces, without duplicates, sorted. The caller's array is left alone. */
export function normaliseScopes(scopes: readonly string[]): readonly string[] {
  if (scopes.length === 0) return NO_SCOPES;
  const known = normalised.get(scopes);
  if (known !== undefined) return known;
  const list = sortedScopes(scopes);
  // What may still change is read anew.
  if (Object.isFrozen(scopes)) normalised.set(scopes, list);
  return list;
}

function sortedScopes(scopes: readonly string[]): readonly string[] {
  const names = new Set(scopes.join(" ").split(" "));
  names.delete("");
  for (const name of names) {
    if (SCOPE.test(name)) continue;
    throw new CredentialError("misconfigured", { message: "A scope has characters that no scope can have." });
  }
  return Object.freeze([...names].sort());
}

/** Reads the request once into the form that keys, providers and records use. */
export function readCredentialRequest(request: CredentialRequest, dpop?: DpopKey): GrantRequest {
  const origins = Object.freeze([...new Set(request.origins)].filter(isExactOrigin).sort());
  if (origins.length === 0) {
    throw new CredentialError("misconfigured", {
      message: `The credential "${request.credential}" was asked for without an exact origin to bind it to.`,
    });
  }
  const { audience, authorizationDetails, session } = request;
  const { subjectToken } = session;
  return Object.freeze({
    service: request.service,
    origins,
    scopes: normaliseScopes(request.scopes ?? []),
    session,
    actor: session.agent,
    ...(subjectToken === undefined ? {} : { subject: subjectToken }),
    ...(audience === undefined ? {} : { audience: checkedAudience(audience) }),
    ...(authorizationDetails === undefined ? {} : { authorizationDetails: checkedDetails(authorizationDetails) }),
    ...(dpop === undefined ? {} : { dpop }),
  });
}

const MAX_DETAILS_CHARACTERS = 64 * 1024;

/** A copy that nobody can change any more: it is sent, and then compared with what was granted. */
function checkedDetails(details: readonly AuthorizationDetail[]): readonly AuthorizationDetail[] {
  const text = JSON.stringify(details);
  const typed =
    Array.isArray(details) && details.every((detail) => typeof detail?.type === "string" && detail.type !== "");
  if (typed && text.length <= MAX_DETAILS_CHARACTERS) return Object.freeze(JSON.parse(text) as AuthorizationDetail[]);
  throw new CredentialError("misconfigured", {
    message: "The authorization details are not a list of objects with a type, of at most 64 KiB.",
  });
}

/**
 * Tells origins from wildcards. Need not be stricter: requests are compared with the text as the URL standard writes
 * their origin, so text that is no origin matches nothing.
 */
const isExactOrigin = (origin: string): boolean => /^https?:\/\/[^*/?#@\\]+$/.test(origin);

/**
 * RFC 8707 §2: an absolute URI without a fragment. A plain name passes too, for servers that know audiences by name;
 * what looks like a path is neither.
 */
function checkedAudience(audience: string): string {
  // One audience per token (RFC 8707 §3): a list would be joined to a text that passes for a name.
  if (typeof audience !== "string") {
    throw new CredentialError("target_denied", { message: "The audience is not one text." });
  }
  const absolute = /^[a-z][a-z0-9+.-]*:[\x21\x23-\x7e]+$/i.test(audience) && URL.canParse(audience);
  const name = /^[\w.-]+$/.test(audience);
  if ((absolute && !audience.includes("#")) || name) return audience;
  throw new CredentialError("target_denied", {
    message: "The audience is neither an absolute URI without a fragment nor a plain name.",
  });
}
