import { createHash } from "node:crypto";
import { canonicalJson } from "../request/body/canonical-json.js";
import { quorumOf } from "./record/counting.js";
import type { ApprovalOpening, ApprovalRecord } from "./record/record.js";
import type { ApprovalDraft, ApprovalRequest } from "./types.js";

const MAX_PREVIEW = 16_384;
const MAX_CLAIM = 1024;

/** A copy of the draft that nobody else holds, within bounds. */
export function ownDraft(draft: ApprovalDraft): ApprovalDraft {
  const { body } = draft.http;
  const tooLong = body.preview.length > MAX_PREVIEW;
  return structuredClone({
    ...draft,
    ...(draft.agentReason === undefined ? {} : { agentReason: draft.agentReason.slice(0, MAX_CLAIM) }),
    http: {
      ...draft.http,
      body: { ...body, preview: body.preview.slice(0, MAX_PREVIEW), truncated: body.truncated || tooLong },
    },
  });
}

/** What the approver is asked, frozen: a callback cannot change what its own answer will be about. */
export function requestView(opening: Omit<ApprovalOpening, "shownHash"> & Partial<ApprovalRecord>): ApprovalRequest {
  const { id, fingerprint, subject, http, why, agentReason, approvers } = opening;
  return deepFreeze(
    structuredClone({
      id,
      createdAt: new Date(opening.createdAt).toISOString(),
      expiresAt: new Date(opening.expiresAt).toISOString(),
      attempt: opening.attempt ?? 1,
      fingerprint,
      subject,
      http,
      why,
      ...(agentReason === undefined ? {} : { agentReason }),
      ...(approvers === undefined ? {} : { approvers }),
      quorum: quorumOf({ terms: opening.terms, votes: opening.votes ?? [] }),
      grant: {
        uses: opening.terms.uses ?? 1,
        ttlMs: opening.terms.grantTtlMs,
        ...(opening.terms.vary === undefined ? {} : { vary: opening.terms.vary }),
      },
      reminderNo: opening.reminderNo ?? 0,
      ...(opening.escalatedTo === undefined ? {} : { escalatedTo: opening.escalatedTo }),
    }),
  );
}

/** SHA-256, in hexadecimal, over the RFC 8785 form of what the approver is asked, but for what changes while they think. */
export function shownHash(request: ApprovalRequest): string {
  const { attempt: _attempt, quorum: _quorum, reminderNo: _reminderNo, escalatedTo: _escalatedTo, ...shown } = request;
  return createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify(shown))))
    .digest("hex");
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
