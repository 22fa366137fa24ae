import { foldedId } from "../../policy/folded-id.js";
import type { ApprovalRecord } from "../record/record.js";
import { type ApprovalTerms, isProvenBy } from "../record/terms.js";
import type { ApprovalDecision, ApprovalSubject, Approver } from "../types.js";
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
  rules: {
    readonly separation: Separation;
    readonly emergency: EmergencyTerms | undefined;
    /** Ids of the keys that answers from outside are proved by. */
    readonly verified: readonly string[] | undefined;
  },
): string | null {
  const { terms } = record;
  // Under the terms of the approval and under those of the guard that takes the answer: the stricter of both.
  const mayBeRequester = rules.separation.requesterMayApprove === true && terms.requesterMayApprove === true;
  if (verdict === "approve" && !mayBeRequester && isOneOf(requestersOf(record.subject), by)) {
    return "the person who answered is the one who asks";
  }
  if (verdict === "approve" && !isProvenBy(rules.verified, terms.verify)) {
    return "a yes has to be signed for the guard that asks, and this one was not given to it";
  }
  if (grant !== undefined && grant.uses > (terms.uses ?? 1)) {
    return "the answer gives more uses than the rule allows";
  }
  if (Object.keys(grant?.pins ?? {}).some((place) => terms.vary?.includes(place) !== true)) {
    return "the answer is about a place of the body at which requests of this rule may not differ";
  }
  if (emergency === true && verdict === "approve") {
    if (![rules.emergency?.from, terms.emergency].every((from) => from !== undefined && isFrom(from, by))) {
      return "the person who answered is not one of those who may decide in an emergency";
    }
    return reason === undefined || reason.trim() === "" ? "a yes in an emergency needs a reason" : null;
  }
  return mayDecide(by, record) ? null : "the person who answered is not one of those who may decide";
}

/** Who may decide: those whom the list of approvers names, or the approval was escalated to; a place in the quorum does, too. */
export interface Deciders {
  readonly approvers?: readonly string[] | undefined;
  readonly escalatedTo?: string | undefined;
  readonly terms: Pick<ApprovalTerms, "quorum">;
}

export function mayDecide(by: Approver, { approvers, escalatedTo, terms }: Deciders): boolean {
  const named = [...(approvers ?? []), ...(escalatedTo === undefined ? [] : [escalatedTo])];
  if (approvers !== undefined) return named.some((entry) => isFrom(entry, by));
  if (terms.quorum === undefined) return true;
  return [...named, ...terms.quorum.map(({ from }) => from)].some((entry) => isFrom(entry, by));
}

/** Whether this is the agent that asks. The person it acts for may take a question back; the agent would only hide that it asked. */
export const isAgentOf = ({ subject }: ApprovalRecord, by: Approver): boolean =>
  foldedId(subject.agent) === personOf(by);

/** The ids that count as the one who asks. */
export const requestersOf = ({ agent, onBehalfOf, aliases = [] }: ApprovalSubject): readonly string[] => [
  agent,
  ...(onBehalfOf === undefined ? [] : [onBehalfOf]),
  ...aliases,
];

/** Whether a person is one of these ids, however it is spelled. */
export const isOneOf = (ids: readonly string[], by: Approver): boolean =>
  ids.some((id) => foldedId(id) === personOf(by));
