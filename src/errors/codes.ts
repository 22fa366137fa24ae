/** The union of all codes, so that `switch (error.code)` narrows and is checked for completeness. */
export type ErrorCode =
  | "NO_SESSION"
  | "SESSION_CLOSED"
  | "SESSION_EXPIRED"
  | "SESSION_BUSY"
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
  | "APPROVAL_NOT_PENDING"
  | "APPROVAL_UNAVAILABLE"
  | "ALREADY_SENT"
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

/** What one code means. `docs/error-codes.md` is generated from these entries. */
export interface ErrorCodeEntry {
  /** What happened, for the person who runs the guard. */
  readonly meaning: string;
  /** What that person can do about it. */
  readonly remedy: string;
  /** What the model is told to do next. */
  readonly advice: Advice;
  /** HTTP status in `toProblem()`. */
  readonly status: number;
  /** Name of the class of the errors that carry the code. */
  readonly type: ErrorClass;
}

/**
 * `stop`: the same call fails again. `change`: another request may pass. `wait`: a person must decide, or a limit must free
 * up first. `retry`: the fault is temporary.
 */
export type Advice = "stop" | "change" | "wait" | "retry";

/** The classes of errors, by name. */
export type ErrorClass =
  | "GuardError"
  | "DeniedError"
  | "ApprovalPendingError"
  | "ApprovalDeniedError"
  | "ApprovalExpiredError"
  | "ApprovalMismatchError"
  | "ApprovalConsumedError"
  | "ApprovalNotPendingError"
  | "ApprovalUnavailableError"
  | "AlreadySentError"
  | "AuditUnavailableError"
  | "AuditIncompleteError"
  | "PolicyError"
  | "OptionsError";

const entry = (
  type: ErrorClass,
  status: number,
  advice: Advice,
  meaning: string,
  remedy: string,
): Readonly<ErrorCodeEntry> => Object.freeze({ meaning, remedy, advice, status, type });

/** An agent's request that is refused before anything is sent. */
const denied = (advice: Advice, meaning: string, remedy: string, status = 403): Readonly<ErrorCodeEntry> =>
  entry("DeniedError", status, advice, meaning, remedy);

/** Any other failure; it refuses the request as well. */
const failed = (status: number, advice: Advice, meaning: string, remedy: string): Readonly<ErrorCodeEntry> =>
  entry("GuardError", status, advice, meaning, remedy);

/**
 * Every code that a {@link GuardError} can carry: what happened, what to do, what the model is told, the HTTP status and the
 * class. Frozen. Codes are stable: they are added, never renamed or reused.
 */
