import type { ApprovalEvent } from "./approval/index.js";
import type { AuditEvent, SessionLog } from "./audit/index.js";
import type { BrokerEvent, CredentialMark } from "./broker/index.js";
import type { OperationalLog } from "./operational-log.js";

/** How an approval ended, in the record's words. */
const OUTCOMES: Partial<Record<ApprovalEvent["type"], "approved" | "denied" | "expired" | "cancelled" | "error">> = {
  expired: "expired",
  cancelled: "cancelled",
  revoked: "cancelled",
  mismatch: "error",
  refused: "error",
  failed: "error",
};

/** Puts a step of an approval into the record of the session that asked. Where that fails, the call in progress is refused. */
export function recordApproval(record: SessionLog | undefined, event: ApprovalEvent): void {
  if (record === undefined) return;
  const base = {
    request_id: event.approvalId,
    approval: {
      id: event.approvalId,
      shown_hash: event.shownHash,
      requested_at: event.requestedAt,
      ...(event.expiresAt === undefined ? {} : { expires_at: event.expiresAt }),
    },
  };
  if (event.type === "requested") {
    record.append({ type: "approval.requested", ...base });
    return;
  }
  const outcome =
    event.type === "decided" ? (event.verdict === "approve" ? "approved" : "denied") : OUTCOMES[event.type];
  if (outcome === undefined) return;
  record.append({
    type: "approval.decided",
    ...base,
    approval: {
      ...base.approval,
      outcome,
      ...(event.approver === undefined
        ? {}
        : { approver: event.approver.id, approver_type: "human", channel: event.approver.idp }),
      ...(event.reason === undefined ? {} : { reason: event.reason }),
    },
    ...(event.latencyMs === undefined ? {} : { timing: { approval_ms: event.latencyMs } }),
  });
}

/** Puts what happened to a credential into the record of its session: identifiers, never the credential. */
export function recordCredential(record: SessionLog | undefined, event: BrokerEvent, log: OperationalLog): void {
  record?.append(credentialLine(event));
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
