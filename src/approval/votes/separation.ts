import { foldedId } from "../../policy/folded-id.js";
import type { ApprovalRecord } from "../record.js";
import type { ApprovalDecision, Approver } from "../types.js";
import { isFrom, personOf } from "./quorum.js";

/** Rules about who may answer. */
export interface Separation {
  /**
   * Whether the agent, its owner or the person it acts for may approve. Default false. Set it where one person is both, as
   * at a developer's own terminal.
   */
  readonly requesterMayApprove?: boolean;
  /** Whether one person fills one place of a quorum only, also where they are in two groups. Default true. */
  readonly distinctPeople?: boolean;
}

/** Who may say yes alone in an emergency: `group:NAME`, or the id of a person. Their yes is marked, and needs a reason. */
export interface EmergencyTerms {
  readonly from: string;
}

/** Why this person may not give this answer, or null where they may. Anyone asked may say no to their own request. */
export function objectionTo(
  { by, verdict, grant, emergency, reason }: ApprovalDecision,
  record: ApprovalRecord,
  rules: { readonly separation: Separation; readonly emergency: EmergencyTerms | undefined },
): string | null {
  if (verdict === "approve" && rules.separation.requesterMayApprove !== true && isRequester(by, record)) {
    return "the person who answered is the one who asks";
  }
  if (grant !== undefined && grant.uses > (record.terms.uses ?? 1)) {
    return "the answer gives more uses than the rule allows";
  }
  if (Object.keys(grant?.pins ?? {}).some((place) => record.terms.vary?.includes(place) !== true)) {
    return "the answer is about a place of the body at which requests of this rule may not differ";
  }
  if (emergency === true && verdict === "approve") {
    if (rules.emergency === undefined || !isFrom(rules.emergency.from, by)) {
      return "the person who answered is not one of those who may decide in an emergency";
    }
    return reason === undefined || reason.trim() === "" ? "a yes in an emergency needs a reason" : null;
  }
  return mayDecide(by, record) ? null : "the person who answered is not one of those who may decide";
}

/** Whether the record's list of approvers, or what it was escalated to, names them; a place in the quorum alone does, too. */
export function mayDecide(by: Approver, { approvers, escalatedTo, terms }: ApprovalRecord): boolean {
  const named = [...(approvers ?? []), ...(escalatedTo === undefined ? [] : [escalatedTo])];
  if (approvers !== undefined) return named.some((entry) => isFrom(entry, by));
  if (terms.quorum === undefined) return true;
  return [...named, ...terms.quorum.map(({ from }) => from)].some((entry) => isFrom(entry, by));
}

/** Whether this is the agent that asks. The person it acts for may take a question back; the agent would only hide that it asked. */
export const isAgentOf = ({ subject }: ApprovalRecord, by: Approver): boolean =>
  foldedId(subject.agent) === personOf(by);

function isRequester(by: Approver, { subject }: ApprovalRecord): boolean {
  const requesters = [subject.agent, subject.onBehalfOf, ...(subject.aliases ?? [])];
  return requesters.some((id) => id !== undefined && foldedId(id) === personOf(by));
}
