import { CredentialError } from "./credential-error.js";
import { type CredentialRequest, normaliseScopes } from "./oauth/grant-request.js";
import type { BrokerSession } from "./provider.js";

/**
 * The identity of a credential: two requests share one only if this text is equal. Every field is written with its
 * length, so that `["ab","cd"]` and `["a","bcd"]` differ; an absent field differs from an empty one; and a field that
 * must be there and is not throws, because two callers without a name are not the same caller. `thumbprint` is that of
 * the session's key, where the credential is bound to one.
 */
export function cacheKey(
  credential: string,
  request: Omit<CredentialRequest, "credential">,
  thumbprint?: string,
): string {
  const { origins, scopes, optionalScopes, authorizationDetails } = request;
  return (
    required("credential", credential) +
    required("service", request.service) +
    (origins.length === 1 ? list(origins) : list([...new Set(origins)].sort())) +
    (request.audience === undefined ? "-" : text(request.audience)) +
    scopesText(scopes) +
    scopesText(optionalScopes) +
    (authorizationDetails === undefined ? "-" : text(stableJson(authorizationDetails))) +
    optional("thumbprint", thumbprint) +
    sessionText(request.session)
  );
}

const text = (value: string): string => `${value.length}:${value}`;

const list = (values: readonly string[]): string => {
  let written = `${values.length}[`;
  for (const value of values) written += text(value);
  return written;
};

const EMPTY = list([]);
const scopeTexts = new WeakMap<readonly string[], string>();

function scopesText(scopes: readonly string[] | undefined): string {
  if (scopes === undefined || scopes.length === 0) return EMPTY;
  const names = normaliseScopes(scopes);
  const known = scopeTexts.get(names);
  if (known !== undefined) return known;
  const written = list(names);
  scopeTexts.set(names, written);
  return written;
}

const sessionTexts = new WeakMap<BrokerSession, string>();

/** Who asks. What cannot change any more is written once. */
function sessionText(session: BrokerSession): string {
  const known = sessionTexts.get(session);
  if (known !== undefined) return known;
  const { principal, agent } = session;
  const written =
    required("session.id", session.id) +
    required("principal.id", principal.id) +
    required("principal.type", principal.type) +
    optional("principal.issuer", principal.issuer) +
    optional("principal.tenant", principal.tenant) +
    required("agent.id", agent.id) +
    optional("agent.instance", agent.instance);
  if (Object.isFrozen(session) && Object.isFrozen(principal) && Object.isFrozen(agent)) {
    sessionTexts.set(session, written);
  }
  return written;
}

function required(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "") {
    throw new CredentialError("misconfigured", { message: `A credential was asked for without ${name}.` });
  }
  return text(value);
}

function optional(name: string, value: unknown): string {
  return value === undefined ? "-" : required(name, value);
}

/** JSON with sorted keys: the order in which an object was written does not make another credential. */
function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
