import type { ApprovalEvent } from "../approval/index.js";
import { OURSELVES } from "../approval/own-votes.js";
import type { ApprovalFacts, AuditEvent, SessionLog } from "../audit/index.js";
import type { BrokerEvent, CredentialMark } from "../broker/index.js";
import type { OperationalLog } from "../operational-log.js";
import { currentRun, type RunIds } from "./tool-run.js";

/** How an approval ended, in the record's words. */
const OUTCOMES: Partial<Record<ApprovalEvent["type"], NonNullable<ApprovalFacts["outcome"]>>> = {
  expired: "expired",
  cancelled: "cancelled",
  revoked: "cancelled",
  mismatch: "error",
  refused: "error",
  failed: "error",
};

/** Steps with an event of their own; what the request that holds the grant does after it, its own events tell. */
const STEPS: Partial<Record<ApprovalEvent["type"], AuditEvent["type"] & `approval.${string}`>> = {
  requested: "approval.requested",
  joined: "approval.joined",
  voted: "approval.voted",
  overridden: "approval.overridden",
  reminded: "approval.reminded",
  late: "approval.late",
  reserved: "approval.reserved",
};

/** What the library takes back by itself, nobody has taken back. */
const typeOf = ({ idp }: { readonly idp: string }): string => (idp === OURSELVES ? "guard" : "human");

/** Puts a step of an approval into a record. Where that fails, the call in progress is refused. */
export function recordApproval(record: SessionLog, event: ApprovalEvent): void {
  const verdict = event.verdict === "approve" ? "approved" : "denied";
  const outcome = event.type === "decided" ? verdict : OUTCOMES[event.type];
  const type = STEPS[event.type] ?? (outcome === undefined ? undefined : "approval.decided");
  if (type === undefined) return;
  const { hostname, port, protocol } = new URL(event.http.origin);
  record.append({
    type,
    // A record of an earlier version does not know its request.
    request_id: event.requestId ?? event.approvalId,
    ...idsOf(event),
    http: {
      method: event.http.method,
      url: event.http.origin + event.http.path,
      host: hostname,
      port: Number(port) || (protocol === "https:" ? 443 : 80),
    },
    approval: {
      id: event.approvalId,
      session_id: event.openedBy,
      shown_hash: event.shownHash,
      ...(event.terms === undefined ? {} : { terms: JSON.stringify(event.terms) }),
      ...(event.termsHash === undefined ? {} : { terms_hash: event.termsHash }),
      requested_at: event.requestedAt,
      ...(event.expiresAt === undefined ? {} : { expires_at: event.expiresAt }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(event.approver === undefined
        ? {}
        : { approver: event.approver.id, approver_type: typeOf(event.approver), channel: event.approver.idp }),
      ...(event.reason === undefined ? {} : { reason: event.reason }),
      ...(event.uses === undefined ? {} : { uses: event.uses }),
      ...(event.pins === undefined ? {} : { pins: JSON.stringify(event.pins) }),
    },
    ...(event.latencyMs === undefined ? {} : { timing: { approval_ms: event.latencyMs } }),
  });
}

/** The ids of the run that led to a line. */
const idsOf = ({ runId, toolCallId }: RunIds): { readonly run_id?: string; readonly tool_call_id?: string } => ({
  ...(runId === undefined ? {} : { run_id: runId }),
  ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
});

/** Puts what happened to a credential into the record of its session: identifiers, never the credential. */
export function recordCredential(record: SessionLog | undefined, event: BrokerEvent, log: OperationalLog): void {
  record?.append({ ...credentialLine(event), ...idsOf(currentRun().ids) });
  if (
    event.type === "refused" ||
    event.type === "unavailable" ||
    event.type === "scope_widened" ||
    event.type === "revocation_failed"
  ) {
    log.warn(
      { event: event.type, credential: event.credential, service: event.service },
      "a credential could not be used as asked",
    );
  }
}

function credentialLine(event: BrokerEvent): AuditEvent {
  switch (event.type) {
    case "issued":
    case "refreshed":
      return {
        type: "credential.issued",
        credential: { ...markOf(event), ttl_s: Math.round(event.ttlMs / 1000) },
      };
    case "revoked":
      return { type: "credential.revoked", credential: { kid: event.kid } };
    case "refused":
    case "unavailable":
      return { type: "credential.refused", error: { class: "CredentialError", code: event.reason } };
    case "refresh_failed":
      return { type: "credential.refresh_failed", error: { class: "CredentialError", code: event.reason } };
    default:
      return { type: `credential.${event.type}`, credential: markOf(event) };
  }
}

const markOf = ({ kid, scope, expiresAt }: CredentialMark): { kid: string; scope: string; exp: number } => ({
  kid,
  scope: scope.join(" "),
  exp: Math.floor(expiresAt / 1000),
});
