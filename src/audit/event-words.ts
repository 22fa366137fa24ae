import type { AuditEvent, AuditEventType, BodyFacts, EventFields, RecordedEffect } from "./event.js";
import type { LogFields } from "./fields.js";

type RequiredKeys<Value> = {
  [Key in keyof Value]-?: Record<never, never> extends Pick<Value, Key> ? never : Key;
}[keyof Value];

/** What the published schema says of a value: a sentence; of a choice also what there is, of an object also its members. */
export type Words<Value> = [Value] extends [string]
  ? string extends Value
    ? string
    : { readonly text: string; readonly values: Readonly<Record<Value, true>> }
  : [Value] extends [number | boolean | readonly unknown[]]
    ? string
    : string extends keyof Value
      ? string
      : {
          readonly text: string;
          readonly required: Readonly<Record<RequiredKeys<Value>, true>>;
          readonly members: { readonly [Key in keyof Value]-?: Words<Exclude<Value[Key], undefined>> };
        };

const EFFECTS: Readonly<Record<RecordedEffect, true>> = { allow: true, deny: true, require_approval: true };

const body = (text: string): Words<BodyFacts> => ({
  text,
  required: { level: true, bytes: true },
  members: {
    level: {
      text: "What was asked to be recorded; `metadata` also where a body could not be masked or looked into.",
      values: { none: true, metadata: true, request: true, response: true, both: true },
    },
    bytes: "Full length in bytes, however much of it was kept.",
    complete: "Whether its end was seen.",
    media: "Its content type.",
    captured: "How many bytes of its beginning were kept, masked.",
    truncated: "Whether more followed than was kept.",
    mac: "HMAC-SHA256 in hex over all bytes as they were sent, before masking, under the directory's own key.",
    encoding: "How the kept bytes are stored: `utf8` inline, `identity` or `gzip` in a file.",
    inline: "The kept bytes, where they are short text.",
    blob: "Name of the file of the kept bytes: SHA-256 in hex over salt and stored bytes.",
  },
});

