import { CredentialError } from "./credential-error.js";
import type { GrantRequest } from "./provider.js";

/**
 * The identity of a credential: two requests share one only if this text is equal. Every field is written with its
 * length, so that `["ab","cd"]` and `["a","bcd"]` differ; an absent field differs from an empty one; and a field that
 * must be there and is not throws, because two callers without a name are not the same caller.
 */
export function cacheKey(credential: string, request: GrantRequest): string {
  const { session } = request;
  const { principal, agent } = session;
  return (
    required("credential", credential) +
    required("service", request.service) +
    list(request.origins) +
    optional("audience", request.audience) +
    list(request.scopes) +
    (request.authorizationDetails === undefined ? "-" : text(stableJson(request.authorizationDetails))) +
    required("session.id", session.id) +
    required("principal.id", principal.id) +
    required("principal.type", principal.type) +
    optional("principal.issuer", principal.issuer) +
    optional("principal.tenant", principal.tenant) +
    required("agent.id", agent.id) +
    optional("agent.instance", agent.instance)
  );
}

const text = (value: string): string => `${value.length}:${value}`;

const list = (values: readonly string[]): string => `${values.length}[${values.map(text).join("")}`;

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
