import { createHash } from "node:crypto";
import type { ParsedLine } from "../verify/parsed-line.js";
import { type ExportLine, numberIn, objectIn, textIn } from "./lines.js";

/** The version of the Open Cybersecurity Schema Framework that events are written for. */
const OCSF_VERSION = "1.6.0";
const PROFILES = ["security_control"] as const;

/** Class, activity and what belongs to it. */
interface Classified {
  readonly category_uid: number;
  readonly class_uid: number;
  readonly activity_id: number;
  readonly severity_id: number;
  readonly [attribute: string]: unknown;
}

const OTHER = 99;
const SEVERITY = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 } as const;
const ACTIVITY_OF_METHOD: Readonly<Record<string, number>> = {
  POST: 1,
  GET: 2,
  HEAD: 2,
  OPTIONS: 2,
  PUT: 3,
  PATCH: 3,
  DELETE: 4,
};
/** `status_id` of activities, `action_id` and `disposition_id` of the profile for security controls. */
const SUCCESS = 1;
const FAILURE = 2;
const ALLOWED = { action_id: 1, disposition_id: 1 } as const;
const BLOCKED = { action_id: 2, disposition_id: 2 } as const;
const APPROVED = { action_id: 1, disposition_id: 8 } as const;
const REJECTED = { action_id: 2, disposition_id: 25 } as const;

/**
 * One OCSF event per line: requests as API Activity (6003), credentials and sessions as Authentication (3002), approvals as
 * Authorize Session (3003), alerts as Detection Finding (2004), the log's own lines as Base Event (0). The line itself stands
 * in `raw_data` to the byte, with its hash, so that a proof still holds for it.
 */
