import type { ApprovalReply } from "../types.js";

const refusals = new WeakSet<ApprovalReply>();

/**
 * Marks a no that an identity provider gives for the person it asked. It proves nobody, since a refusal comes without an
 * identity, and so without groups; but a no only takes away, and whom to ask was the operator's choice. The mark is in this
 * room: no other callback can put it on a reply.
 */
export function refusedByProvider(reply: ApprovalReply): ApprovalReply {
  refusals.add(reply);
  return reply;
}

export const isRefusedByProvider = (reply: unknown): boolean =>
  typeof reply === "object" && reply !== null && refusals.has(reply as ApprovalReply);
