import type { Principal } from "../policy/context.js";

/** How claims become a principal. */
export interface ClaimMapping {
  /** Claim that holds the groups: an array of strings, or one string. Default `groups`. */
  readonly groupsClaim: string;
  /** Claim that holds the tenant. Once named, a token without it is refused. */
  readonly tenantClaim: string | undefined;
  /** Default: a service where `sub` is the client itself (RFC 9068 §2.2), a human otherwise. */
  readonly principalType: "human" | "service" | undefined;
}

/** A principal, or the reason why the claims do not make one. */
export type PrincipalReading =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: string };

const MAX_GROUPS = 1_000;
const MAX_TEXT = 512;

/** Claims about the token rather than about the person. */
const ABOUT_THE_TOKEN = new Set("iss sub aud exp nbf iat jti nonce at_hash c_hash s_hash".split(" "));

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT && !/[\u0000-\u001f\u007f]/.test(value);

/**
 * Reads the principal out of verified claims. Doubt refuses: a token whose groups are too many to be listed (Entra's
 * overage claim), or whose groups or tenant are of another shape, would silently slip past a rule that denies by them.
 */
export function principalFromClaims(
  claims: Readonly<Record<string, unknown>>,
  mapping: ClaimMapping,
): PrincipalReading {
  const { sub, iss } = claims;
  if (!isText(sub)) return { ok: false, reason: '"sub" is missing or not plain text' };
  const groups = readGroups(claims, mapping.groupsClaim);
  if (typeof groups === "string") return { ok: false, reason: groups };
  const tenant = mapping.tenantClaim === undefined ? undefined : claims[mapping.tenantClaim];
  if (mapping.tenantClaim !== undefined && !isText(tenant)) {
    return { ok: false, reason: `"${mapping.tenantClaim}" (tenant) is missing or not plain text` };
  }
  const name = claims["name"];
  // An address that the provider did not verify is whatever the user typed ("nOAuth", Descope 2023).
  const email = claims["email_verified"] === true ? claims["email"] : undefined;
  return {
    ok: true,
    principal: Object.freeze({
      id: sub,
      type: mapping.principalType ?? typeOf(claims),
      ...(typeof iss === "string" ? { issuer: iss } : {}),
      ...(isText(tenant) ? { tenant } : {}),
      ...(isText(name) ? { name } : {}),
      ...(isText(email) ? { email } : {}),
      ...(groups === undefined ? {} : { groups }),
      claims: frozenClaims(claims, email === undefined),
    }),
  };
}

const typeOf = (claims: Readonly<Record<string, unknown>>): "human" | "service" =>
  claims["sub"] === claims["client_id"] || claims["sub"] === claims["azp"] ? "service" : "human";

function readGroups(claims: Readonly<Record<string, unknown>>, name: string): readonly string[] | string | undefined {
  const elsewhere = claims["_claim_names"];
  const overage = typeof elsewhere === "object" && elsewhere !== null && Object.hasOwn(elsewhere, name);
  if (overage || (name === "groups" && claims["hasgroups"] !== undefined && claims["hasgroups"] !== false)) {
    return `"${name}" is not in the token because there are too many (overage)`;
  }
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MAX_GROUPS || !list.every(isText)) return `"${name}" is not a list of names`;
  return Object.freeze([...new Set(list)]);
}

function frozenClaims(
  claims: Readonly<Record<string, unknown>>,
  withoutEmail: boolean,
): Readonly<Record<string, unknown>> {
  const kept = Object.entries(claims).filter(
    ([name]) => !ABOUT_THE_TOKEN.has(name) && !(withoutEmail && name === "email"),
  );
  return frozenCopy(Object.fromEntries(kept)) as Readonly<Record<string, unknown>>;
}

/** Depth is bounded by the size of a token (16 KiB), far below the stack. */
function frozenCopy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy));
  // fromEntries defines properties: a claim named __proto__ stays a claim.
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, frozenCopy(inner)])));
}