/** A sentence for each member that a line can have after its head. A new field without one does not compile. */
export const FIELD_WORDS: { readonly [Key in keyof (EventFields & LogFields)]: Words<(EventFields & LogFields)[Key]> } =
  {
    request_id: "One call of the agent; its redirect hops and second tries share it.",
    attempt: "1 for the first hop of a request; hops and second tries count on.",
    trace_id: "W3C trace context.",
    span_id: "W3C trace context.",
    on_behalf_of: "The delegation chain, outermost first.",
    run_id: "The run of the agent that led to this, as the host named it.",
    tool_call_id: "The step of the agent that led to this.",
    conversation_id: "The conversation of that step.",
    http: {
      text: "The exchange.",
      required: { method: true, url: true, host: true, port: true },
      members: {
        method: "As it was sent.",
        method_original: "As the caller spelled it, where that differs.",
        url: "Without user information; values of secret query parameters are replaced, their keys kept.",
        route: "Path template of the rule or of the API description.",
        host: "Host of the URL.",
        port: "Port of the URL, also where it is the scheme's own.",
        proxy: "Host and port of the proxy in between.",
        peer_ip: "The address that was connected to, after name resolution.",
        protocol: "Protocol and version on the wire.",
        status: "Status of the answer.",
        req_headers:
          "Pairs of name and value, in order; values that are not on the list of harmless ones are replaced.",
        res_headers: "As `req_headers`, of the answer.",
      },
    },
    timing: {
      text: "Milliseconds.",
      required: {},
      members: {
        queue_ms: "Waiting for a turn.",
        approval_ms: "Waiting for a person.",
        token_ms: "Getting a credential.",
        ttfb_ms: "From the call to the header of the answer, waits included.",
        total_ms: "From the call to its end, waits included.",
      },
    },
    decision: {
      text: "What the policy said, and what was done.",
      required: { id: true, effect: true, enforced: true, reason: true, policy_hash: true },
      members: {
        id: "Of this decision.",
        effect: { text: "What the policy said.", values: EFFECTS },
        enforced: { text: "What was done; differs from `effect` in shadow mode.", values: EFFECTS },
        rule: "The rule that decided.",
        reason: "In words, for the operator.",
        code: "The error code of a refusal.",
        policy_hash: "Hash of the policy that decided.",
        policy_version: "The id of the policy, where it has one.",
      },
    },
    approval: {
      text: "The question to a person, and the answer.",
      required: { id: true },
      members: {
        id: "Of the question.",
        session_id: "The session that opened the approval: a later one of the same principal and agent may use it.",
        outcome: {
          text: "How it ended. Anything that is not a clear yes is none.",
          values: { approved: true, denied: true, expired: true, cancelled: true, error: true },
        },
        approver: "Who answered; never masked.",
        approver_type: "What the approver is: `human`, or `guard` for what the guard took back by itself.",
        channel: "Where the answer came from.",
        reason: "What the approver said.",
        uses: "Of a yes: how often it may be used, where the approver says so.",
        pins: "Of a yes: what the approver allows where the rule lets requests differ, as JSON by JSON Pointer.",
        shown_hash: "Digest of what the approver saw.",
        terms: "Of `approval.requested`: who must say yes, how, and how long things last, as JSON.",
        terms_hash: "Digest of the terms; of `approval.reserved`, of those that the grant met when it was spent.",
        requested_at: "Epoch milliseconds.",
        expires_at: "Epoch milliseconds.",
      },
    },
    credential: {
      text: "Identifiers of a credential, never its bytes.",
      required: { kid: true },
      members: {
        kid: "Fingerprint or id of the credential.",
        issuer: "Who issued it.",
        subject: "Whom it speaks for.",
        audience: "Whom it is for.",
        scope: "What it allows, separated by spaces.",
        exp: "Its end, in epoch seconds.",
        ttl_s: "Seconds it lives.",
      },
    },
    mask: {
      text: "What masking did to the answer: class names and counts, no values.",
      required: { applied: true },
      members: {
        applied: "Whether the answer went through a mask.",
        counts: "How many values of each class were masked.",
        policy_hash: "Of the masking rules.",
        errors: "How often masking failed; a line with nothing else but this could not be written safely.",
      },
    },
    req_body: body("The request body."),
    res_body: body("The body of the answer."),
    error: {
      text: "What went wrong.",
      required: { class: true, code: true },
      members: {
        class: "Name of the error.",
        code: "Its code.",
        phase: {
          text: "How far the exchange had come.",
          values: { dns: true, connect: true, tls: true, send: true, headers: true, body: true },
        },
        sent: {
          text: "Whether anything of the request left.",
          values: { yes: true, no: true, unknown: true },
        },
      },
    },
    dropped_headers: "Names of request headers that were taken off before sending.",
    alert: {
      text: "What a detection rule found.",
      required: { rule: true },
      members: {
        rule: "Id of the detection rule.",
        version: "Of the detection rule.",
        severity: "How bad it is.",
        group: "What the rule counted by, such as principal and agent.",
        window_s: "Seconds that the rule looked back.",
        count: "How many it counted.",
        evidence: "The lines it rests on.",
        suppressed: "Alerts like it that were held back.",
      },
    },
    policy: {
      text: "The policy that decides from here on.",
      required: { hash: true },
      members: { id: "Its id.", hash: "Hash of the policy." },
    },
    purpose: "Why the session was opened.",
    expires_at: "When the session ends by itself, in epoch milliseconds.",
    transport: "`fetch` where requests go through a fetch of the host's, so that nobody checked addresses.",
    reason: "Why it was closed.",
    predecessor: "File name of the segment before this one.",
    last_hash: "SHA-256 in hex of the last line of that segment.",
    size: "Bytes of the segment before this one; at the end of a session in a ledger, the lines that `root` covers.",
    root: "The tree head of the session's log, in Base64.",
    final: "Whether the session's own log ends in a signed last line.",
    pid: "Number of the process.",
    torn_bytes: "Bytes of half a line that a crash left, and that were moved aside.",
    torn_hash: "SHA-256 in hex of those bytes.",
    gap: {
      text: "Lines that could not be written.",
      required: { count: true, from: true, to: true },
      members: { count: "How many.", from: "Epoch milliseconds of the first.", to: "Epoch milliseconds of the last." },
    },
    step_ms: "By how much the wall clock moved against the monotonic one, in milliseconds.",
    key: {
      text: "A change of signing keys; both sign it.",
      required: { old_key: true, new_key: true },
      members: { old_key: "Verifier key of who signed so far.", new_key: "Verifier key of who signs from now on." },
    },
    unrecorded: "Requests that the policy said not to record.",
    unknown_outcomes: "Requests whose outcome nobody knows.",
    pruned: {
      text: "A session's log that was removed on purpose.",
      required: { log: true, size: true, root: true, reason: true, by: true },
      members: {
        log: "Its name.",
        size: "How many lines it had.",
        root: "Its last tree head, in Base64.",
        reason: "Why it was removed.",
        by: "Who answers for it.",
      },
    },
    erased: {
      text: "A body that was erased on purpose.",
      required: { log: true, seq: true, reason: true, by: true },
      members: {
        log: "The log whose line speaks of it.",
        seq: "The number of that line.",
        reason: "Why it was erased.",
        by: "Who answers for it.",
      },
    },
  };

type EventOf<Type, Each = AuditEvent> = Each extends { readonly type: infer Types }
  ? Type extends Types
    ? Each
    : never
  : never;
