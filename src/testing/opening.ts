import type { ApprovalOpening, ApprovalTerms, SpendingTerms } from "../approval/index.js";
import { sealedTerms } from "../approval/record/terms.js";

export const START: number = Date.UTC(2026, 0, 15);
export const MINUTE = 60_000;

export const TERMS: ApprovalTerms = { grantTtlMs: 5 * MINUTE, denyCacheMs: 2 * MINUTE };

/** What a call asks of a grant, as it opened it. */
export const SPENDING: SpendingTerms = { terms: sealedTerms(TERMS, undefined), requesters: ["bot", "u1"] };

/** What a store is given to open an approval. */
export const openingOf = (id: string, change: Partial<ApprovalOpening> = {}): ApprovalOpening => ({
  id,
  sessionId: "s1",
  fingerprint: "gf2:a",
  subject: { tenant: "acme", agent: "bot", onBehalfOf: "u1" },
  http: {
    method: "POST",
    origin: "https://x.example",
    path: "/",
    query: [["a", "1"]],
    headers: {},
    body: { bytes: 0, sha256: "", preview: "", truncated: false },
  },
  why: { ruleId: "r", policyDigest: "p" },
  createdAt: START,
  expiresAt: START + 10 * MINUTE,
  shownHash: "00",
  ...change,
  terms: sealedTerms(change.terms ?? TERMS, change.approvers),
});
