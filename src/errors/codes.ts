/** The union of all codes, so that `switch (error.code)` narrows and is checked for completeness. */
export type ErrorCode =
  | "NO_SESSION"
  | "SESSION_CLOSED"
  | "SESSION_EXPIRED"
  | "IDENTITY_REFUSED"
  | "IDENTITY_UNAVAILABLE"
  | "URL_INVALID"
  | "URL_TOO_LONG"
  | "URL_AMBIGUOUS"
  | "URL_USERINFO"
  | "SCHEME_REFUSED"
  | "HOST_REFUSED"
  | "ADDRESS_REFUSED"
  | "METHOD_REFUSED"
  | "METHOD_OVERRIDE"
  | "HEADER_REFUSED"
  | "QUERY_REFUSED"
  | "BODY_UNREADABLE"
  | "BODY_TOO_LARGE"
  | "PROTOCOL_REFUSED"
  | "PLACEHOLDER_REFUSED"
  | "SCHEMA_REFUSED"
  | "PLACEHOLDER_UNRESOLVED"
  | "NO_SERVICE"
  | "NO_RULE"
  | "PREDICATE_REFUSED"
  | "RULE_DENY"
  | "DECISION_FAILED"
  | "POLICY_INVALID"
  | "LIMIT_EXCEEDED"
  | "STORE_UNAVAILABLE"
  | "APPROVAL_PENDING"
  | "APPROVAL_DENIED"
  | "APPROVAL_EXPIRED"
  | "APPROVAL_MISMATCH"
  | "APPROVAL_CONSUMED"
  | "APPROVAL_UNAVAILABLE"
  | "CREDENTIAL_REFUSED"
  | "CREDENTIAL_UNAVAILABLE"
  | "NOT_REPLAYABLE"
  | "REDIRECT_REFUSED"
  | "MASKING_FAILED"
  | "MEDIA_REFUSED"
  | "AUDIT_UNAVAILABLE"
  | "AUDIT_INCOMPLETE"
  | "OPTIONS_INVALID"
  | "GUARD_CLOSED"
  | "LOCKDOWN_REFUSED";

/**
 * Every code a {@link GuardError} can carry, in one table: what happened, for the operator; what the model is told to do;
 * whether the same call may succeed later; and the HTTP status of the synthetic response. `docs/error-codes.md` is
 * generated from this table. Codes are stable: they are added, never renamed.
 */
export interface ErrorCodeEntry {
  /** What happened and what to do about it, for the person who runs the guard. */
  readonly meaning: string;
  /** What the model is told to do next. */
  readonly advice: Advice;
  /** HTTP status of the synthetic response under `onDeny: "respond"`. */
  readonly status: number;
}

/**
 * `stop`: the same call will fail again. `change`: another request may pass. `wait`: a person or a limit must act first.
 * `retry`: a fault of the moment.
 */
export type Advice = "stop" | "change" | "wait" | "retry";

const entry = (status: number, advice: Advice, meaning: string): ErrorCodeEntry => ({ status, advice, meaning });

