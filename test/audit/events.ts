import type { AuditEvent, SessionOpening } from "../../src/audit/index.js";

export const OPENING: SessionOpening = {
  id: "s1",
  principal: { id: "ada", type: "human", issuer: "https://id.example", tenant: "acme", name: "Ada" },
  agent: { id: "billing-bot", instance: "run-7" },
  purpose: "close ticket 4711",
  expiresAt: Date.UTC(2026, 0, 15, 13),
};

export const HTTP = {
  method: "GET",
  url: "https://crm.example/api/v1/accounts/42",
  route: "/api/v1/accounts/{id}",
  host: "crm.example",
  port: 443,
} as const;

export const DECISION = {
  id: "d1",
  effect: "allow",
  enforced: "allow",
  rule: "read-accounts",
  reason: "rule read-accounts allows it",
  policy_hash: "ab".repeat(32),
} as const;

export const intent = (id: string): AuditEvent => ({
  type: "request.intent",
  request_id: id,
  attempt: 1,
  http: HTTP,
  decision: DECISION,
});
export const completed = (id: string): AuditEvent => ({
  type: "request.completed",
  request_id: id,
  attempt: 1,
  http: { ...HTTP, status: 200 },
  timing: { total_ms: 12 },
});
export const denied = (id: string): AuditEvent => ({
  type: "request.denied",
  request_id: id,
  attempt: 1,
  http: HTTP,
  decision: { ...DECISION, effect: "deny", enforced: "deny", code: "RULE_DENY" },
});