export async function* toOcsf(lines: AsyncIterable<ExportLine>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(ocsfEvent(line))}\n`;
}

function ocsfEvent({ log, text, event }: ExportLine): object {
  const { severity_id, ...classified } = classify(event);
  const { class_uid, activity_id } = classified;
  const type = String(event["type"]);
  return prune({
    ...classified,
    type_uid: class_uid * 100 + activity_id,
    ...(activity_id === OTHER ? { activity_name: type } : {}),
    severity_id,
    time: Date.parse(String(event["time"])) || 0,
    message: type,
    metadata: {
      version: OCSF_VERSION,
      profiles: PROFILES,
      product: { name: "Sallyport", vendor_name: "Sallyport" },
      uid: textIn(event, "id"),
      event_code: type,
      log_name: log,
      log_version: String(event["v"]),
      original_time: textIn(event, "time"),
      sequence: numberIn(event, "seq"),
      tenant_uid: textIn(objectIn(event, "principal"), "tenant"),
      correlation_uid: textIn(event, "request_id"),
    },
    raw_data: text,
    raw_data_hash: { algorithm_id: 3, algorithm: "SHA-256", value: createHash("sha256").update(text).digest("hex") },
    unmapped: {
      agent: event["agent"],
      boot: event["boot"],
      initiator: event["initiator"],
      mono_us: event["mono_us"],
      on_behalf_of: event["on_behalf_of"],
      purpose: event["purpose"],
      span_id: event["span_id"],
      trace_id: event["trace_id"],
    },
  });
}

function classify(event: ParsedLine): Classified {
  const type = String(event["type"]);
  // A line without its subject was one that could not be written safely.
  if (type.startsWith("request.") && event["http"] !== undefined) return apiActivity(type, event);
  if (type.startsWith("credential.")) return credentialUse(type, event);
  if (type.startsWith("session.") && event["principal"] !== undefined) return logon(type, event);
  if (type.startsWith("approval.")) return authorization(event);
  if (type.startsWith("alert.")) return finding(type, event);
  return { category_uid: 0, class_uid: 0, activity_id: OTHER, severity_id: SEVERITY.informational };
}

function apiActivity(type: string, event: ParsedLine): Classified {
  const http = objectIn(event, "http");
  const decision = objectIn(event, "decision");
  const error = objectIn(event, "error");
  const method = textIn(http, "method") ?? "";
  const status = numberIn(http, "status");
  const isDenied = type === "request.denied";
  const token = objectIn(event, "credential");
  return {
    category_uid: 6,
    class_uid: 6003,
    activity_id: ACTIVITY_OF_METHOD[method] ?? OTHER,
    severity_id: isDenied ? SEVERITY.low : SEVERITY.informational,
    ...(type === "request.intent" ? {} : statusOf(type, status)),
    status_code: textIn(decision, "code") ?? textIn(error, "code"),
    status_detail: textIn(decision, "reason") ?? textIn(error, "class"),
    ...(isDenied ? BLOCKED : textIn(decision, "effect") === "require_approval" ? APPROVED : ALLOWED),
    actor: actorOf(event),
    api: {
      operation: textIn(http, "route") ?? `${method} ${pathOf(textIn(http, "url"))}`.trim(),
      service: { name: textIn(http, "host") },
      request: { uid: textIn(event, "request_id") ?? "" },
      response: status === undefined ? undefined : { code: status },
      token: textIn(token, "kid") === undefined ? undefined : { uid: textIn(token, "kid") },
    },
    src_endpoint: { name: textIn(objectIn(event, "agent"), "id"), instance_uid: textIn(event, "boot") },
    dst_endpoint: { hostname: textIn(http, "host"), port: numberIn(http, "port"), ip: textIn(http, "peer_ip") },
    http_request: {
      uid: textIn(event, "request_id"),
      http_method: method,
      url: { url_string: textIn(http, "url"), hostname: textIn(http, "host"), port: numberIn(http, "port") },
    },
    http_response: status === undefined ? undefined : { code: status },
    duration: whole(numberIn(objectIn(event, "timing"), "total_ms")),
    policy:
      decision["policy_hash"] === undefined
        ? undefined
        : { uid: decision["policy_hash"], name: textIn(decision, "policy_version") },
    authorizations:
      decision["effect"] === undefined
        ? undefined
        : [
            {
              decision: decision["effect"],
              policy: { uid: textIn(decision, "rule") ?? textIn(decision, "policy_hash") },
            },
          ],
  };
}

const statusOf = (type: string, status: number | undefined): { readonly status_id: number } => {
  if (type === "request.outcome_unknown") return { status_id: 0 };
  return { status_id: type === "request.completed" && (status ?? 0) < 400 ? SUCCESS : FAILURE };
};

/** Of a credential: never more than its fingerprint. */
function credentialUse(type: string, event: ParsedLine): Classified {
  const credential = objectIn(event, "credential");
  const error = objectIn(event, "error");
  const failed = /refused|failed/.test(type);
  return {
    category_uid: 3,
    class_uid: 3002,
    activity_id: OTHER,
    severity_id: failed ? SEVERITY.low : SEVERITY.informational,
    status_id: failed ? FAILURE : SUCCESS,
    status_code: textIn(error, "code"),
    actor: actorOf(event),
    user: userOf(event),
    service: { name: textIn(credential, "audience") ?? textIn(credential, "issuer") ?? "Sallyport" },
    session: sessionOf(event, { credential_uid: textIn(credential, "kid"), issuer: textIn(credential, "issuer") }),
  };
}

function logon(type: string, event: ParsedLine): Classified {
  const expires = numberIn(event, "expires_at");
  return {
    category_uid: 3,
    class_uid: 3002,
    activity_id: type === "session.opened" ? 1 : type === "session.closed" ? 2 : OTHER,
    severity_id: SEVERITY.informational,
    status_id: SUCCESS,
    status_detail: textIn(event, "reason"),
    actor: actorOf(event),
    user: userOf(event),
    service: { name: "Sallyport" },
    session: sessionOf(event, { expiration_time: expires }),
  };
}

function authorization(event: ParsedLine): Classified {
  const approval = objectIn(event, "approval");
  const http = objectIn(event, "http");
  const outcome = textIn(approval, "outcome");
  const isYes = outcome === "approved";
  return {
    category_uid: 3,
    class_uid: 3003,
    activity_id: isYes ? 1 : OTHER,
    severity_id: SEVERITY.informational,
    ...(outcome === undefined ? {} : { status_id: isYes ? SUCCESS : FAILURE, ...(isYes ? APPROVED : REJECTED) }),
    status_detail: textIn(approval, "reason"),
    actor: approval["approver"] === undefined ? actorOf(event) : { user: { uid: approval["approver"] } },
    user: userOf(event),
    session: sessionOf(event, {}),
    privileges: [`${textIn(http, "method") ?? ""} ${textIn(http, "url") ?? ""}`.trim()],
  };
}

function finding(type: string, event: ParsedLine): Classified {
  const alert = objectIn(event, "alert");
  const severity = (textIn(alert, "severity") ?? "medium") as keyof typeof SEVERITY;
  return {
    category_uid: 2,
    class_uid: 2004,
    activity_id: type === "alert.raised" ? 1 : OTHER,
    severity_id: SEVERITY[severity] ?? OTHER,
    is_alert: type === "alert.raised",
    actor: actorOf(event),
    finding_info: {
      uid: textIn(event, "id") ?? "",
      title: textIn(alert, "rule") ?? type,
      analytic: { uid: textIn(alert, "rule"), version: textIn(alert, "version"), type_id: 1 },
      related_events_count: numberIn(alert, "count"),
    },
    evidences: [{ data: { lines: alert["evidence"], group: alert["group"], suppressed: alert["suppressed"] } }],
  };
}

function userOf(event: ParsedLine): object {
  const principal = objectIn(event, "principal");
  const isService = textIn(principal, "type") === "service";
  return {
    uid: textIn(principal, "id"),
    name: textIn(principal, "name"),
    type_id: isService ? 4 : 1,
    domain: textIn(principal, "issuer"),
  };
}

const actorOf = (event: ParsedLine): object => ({
  user: userOf(event),
  session: { uid: textIn(event, "session_id") },
  app_uid: textIn(objectIn(event, "agent"), "id"),
  app_name: textIn(objectIn(event, "agent"), "name"),
});

const sessionOf = (event: ParsedLine, more: object): object => ({ uid: textIn(event, "session_id"), ...more });

const whole = (value: number | undefined): number | undefined => (value === undefined ? undefined : Math.round(value));

const pathOf = (url: string | undefined): string => {
  try {
    return new URL(url ?? "").pathname;
  } catch {
    return "";
  }
};

/** Without what is not there: validators take an absent attribute, and no null or empty object. */
function prune(value: object): object {
  const kept: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined || member === null) continue;
    const pruned = typeof member === "object" && !Array.isArray(member) ? prune(member) : member;
    if (typeof pruned === "object" && !Array.isArray(pruned) && Object.keys(pruned as object).length === 0) continue;
    kept.push([key, pruned]);
  }
  return Object.fromEntries(kept);
}
