import type { ApprovalTerms } from "./decision.js";
import type { ApprovalDocument } from "./document/document.js";
import { parseDuration } from "./document/duration.js";
import { foldedId } from "./folded-id.js";

/** How a person is asked, with times as numbers. */
export function approvalTerms({
  approvers,
  quorum,
  wait,
  expires,
  purpose,
  repeat,
  grant,
}: ApprovalDocument = {}): ApprovalTerms {
  const time = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : (parseDuration(text) ?? undefined);
  const [waitMs, expiresMs, grantTtlMs] = [time(wait), time(expires), time(grant?.ttl)];
  return {
    ...(approvers === undefined ? {} : { approvers }),
    ...(quorum === undefined ? {} : { quorum }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
    ...(purpose === undefined ? {} : { purpose }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(grantTtlMs === undefined ? {} : { grantTtlMs }),
    ...(grant?.uses === undefined ? {} : { uses: grant.uses }),
    ...(grant?.vary === undefined ? {} : { vary: grant.vary }),
  };
}

/** What could never be fulfilled: too few people, or a wait for an answer that can no longer come. */
export function checkApproval(
  { approvers, quorum = 1, wait, expires }: ApprovalDocument,
  problem: (at: string, message: string) => void,
): void {
  const people = new Set(approvers?.map(foldedId));
  if (approvers !== undefined && people.size < quorum && !approvers.some((name) => name.startsWith("group:")))
    problem("/quorum", "more people must say yes than are listed in approvers");
  const [waitMs, expiresMs] = [wait, expires].map((text) => (text === undefined ? null : parseDuration(text)));
  if (waitMs != null && expiresMs != null && waitMs > expiresMs)
    problem("/wait", "must not be longer than the question stays open (expires)");
}
