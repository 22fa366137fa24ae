import type { ErrorCode } from "../errors/codes.js";
import { GuardError, type GuardErrorFields } from "../errors/guard-error.js";
import type { IssuedCredential } from "./provider.js";

/** Why there is no credential. */
export type CredentialFailure =
  /** The authorization server does not accept us: `invalid_client`, `unauthorized_client`. */
  | "client_rejected"
  /** It does not accept the principal's token: `invalid_grant`; or the token is missing, expired or unreadable. */
  | "subject_rejected"
  /** It does not know the audience: `invalid_target`; or the audience cannot be asked for. */
  | "target_denied"
  /** Any other refusal: `access_denied`, `invalid_scope`, … */
  | "denied"
  /** It granted more than was asked for. */
  | "widened"
  /** It granted less than is needed. */
  | "narrowed"
  /** It gave something else: another audience, issuer, client, type or format. */
  | "substituted"
  /** Its metadata cannot be trusted, or we are configured wrongly. */
  | "misconfigured"
  /** Its answer is no token answer. */
  | "malformed"
  /** It asks us to slow down: 429, 503, `temporarily_unavailable`. */
  | "throttled"
  /** It could not be reached, or not in time. */
  | "unreachable";

const UNAVAILABLE: ReadonlySet<CredentialFailure> = new Set(["malformed", "throttled", "unreachable"]);

/** Fields beyond those of every {@link GuardError}. */
export interface CredentialErrorFields extends GuardErrorFields {
  /** Ask again within the same call. Default false. */
  readonly transient?: boolean;
}

/**
 * No credential was issued: `CREDENTIAL_REFUSED` where asking again changes nothing, `CREDENTIAL_UNAVAILABLE` where it
 * may. Carries no text from the authorization server and no cause.
 */
export class CredentialError extends GuardError {
  override readonly name: string = "CredentialError";
  readonly reason: CredentialFailure;
  /** Whether the broker may try again at once, within its deadline. */
  readonly transient: boolean;
  constructor(reason: CredentialFailure, fields: CredentialErrorFields = {}) {
    super(UNAVAILABLE.has(reason) ? "CREDENTIAL_UNAVAILABLE" : "CREDENTIAL_REFUSED", fields);
    this.reason = reason;
    this.transient = fields.transient ?? false;
  }
}

/**
 * What belongs to an error and must not be on it: errors reach agent code. `detail` is the authorization server's
 * `error_description`, for the operator's record; `rejected` is what was issued and is not wanted.
 */
interface Aside {
  readonly detail?: string;
  /** The authorization server's error code, if it is a registered one. */
  readonly oauthError?: string;
  readonly rejected?: readonly IssuedCredential[];
}

const asides = new WeakMap<object, Aside>();

/** Attaches the aside and returns the error. */
export function withAside<T extends GuardError>(error: T, aside: Aside): T {
  asides.set(error, aside);
  return error;
}

/** The aside of an error, empty if it has none. */
export const asideOf = (error: unknown): Aside =>
  (typeof error === "object" && error !== null ? asides.get(error) : undefined) ?? {};

/** What a broker itself refuses with; a provider that throws any other code says something that is not its to say. */
const OWN_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "CREDENTIAL_REFUSED",
  "CREDENTIAL_UNAVAILABLE",
  "SESSION_CLOSED",
  "GUARD_CLOSED",
  "STORE_UNAVAILABLE",
]);

/** Makes whatever a provider threw into something that can be thrown on. Foreign errors are dropped, not wrapped. */
export function asGuardError(error: unknown, credential: string): GuardError {
  if (error instanceof GuardError && OWN_CODES.has(error.code)) return error;
  return new CredentialError("unreachable", { message: `The provider of the credential "${credential}" failed.` });
}