type FieldsOf<Type> = Readonly<Record<Exclude<RequiredKeys<EventOf<Type>>, "type">, true>>;
interface TypeWords<Fields> {
  readonly text: string;
  readonly required: Fields;
}
type OwnType =
  | `session.${"opened" | "closed" | "recovered" | "pruned"}`
  | `log.${"opened" | "closed" | "checkpoint" | "rotated" | "recovered" | "gap"}`
  | "clock.stepped"
  | "key.rotated"
  | "body.erased";

const CALL = { request_id: true, http: true, decision: true } as const;
const FAILURE = { request_id: true, http: true, error: true } as const;
const ASKING = { request_id: true, approval: true } as const;
const HOLDING = { credential: true } as const;
const REFUSAL = { error: true } as const;
const ALERT = { alert: true } as const;

/** A sentence for each type of line, and what such a line must have. A new type without one does not compile. */
export const TYPE_WORDS: { readonly [Type in AuditEventType]: TypeWords<FieldsOf<Type>> } & {
  readonly [Type in OwnType]: TypeWords<Partial<Readonly<Record<keyof LogFields, true>>>>;
} = {
  "session.opened": {
    text: "A session began; also in the ledger.",
    required: { purpose: true, expires_at: true },
  },
  "session.closed": {
    text: "A session was closed; in the ledger with the head of its log.",
    required: { reason: true },
  },
  "session.recovered": {
    text: "A session that a dead process left open was ended for it; also in the ledger.",
    required: { reason: true },
  },
  "session.pruned": { text: "In a ledger: the log of a session was removed on purpose.", required: { pruned: true } },
  "request.intent": { text: "About to be sent. On disk before the first byte leaves.", required: CALL },
  "request.denied": { text: "Refused; nothing was sent.", required: CALL },
  "request.completed": { text: "Answered to the end.", required: { request_id: true, http: true } },
  "request.failed": { text: "Broke off.", required: FAILURE },
  "request.aborted": {
    text: "Was given up by the caller, or ended with the session; with a decision: before it was sent.",
    required: FAILURE,
  },
  "request.outcome_unknown": {
    text: "An intent of a process that died: it may have happened.",
    required: { request_id: true },
  },
  "approval.requested": { text: "A person was asked.", required: ASKING },
  "approval.joined": { text: "The same question was open already.", required: ASKING },
  "approval.voted": { text: "One of several approvers answered.", required: ASKING },
  "approval.overridden": {
    text: "The number of approvers that it takes was passed over in an emergency.",
    required: ASKING,
  },
  "approval.reminded": { text: "Approvers were asked again.", required: ASKING },
  "approval.decided": { text: "The question is over: see `approval.outcome`.", required: ASKING },
  "approval.late": { text: "An answer came after the end, and counted for nothing.", required: ASKING },
  "approval.reserved": { text: "A request took the approval; nobody else can.", required: ASKING },
  "credential.issued": { text: "A credential was issued.", required: HOLDING },
  "credential.refused": { text: "A credential was not issued.", required: REFUSAL },
  "credential.expired": { text: "A credential came to its end.", required: HOLDING },
  "credential.revoked": { text: "A credential was given back.", required: HOLDING },
  "credential.invalidated": { text: "A service refused a credential, and it was thrown away.", required: HOLDING },
  "credential.scope_narrowed": { text: "Fewer rights were issued than asked for.", required: HOLDING },
  "credential.scope_widened": { text: "More rights were issued than asked for.", required: HOLDING },
  "credential.revocation_failed": { text: "A credential could not be given back.", required: HOLDING },
  "credential.not_revocable": { text: "Nobody can take this credential back; it ends by itself.", required: HOLDING },
  "credential.refresh_failed": { text: "A credential could not be renewed.", required: REFUSAL },
  "alert.raised": { text: "A detection rule fired.", required: ALERT },
  "alert.suppressed": { text: "Alerts were held back.", required: ALERT },
  "policy.loaded": { text: "In a ledger: another policy decides from here on.", required: { policy: true } },
  "body.erased": { text: "In a ledger: a recorded body was erased on purpose.", required: { erased: true } },
  "log.opened": { text: "In a ledger: a writer began.", required: { pid: true } },
  "log.closed": { text: "In a ledger: a writer ended, or was ended after its death.", required: { reason: true } },
  "log.checkpoint": { text: "A signature over all lines so far.", required: {} },
  "log.rotated": {
    text: "The first line of a segment.",
    required: { predecessor: true, last_hash: true, size: true },
  },
  "log.recovered": {
    text: "The first line of a segment behind what a crash left.",
    required: { predecessor: true, last_hash: true, size: true },
  },
  "log.gap": { text: "Lines before this one could not be written.", required: { gap: true } },
  "clock.stepped": { text: "The wall clock was set.", required: { step_ms: true } },
  "key.rotated": { text: "Another key signs from here on.", required: { key: true } },
};