export const ERROR_CODES: Readonly<Record<ErrorCode, Readonly<ErrorCodeEntry>>> = Object.freeze({
  // Session and identity
  NO_SESSION: failed(
    403,
    "stop",
    "`guardedFetch` or `createClient` was used outside a session.",
    "Call it inside `session.run`, or use `session.fetch`.",
  ),
  SESSION_CLOSED: failed(403, "stop", "The session is closed or revoked.", "Open a new session."),
  SESSION_EXPIRED: failed(403, "stop", "The session's time to live has passed.", "Open a new session."),
  SESSION_BUSY: failed(
    429,
    "retry",
    "Too many calls of the session wait for a connection already.",
    "Make fewer calls at once.",
  ),
  IDENTITY_REFUSED: failed(
    403,
    "stop",
    "The identity token does not verify: its signature, issuer, audience, time or algorithm is wrong.",
    "Log in again, and check `issuer` and `audience` of the identity options.",
  ),
  IDENTITY_UNAVAILABLE: failed(
    503,
    "retry",
    "The metadata or the keys of the identity provider could not be fetched.",
    "Check that the guard can reach the issuer, and try again.",
  ),
  // Canonical form
  URL_INVALID: denied("change", "The URL is not an absolute http or https URL.", "Use an absolute URL."),
  URL_TOO_LONG: denied(
    "change",
    "The URL is longer than 8 KiB, or its path is longer than 4 KiB.",
    "Use a shorter URL.",
  ),
  URL_AMBIGUOUS: denied(
    "change",
    "The URL can be read in two ways: it has dot segments, double or broken escapes, encoded separators or control characters.",
    "Write the URL in its normal form.",
  ),
  URL_USERINFO: denied(
    "change",
    "The URL has a user name or a password before the host.",
    "Remove them; the guard adds credentials itself.",
  ),
  SCHEME_REFUSED: denied("change", "The URL's scheme is not one that a service names.", "Use https."),
  HOST_REFUSED: denied(
    "change",
    "The host name is invalid or not in its normal form.",
    "Write the host name in ASCII and lower case.",
  ),
  ADDRESS_REFUSED: denied(
    "stop",
    "The host is an address, or resolved to one, that the service may not reach.",
    "If the service really is there, list the network in the service's `addresses`.",
  ),
  METHOD_REFUSED: denied(
    "change",
    "The method is not one of GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE.",
    "Use one of these methods.",
  ),
  METHOD_OVERRIDE: denied(
    "change",
    "A header, a parameter or a body field asks the service to run another method than the judged one.",
    "Send the request with the method that is meant.",
  ),
  HEADER_REFUSED: denied(
    "change",
    "A header is malformed, controls framing or routing, or is not on the service's list.",
    "Remove the header, or list it in the service's `headers`.",
  ),
  QUERY_REFUSED: denied(
    "change",
    "The query string has a broken escape, a control character or a `;` separator.",
    "Percent-encode the query string.",
  ),
  BODY_UNREADABLE: denied(
    "change",
    "The body cannot be read strictly as its media type, so it cannot be judged.",
    "Send a well-formed body with the right `content-type`.",
  ),
  BODY_TOO_LARGE: denied(
    "change",
    "The body is larger than the service's `maxRequestBytes`, so it cannot be judged.",
    "Send less, or raise `maxRequestBytes`.",
  ),
  PROTOCOL_REFUSED: denied(
    "change",
    "The body is not a message that the endpoint takes, can be read in two ways, or exceeds a bound.",
    "Send one well-formed GraphQL operation, JSON-RPC message or envelope, as the service declares it.",
  ),
  SCHEMA_REFUSED: denied(
    "change",
    "A parameter or the body does not match the service's OpenAPI description.",
    "Send what the operation describes.",
  ),
  PLACEHOLDER_REFUSED: denied(
    "change",
    "The request contains a placeholder for one of the policy's credentials, such as `{{crm}}`.",
    "Remove it; the guard adds credentials itself.",
  ),
  PLACEHOLDER_UNRESOLVED: denied(
    "change",
    "The request contains a placeholder of a masked value (`[[tok:…]]`) that is unknown, expired, altered, or not allowed at this origin or place.",
    "Use the placeholder as it was received, as one whole value, at the service it came from.",
  ),
  // Decision
  NO_SERVICE: denied(
    "stop",
    "No service of the policy has this origin.",
    "Add a service with this origin to the policy.",
  ),
  NO_RULE: denied("change", "No rule allows this request.", "Add a rule, or send a request that a rule allows."),
  PREDICATE_REFUSED: denied(
    "stop",
    "A predicate of the rule refused the request.",
    "Send a request that the predicate accepts.",
  ),
  RULE_DENY: denied("stop", "A deny rule matches the request; deny beats approve and allow.", "Send another request."),
  DECISION_FAILED: denied(
    "stop",
    "The evaluation of the policy failed, so the request is denied.",
    "Look for the cause in the operational log.",
  ),
  POLICY_INVALID: entry(
    "PolicyError",
    403,
    "stop",
    "The policy document has problems; nothing is allowed until it loads.",
    "Correct the listed problems.",
  ),
  LIMIT_EXCEEDED: denied("wait", "A limit of the matching rule is used up.", "Wait until the window has passed.", 429),
  STORE_UNAVAILABLE: failed(
    503,
    "retry",
    "The store of limits and approvals cannot be reached.",
    "Check the store, and try again.",
  ),
  // Approval
  APPROVAL_PENDING: entry(
    "ApprovalPendingError",
    403,
    "wait",
    "A person has been asked and has not decided yet. A late decision sends nothing by itself.",
    "Make the same call again after the decision.",
  ),
  APPROVAL_DENIED: entry(
    "ApprovalDeniedError",
    403,
    "stop",
    "A person denied exactly this request.",
    "Send another request.",
  ),
  APPROVAL_EXPIRED: entry(
    "ApprovalExpiredError",
    403,
    "stop",
    "Nobody decided in time, or the grant was not used in time.",
    "Make the call again to ask anew.",
  ),
  APPROVAL_MISMATCH: entry(
    "ApprovalMismatchError",
    403,
    "stop",
    "The decision belongs to another request than the one that was asked about.",
    "Make the call again to ask anew.",
  ),
  APPROVAL_CONSUMED: entry(
    "ApprovalConsumedError",
    403,
    "stop",
    "The one-time grant for this request is already used.",
    "Make the call again to ask anew.",
  ),
  APPROVAL_NOT_PENDING: entry(
    "ApprovalNotPendingError",
    409,
    "stop",
    "A decision came for an approval that is no longer pending, so it changes nothing.",
    "Look at `state` of the error. Where the request is still needed, make the call again to ask anew.",
  ),
  APPROVAL_UNAVAILABLE: entry(
    "ApprovalUnavailableError",
    403,
    "stop",
    "The policy requires an approval, and nobody can be asked, or asking failed.",
    "Give the guard a channel in `approvals.request`, and check that it works.",
  ),
  ALREADY_SENT: entry(
    "AlreadySentError",
    409,
    "stop",
    "An earlier execution of this tool call has sent the request, so it is not sent again.",
    "Look at `response` and `status` of the error. To send the request once more, make it part of another tool call.",
  ),
  // Credential
  CREDENTIAL_REFUSED: failed(
    403,
    "stop",
    "The authorization server refused the credential, or issued another one than requested.",
    "Check the credential's options and what the server allows this client.",
  ),
  CREDENTIAL_UNAVAILABLE: failed(
    503,
    "retry",
    "The authorization server cannot be reached, or its response is unusable.",
    "Check the authorization server, and try again.",
  ),
  NOT_REPLAYABLE: failed(
    403,
    "retry",
    "The request has to be sent again, and its body is a stream, which cannot be sent a second time.",
    "Make the call again, with a body in memory.",
  ),
  // Transport
  REDIRECT_REFUSED: denied(
    "stop",
    "The service redirected to a place that the policy does not allow, or too many times.",
    "Allow the redirect's target in the policy, or request it directly.",
  ),
  // Response
  MASKING_FAILED: failed(
    502,
    "stop",
    "The response cannot be masked, so the rest of it is withheld.",
    "Look for the cause in the operational log.",
  ),
  MEDIA_REFUSED: failed(
    502,
    "stop",
    "The response's media type cannot be masked, and the policy does not let it pass.",
    "List the media type in the service's `unmaskable` if its responses may pass unmasked.",
  ),
  // Record
  AUDIT_UNAVAILABLE: entry(
    "AuditUnavailableError",
    503,
    "retry",
    "The record cannot be written, so nothing was sent.",
    "Check the rights and the free space of the record's directory.",
  ),
  AUDIT_INCOMPLETE: entry(
    "AuditIncompleteError",
    502,
    "stop",
    "The request was sent, and its outcome cannot be recorded, so the response is withheld.",
    "Check the rights and the free space of the record's directory.",
  ),
  // Construction
  OPTIONS_INVALID: entry(
    "OptionsError",
    500,
    "stop",
    "Options of the guard or of a session are wrong.",
    "Correct the listed problems.",
  ),
  GUARD_CLOSED: failed(403, "stop", "The guard is closed.", "Create a new guard."),
  LOCKDOWN_REFUSED: failed(
    403,
    "stop",
    "`sallyport/lockdown` is loaded, and code tried to reach the network without the guard.",
    "Use `session.fetch`, or list the place in `SALLYPORT_LOCKDOWN_ALLOW`.",
  ),
} satisfies Record<ErrorCode, ErrorCodeEntry>);