export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorCodeEntry>> = {
  // Session and identity
  NO_SESSION: entry(
    403,
    "stop",
    "The ambient fetch or client was used outside `session.run`. Call it inside, or use `session.fetch`.",
  ),
  SESSION_CLOSED: entry(403, "stop", "The session was closed or revoked; it refuses everything from that moment."),
  SESSION_EXPIRED: entry(403, "stop", "The session's time to live has passed. Open a new one."),
  IDENTITY_REFUSED: entry(
    403,
    "stop",
    "The identity token did not verify: signature, issuer, audience, time or algorithm.",
  ),
  IDENTITY_UNAVAILABLE: entry(503, "retry", "The identity provider's metadata or keys could not be fetched."),
  // Canonical form
  URL_INVALID: entry(403, "change", "The URL is not an absolute http or https URL."),
  URL_TOO_LONG: entry(403, "change", "The URL is longer than 8 KiB, or its path longer than 4 KiB."),
  URL_AMBIGUOUS: entry(
    403,
    "change",
    "The URL can be read in two ways (dot segments, double or broken escapes, encoded separators, control characters).",
  ),
  URL_USERINFO: entry(403, "change", "The URL carries a user name or password before the host."),
  SCHEME_REFUSED: entry(403, "change", "The URL's scheme is not one that a service names."),
  HOST_REFUSED: entry(403, "change", "The host name is not in normal form, or not valid."),
  ADDRESS_REFUSED: entry(403, "stop", "The host is, or resolved to, an address the service may not reach."),
  METHOD_REFUSED: entry(403, "change", "The method is not one of the ordinary verbs."),
  METHOD_OVERRIDE: entry(
    403,
    "change",
    "A header, parameter or body field asks the server to run another method than the one judged.",
  ),
  HEADER_REFUSED: entry(
    403,
    "change",
    "A header is malformed, controls framing or routing, or is not on the service's list.",
  ),
  QUERY_REFUSED: entry(403, "change", "The query string has a broken escape, a control character or a `;` separator."),
  BODY_UNREADABLE: entry(
    403,
    "change",
    "The body could not be read strictly as its declared media type, so it could not be judged.",
  ),
  BODY_TOO_LARGE: entry(
    403,
    "change",
    "The body is larger than the service's `maxRequestBytes`, so it could not be judged.",
  ),
  PROTOCOL_REFUSED: entry(
    403,
    "change",
    "The body is not what the endpoint takes (a GraphQL operation, a JSON-RPC message, an envelope), can be read in two ways, or exceeds a bound.",
  ),
  SCHEMA_REFUSED: entry(
    403,
    "change",
    "A parameter or the body does not fit what the service's OpenAPI description says of the operation.",
  ),
  PLACEHOLDER_REFUSED: entry(
    403,
    "change",
    "The URL, a header or the body holds a placeholder for one of the policy's credentials, such as `{{crm}}`. The guard adds credentials itself.",
  ),
  PLACEHOLDER_UNRESOLVED: entry(
    403,
    "change",
    "The request holds a placeholder of a masked value (`[[tok:…]]`) that is unknown, expired, altered, or not for this origin or place.",
  ),
  // Decision
  NO_SERVICE: entry(403, "stop", "No service in the policy has this origin."),
  NO_RULE: entry(403, "change", "No rule allows this request. What no rule allows is denied."),
  PREDICATE_REFUSED: entry(403, "stop", "A predicate that the rule names in code said no."),
  RULE_DENY: entry(403, "stop", "A deny rule matched. Deny beats approve and allow."),
  DECISION_FAILED: entry(403, "stop", "Deciding failed; doubt is a denial."),
  POLICY_INVALID: entry(403, "stop", "The policy document has problems; nothing is allowed until it loads."),
  LIMIT_EXCEEDED: entry(429, "wait", "A limit of the matching rule is used up for this window."),
  STORE_UNAVAILABLE: entry(503, "retry", "The store that counts or holds approvals could not be reached."),
  // Approval
  APPROVAL_PENDING: entry(
    403,
    "wait",
    "A person has been asked and has not answered yet. Nothing will be sent by a late answer: call again.",
  ),
  APPROVAL_DENIED: entry(403, "stop", "A person said no to exactly this request."),
  APPROVAL_EXPIRED: entry(403, "stop", "Nobody answered in time, or the grant was not used in time."),
  APPROVAL_MISMATCH: entry(403, "stop", "The answer belongs to another request than the one asked about."),
  APPROVAL_CONSUMED: entry(403, "stop", "The one-time grant for this request was already used."),
  APPROVAL_UNAVAILABLE: entry(403, "stop", "The policy asks for approval and nobody can be asked, or asking failed."),
  // Credential
  CREDENTIAL_REFUSED: entry(
    403,
    "stop",
    "The authorization server refused the credential, or gave another one than asked for.",
  ),
  CREDENTIAL_UNAVAILABLE: entry(
    503,
    "retry",
    "The authorization server could not be reached, or gave no usable answer.",
  ),
  NOT_REPLAYABLE: entry(
    403,
    "retry",
    "The service refused the credential, and the body was a stream, which cannot be sent a second time.",
  ),
  // Transport
  REDIRECT_REFUSED: entry(
    403,
    "stop",
    "The server redirected to a place the policy does not allow, or too many times.",
  ),
  // Answer
  MASKING_FAILED: entry(502, "stop", "The answer could not be masked, so the rest of it was withheld."),
  MEDIA_REFUSED: entry(502, "stop", "The answer's media type cannot be masked and the policy does not pass it."),
  // Record
  AUDIT_UNAVAILABLE: entry(503, "retry", "The audit record could not be written, so nothing was sent."),
  AUDIT_INCOMPLETE: entry(
    502,
    "stop",
    "The request was sent, but its outcome could not be recorded, so the answer was withheld.",
  ),
  // Construction
  OPTIONS_INVALID: entry(500, "stop", "An option of the guard or a session is wrong; all problems are listed."),
  GUARD_CLOSED: entry(403, "stop", "The guard was closed."),
  LOCKDOWN_REFUSED: entry(
    403,
    "stop",
    "`sallyport/lockdown` is loaded, and code tried to reach the network beside the guard. Use `session.fetch`, or list the place in `SALLYPORT_LOCKDOWN_ALLOW`.",
  ),
};
