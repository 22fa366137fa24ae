/** Where an approval stands. */
export type ApprovalState =
  | "pending"
  | "approved"
  | "reserved"
  | "consumed"
  | "unknown"
  | "denied"
  | "expired"
  | "cancelled"
  | "revoked";

/** What can happen to an approval. `spend`: sent, and more uses are left. `lose`: nobody knows whether the request was sent. */
export type ApprovalAction =
  | "approve"
  | "deny"
  | "cancel"
  | "revoke"
  | "expire"
  | "reserve"
  | "spend"
  | "consume"
  | "release"
  | "lose";

/**
 * The whole state machine. What is not in the table does not happen. `release` is for a request of which provably
 * nothing was sent. A `deny` that comes after the yes and before the send takes the yes back; one that comes after the
 * expiry is still what a person said, and is recorded as such.
 */
export const TRANSITIONS: Readonly<Record<ApprovalState, Partial<Readonly<Record<ApprovalAction, ApprovalState>>>>> = {
  pending: { approve: "approved", deny: "denied", expire: "expired", cancel: "cancelled" },
  approved: { reserve: "reserved", revoke: "revoked", deny: "revoked", expire: "expired" },
  reserved: { consume: "consumed", spend: "approved", release: "approved", lose: "unknown" },
  consumed: {},
  unknown: {},
  denied: {},
  expired: { deny: "denied" },
  cancelled: {},
  revoked: {},
};

/** The state after the action, or null where the action does nothing. */
export const nextState = (state: ApprovalState, action: ApprovalAction): ApprovalState | null =>
  TRANSITIONS[state][action] ?? null;

/** Whether an identical call joins this approval instead of opening another one. */
export const isLive = (state: ApprovalState): boolean =>
  state === "pending" || state === "approved" || state === "reserved";
