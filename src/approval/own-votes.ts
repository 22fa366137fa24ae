import type { ApprovalRecord } from "./record/record.js";
import type { Approver } from "./types.js";

/** Who vouches for what the library does by itself. Nobody outside can answer in this name. */
export const OURSELVES = "sallyport";

/** Takes back what a session asked, because the session ends or has asked too often. */
export const THE_SESSION: Approver = { id: "session", idp: OURSELVES };

/** Takes back what an agent asked that is revoked. */
export const THE_REVOCATION: Approver = { id: "revocation", idp: OURSELVES };

/** Takes an unused yes back because another policy is in force. */
export const THE_POLICY: Approver = { id: "policy", idp: OURSELVES };

/** Takes a question or an unused yes back that does not meet the terms of a guard, which then asks anew. */
export const THE_TERMS: Approver = { id: "terms", idp: OURSELVES };

/** Whether a call that waited for this approval should ask anew. */
export const isWithdrawnForTerms = ({ state, decidedBy }: Pick<ApprovalRecord, "state" | "decidedBy">): boolean =>
  (state === "cancelled" || state === "revoked") && decidedBy?.idp === OURSELVES && decidedBy.id === THE_TERMS.id;

/** Takes a yes back that could not be recorded. */
export const THE_RECORD: Approver = { id: "unrecorded", idp: OURSELVES };
