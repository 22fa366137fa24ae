import type { ApprovalTerms } from "./decision.js";
import type { ApprovalDocument } from "./document.js";
import { parseDuration } from "./duration.js";

/** How a person is asked, with times as numbers. */
export function approvalTerms({ approvers, quorum, wait, expires, grant }: ApprovalDocument = {}): ApprovalTerms {
  const time = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : (parseDuration(text) ?? undefined);
  const [waitMs, expiresMs, grantTtlMs] = [time(wait), time(expires), time(grant?.ttl)];
  return {
    ...(approvers === undefined ? {} : { approvers }),
    ...(quorum === undefined ? {} : { quorum }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
    ...(grantTtlMs === undefined ? {} : { grantTtlMs }),
    ...(grant?.uses === undefined ? {} : { uses: grant.uses }),
    ...(grant?.vary === undefined ? {} : { vary: grant.vary }),
  };
}
