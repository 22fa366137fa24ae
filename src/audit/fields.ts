import type { EventFields } from "./event.js";

/** How a value is bounded and written. A value of another JavaScript type than its kind is left out. */
export type FieldKind = "text" | "url" | "body" | "number" | "flag" | "headers" | "texts" | "counts";
export type FieldTable = { readonly [key: string]: FieldKind | FieldTable };

/** Fields of the log's own lines. */
export interface LogFields {
  /** `session.opened`: why, and until when (epoch milliseconds). */
  readonly purpose: string;
  readonly expires_at: number;
  /** `session.opened`: `fetch` where requests go through a fetch of the host's. Absent for the guard's own transport. */
  readonly transport: string;
  /** `session.closed`, `log.closed`. */
  readonly reason: string;
  /** `log.rotated`: the segment before this one, the hash of its last line, its length in bytes. */
  readonly predecessor: string;
  readonly last_hash: string;
  /** In `log.rotated` bytes; in the ledger's `session.closed` the number of lines that `root` covers. */
  readonly size: number;
  readonly root: string;
  /** Whether the session's own log ends in a signed `session.closed`. */
  readonly final: boolean;
  /** `log.opened`: the process. */
  readonly pid: number;
  /** `log.recovered`: what the crash left behind the last whole line, in bytes, and its SHA-256. */
  readonly torn_bytes: number;
  readonly torn_hash: string;
  /** `log.gap`: how many lines could not be written, from when to when (epoch milliseconds). */
  readonly gap: { readonly count: number; readonly from: number; readonly to: number };
  /** `clock.stepped`: by how much the wall clock moved against the monotonic one, in milliseconds. */
  readonly step_ms: number;
  /** `key.rotated`: verifier keys of who signed so far, and of who does from now on. */
  readonly key: { readonly old_key: string; readonly new_key: string };
  /** `session.closed`: requests that the policy said not to record (level `none`). */
  readonly unrecorded: number;
  /** `session.recovered`: requests whose outcome nobody knows. */
  readonly unknown_outcomes: number;
  /** `session.pruned`, in the ledger of who did it: the log that was removed, and what the last signed head of it said. */
  readonly pruned: {
    readonly log: string;
    readonly size: number;
    readonly root: string;
    readonly reason: string;
    readonly by: string;
  };
  /** `body.erased`, in the ledger of who did it: the line that speaks of the body. */
  readonly erased: { readonly log: string; readonly seq: number; readonly reason: string; readonly by: string };
}

type KindOf<Value> = Value extends boolean
  ? "flag"
  : Value extends number
    ? "number"
    : Value extends string
      ? "text" | "url" | "body"
      : Value extends readonly string[]
        ? "texts"
        : Value extends readonly unknown[]
          ? "headers"
          : string extends keyof Value
            ? "counts"
            : { readonly [Key in keyof Required<Value>]: KindOf<Exclude<Value[Key & keyof Value], undefined>> };

const BODY = {
  level: "text",
  bytes: "number",
  complete: "flag",
  media: "text",
  captured: "number",
  truncated: "flag",
  mac: "text",
  encoding: "text",
  inline: "body",
  blob: "text",
} as const;

const TABLE = {
  request_id: "text",
  attempt: "number",
  trace_id: "text",
  span_id: "text",
  on_behalf_of: "texts",
  run_id: "text",
  tool_call_id: "text",
  conversation_id: "text",
  http: {
    method: "text",
    method_original: "text",
    url: "url",
    route: "text",
    host: "text",
    port: "number",
    peer_ip: "text",
    proxy: "text",
    protocol: "text",
    status: "number",
    req_headers: "headers",
    res_headers: "headers",
  },
  timing: { queue_ms: "number", approval_ms: "number", token_ms: "number", ttfb_ms: "number", total_ms: "number" },
  decision: {
    id: "text",
    effect: "text",
    enforced: "text",
    rule: "text",
    reason: "text",
    code: "text",
    policy_hash: "text",
    policy_version: "text",
  },
  approval: {
    id: "text",
    session_id: "text",
    outcome: "text",
    approver: "text",
    approver_type: "text",
    channel: "text",
    reason: "text",
    uses: "number",
    pins: "text",
    shown_hash: "text",
    terms: "text",
    terms_hash: "text",
    requested_at: "number",
    expires_at: "number",
  },
  credential: {
    kid: "text",
    issuer: "text",
    subject: "text",
    audience: "text",
    scope: "text",
    exp: "number",
    ttl_s: "number",
  },
  mask: { applied: "flag", counts: "counts", policy_hash: "text", errors: "number" },
  req_body: BODY,
  res_body: BODY,
  error: { class: "text", code: "text", phase: "text", sent: "text" },
  dropped_headers: "texts",
  alert: {
    rule: "text",
    version: "text",
    severity: "text",
    group: "text",
    window_s: "number",
    count: "number",
    evidence: "texts",
    suppressed: "number",
  },
  policy: { id: "text", hash: "text" },
  purpose: "text",
  expires_at: "number",
  transport: "text",
  reason: "text",
  predecessor: "text",
  last_hash: "text",
  size: "number",
  root: "text",
  final: "flag",
  pid: "number",
  torn_bytes: "number",
  torn_hash: "text",
  gap: { count: "number", from: "number", to: "number" },
  step_ms: "number",
  key: { old_key: "text", new_key: "text" },
  unrecorded: "number",
  unknown_outcomes: "number",
  pruned: { log: "text", size: "number", root: "text", reason: "text", by: "text" },
  erased: { log: "text", seq: "number", reason: "text", by: "text" },
} as const satisfies { readonly [Key in keyof (EventFields & LogFields)]: KindOf<(EventFields & LogFields)[Key]> };

/**
 * The event-specific fields in the order in which they stand in a line, and an allow-list: what is not here is not
 * written. One table for order, bounds and masking, so that no field can be forgotten by one of them.
 */
export const FIELDS: FieldTable = TABLE;
