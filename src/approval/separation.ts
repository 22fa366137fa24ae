import type { ApprovalRecord } from "./record.js";
import type { Approver } from "./types.js";

/** Rules about who may answer. */
export interface Separation {
  /**
   * Whether the agent, its owner or the person it acts for may approve. Default false. Set it where one person is both, as
   * at a developer's own terminal.
   */
  readonly requesterMayApprove?: boolean;
}

/** Why this person may not give this answer, or null where they may. Anyone asked may say no to their own request. */
export function objectionTo(
  by: Approver,
  verdict: "approve" | "deny",
  record: ApprovalRecord,
  separation: Separation,
): string | null {
  if (record.approvers !== undefined && !record.approvers.some((entry) => isEntry(entry, by))) {
    return "the person who answered is not one of those who may decide";
  }
  if (verdict === "approve" && separation.requesterMayApprove !== true && isRequester(by, record)) {
    return "the person who answered is the one who asks";
  }
  return null;
}

const isEntry = (entry: string, by: Approver): boolean =>
  entry.startsWith("group:") ? (by.groups ?? []).includes(entry.slice("group:".length)) : entry === by.id;

function isRequester(by: Approver, { subject }: ApprovalRecord): boolean {
  const requesters = [subject.agent, subject.onBehalfOf, ...(subject.aliases ?? [])];
  return requesters.some((id) => id !== undefined && alike(id) === alike(by.id));
}

/** Directories compare names without case: `Ann@example.org` is `ann@example.org`. */
const alike = (id: string): string => id.normalize("NFKC").toLowerCase();
