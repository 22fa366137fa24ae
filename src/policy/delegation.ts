import type { ApprovalTerms, Decision, Limit, Obligations } from "./decision.js";
import { NO_OBLIGATIONS, sealed } from "./obligations.js";
import { NO_CHECKS, type PredicateCheck } from "./predicates.js";

interface Judgement {
  readonly decision: Decision;
  readonly checks: readonly PredicateCheck[];
}

/**
 * What both of two agents may do, of whom one works for the other: the one that acts, and one that handed the task on. Whatever
 * either is denied is denied, whatever either must ask for is asked, and what comes along with both decisions holds.
 */
export function narrowedBy(own: Judgement, theirs: Judgement, agent: string): Judgement {
  if (own.decision.effect === "deny") return own;
  const { decision: other } = theirs;
  if (other.effect === "deny")
    return {
      decision: { ...other, reason: `the agent "${agent}" handed this task on: ${other.reason}` },
      checks: NO_CHECKS,
    };
  const obligations = together(own.decision.obligations, other.obligations);
  if (obligations === null) {
    const reason = `the agent "${agent}" handed this task on, and its rule and this one have no right in common`;
    return {
      decision: { ...own.decision, effect: "deny", code: "NO_RULE", reason, obligations: NO_OBLIGATIONS },
      checks: NO_CHECKS,
    };
  }
  const asking = own.decision.effect === "approve" ? own.decision : other;
  const { effect, code, reason, rule } = asking;
  return {
    decision: { ...own.decision, effect, code, reason, ...(rule === undefined ? {} : { rule }), obligations },
    checks: theirs.checks.length === 0 ? own.checks : [...own.checks, ...theirs.checks],
  };
}

const RECORD_ORDER = ["none", "metadata", "request", "response", "both"] as const;
const SYNC_ORDER = ["os", "group", "strict"] as const;

/** Null where the two cannot be had together: other scopes, another audience, other approvers. */
function together(a: Obligations, b: Obligations): Obligations | null {
  const scopes = common(a.scopes, b.scopes);
  const approval = bothTerms(a.approval, b.approval);
  if (scopes === null || approval === null) return null;
  if (a.audience !== undefined && b.audience !== undefined && a.audience !== b.audience) return null;
  const details = [a.authorizationDetails, b.authorizationDetails].filter((one) => one !== undefined);
  if (details.length === 2 && JSON.stringify(details[0]) !== JSON.stringify(details[1])) return null;
  const audience = a.audience ?? b.audience;
  const optional = a.optionalScopes?.filter((scope) => scopes?.includes(scope) === true);
  const stepUp = bothStepUps(a.stepUp, b.stepUp);
  const limits = [...(a.limits ?? []), ...(b.limits ?? [])];
  const record = new Set([a.record, b.record]);
  const level =
    record.has("request") && record.has("response") ? "both" : RECORD_ORDER.findLast((one) => record.has(one));
  const sync = SYNC_ORDER.findLast((mode) => a.sync === mode || b.sync === mode);
  return sealed({
    ...(a.credential === undefined ? {} : { credential: a.credential }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(optional === undefined ? {} : { optionalScopes: optional }),
    ...(audience === undefined ? {} : { audience }),
    ...(details[0] === undefined ? {} : { authorizationDetails: details[0] }),
    ...(stepUp === undefined ? {} : { stepUp }),
    mask: Object.freeze([...new Set([...a.mask, ...b.mask])]),
    record: level ?? "metadata",
    ...(sync === undefined ? {} : { sync }),
    ...(limits.length === 0 ? {} : { limits: Object.freeze(limits) }),
    ...(approval === undefined ? {} : { approval: sealed(approval) }),
  });
}

/** What is on both lists; a list that is not there holds everything. Null where two lists have nothing in common. */
function common(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined | null {
  if (a === undefined || b === undefined) return a ?? b;
  const both = a.filter((one) => b.includes(one));
  return both.length === 0 ? null : Object.freeze(both);
}

/** Terms that meet both: fewer people, more of them, less time, fewer uses, and nothing that varies in one alone. */
function bothTerms(a: ApprovalTerms | undefined, b: ApprovalTerms | undefined): ApprovalTerms | undefined | null {
  if (a === undefined || b === undefined) return a ?? b;
  const approvers = common(a.approvers, b.approvers);
  if (approvers === null) return null;
  const least = (key: "waitMs" | "expiresMs" | "grantTtlMs" | "uses"): object => {
    const given = [a[key], b[key]].filter((one) => one !== undefined);
    return given.length === 0 ? {} : { [key]: Math.min(...given) };
  };
  const quorum = Math.max(a.quorum ?? 1, b.quorum ?? 1);
  const vary = a.vary?.filter((place) => b.vary?.includes(place) === true) ?? [];
  return {
    ...(approvers === undefined ? {} : { approvers }),
    ...(quorum === 1 ? {} : { quorum }),
    ...least("waitMs"),
    ...least("expiresMs"),
    ...least("grantTtlMs"),
    ...least("uses"),
    ...(vary.length === 0 ? {} : { vary }),
  };
}

/** Only what both may have added. */
function bothStepUps(a: Obligations["stepUp"], b: Obligations["stepUp"]): Obligations["stepUp"] {
  if (a === undefined || b === undefined) return undefined;
  const [scopes, approval] = [common(a.scopes, b.scopes), bothTerms(a.approval, b.approval)];
  return scopes == null || approval == null ? undefined : { scopes, approval };
}

/** The limits of an agent that handed the task on: they count for it, and in its session. */
export const limitsFor = (decision: Decision, agent: string, session: string): Decision => {
  const { limits } = decision.obligations;
  if (limits === undefined) return decision;
  const theirs = limits.map((limit): Limit => Object.freeze({ ...limit, of: Object.freeze({ agent, session }) }));
  return { ...decision, obligations: sealed({ ...decision.obligations, limits: Object.freeze(theirs) }) };
};
