import type { FetchFault } from "../../transport/index.js";
import { CredentialError, type CredentialFailure, withAside } from "../credential-error.js";

/** What an authorization server answered, when it was no token. */
export interface RefusingAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The JSON object of the body, where it was one. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** What a token request asked for, and as whom. */
  readonly grantType?: string;
  readonly clientId?: string;
}

/** Error codes we know (RFC 6749 §5.2, RFC 7009, RFC 8693, RFC 8707, RFC 9396, RFC 9449). No other text is repeated anywhere. */
const KNOWN: Readonly<Record<string, CredentialFailure>> = {
  invalid_client: "client_rejected",
  unauthorized_client: "client_rejected",
  invalid_grant: "subject_rejected",
  invalid_target: "target_denied",
  access_denied: "denied",
  invalid_scope: "denied",
  invalid_request: "denied",
  unsupported_grant_type: "misconfigured",
  invalid_dpop_proof: "denied",
  use_dpop_nonce: "denied",
  unsupported_token_type: "denied",
  invalid_authorization_details: "denied",
  temporarily_unavailable: "throttled",
  slow_down: "throttled",
  server_error: "unreachable",
};

const TRY_AGAIN = new Set([429, 502, 503, 504]);
/** A server may ask for a longer pause, but then it is not waited for. */
const LONGEST_PAUSE_MS = 10 * 60_000;

/**
 * Turns an answer into an error that says what kind of failure it is and nothing that the server wrote. The code in
 * the body outweighs the status: a 429 around `invalid_grant` is still a refusal.
 */
export function oauthFailure(issuer: string, answer: RefusingAnswer, nowMs: number): CredentialError {
  const stated = answer.body?.["error"];
  const code = typeof stated === "string" && Object.hasOwn(KNOWN, stated) ? stated : undefined;
  const reason = (code === undefined ? undefined : KNOWN[code]) ?? reasonByStatus(answer.status, stated);
  const throttled = reason === "throttled" || (code === undefined && TRY_AGAIN.has(answer.status));
  const retryAfterMs = throttled ? retryAfter(answer.retryAfter, nowMs) : undefined;
  const detail = plainDetail(answer.body?.["error_description"]);
  return withAside(
    new CredentialError(reason, {
      message: `The authorization server ${issuer} answered ${code ?? "without a known error code"} (status ${answer.status}).${remedy(code, answer)}`,
      transient: throttled,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }),
    {
      ...(detail === undefined ? {} : { detail }),
      ...(code === undefined ? {} : { oauthError: code }),
    },
  );
}

/** What to do about a refusal that is the operator's to repair. */
function remedy(code: string | undefined, { grantType, clientId }: RefusingAnswer): string {
  if (code !== "unsupported_grant_type" || grantType === undefined) return "";
  return ` Allow the grant type ${grantType} for the client ${JSON.stringify(clientId)} (option "clientId") there, or use another provider.`;
}

function reasonByStatus(status: number, stated: unknown): CredentialFailure {
  if (TRY_AGAIN.has(status)) return "throttled";
  // 408 and 425: it has not looked at the request.
  if (status >= 500 || status === 408 || status === 425) return "unreachable";
  if (status === 401) return "client_rejected";
  // A refusal without a reason is one all the same: asking again changes nothing.
  if (typeof stated === "string" || (status >= 400 && status < 500)) return "denied";
  return "malformed";
}

const FAULTS: Partial<Record<FetchFault["reason"], CredentialFailure>> = {
  redirect: "malformed",
  too_large: "malformed",
  address: "misconfigured",
};

/** Turns a fault of the network into an error. Only what broke off is tried again; a timeout has had its time. */
export function networkFailure(issuer: string, fault: FetchFault): CredentialError {
  return new CredentialError(FAULTS[fault.reason] ?? "unreachable", {
    message: `The authorization server ${issuer} gave no usable answer: ${fault.message}.`,
    transient: fault.reason === "unreachable",
  });
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), capped; undefined where it is neither. */
export function retryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const value = header.trim();
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_PAUSE_MS);
}

/**
 * An `error_description` fit for a log: RFC 6749's printable ASCII and nothing else, 200 characters, and without any
 * run of letters and digits long enough to be a token, because servers echo what they were sent.
 */
export function plainDetail(description: unknown): string | undefined {
  if (typeof description !== "string") return undefined;
  const plain = description
    .slice(0, 2_000)
    .replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]+/g, " ")
    .replace(/[\w\-.~+/=%:]{16,}/g, "…")
    .trim()
    .slice(0, 200);
  return plain === "" ? undefined : plain;
}
