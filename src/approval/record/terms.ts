import { createHash } from "node:crypto";
import { foldedId } from "../../policy/folded-id.js";
import { canonicalJson } from "../../request/body/canonical-json.js";
import type { QuorumEntry } from "../votes/quorum.js";

/**
 * Who must say yes, how, and how long things last (milliseconds); fixed when the approval is opened. A guard spends a grant
 * only where it meets the guard's own terms, see `shortfallOf`: several guards may share a store, and the strictest of them
 * must not send what only the laxest would have let pass.
 */
export interface ApprovalTerms {
  readonly grantTtlMs: number;
  readonly denyCacheMs: number;
  /** How long a person had to answer. */
  readonly pendingTtlMs?: number;
  /** How often a yes may be used, one after the other. Default 1. */
  readonly uses?: number;
  /** Where in the body the requests of one yes may differ. */
  readonly vary?: readonly string[];
  /** Default: one yes. */
  readonly quorum?: readonly QuorumEntry[];
  /** Whether one person fills one place of the quorum only. Default true. */
  readonly distinctPeople?: boolean;
  /** Whether the one who asks may say yes. Default false. */
  readonly requesterMayApprove?: boolean;
  /** The keys that prove answers from outside, by their ids. Absent: such answers count without a proof. */
  readonly verify?: readonly string[];
  /** Who may say yes alone in an emergency. Default: nobody. */
  readonly emergency?: string;
  readonly reminders?: ReminderTerms;
  /** SHA-256 over all of this and the list of approvers. Absent in records of earlier versions: these meet no terms. */
  readonly digest?: string;
}

/** When a person is reminded of a question that is open. After `max` reminders, one more goes to `escalateTo`. */
export interface ReminderTerms {
  readonly firstAfterMs: number;
  /** Default: `firstAfterMs`. */
  readonly everyMs?: number;
  /** Default 3. */
  readonly max?: number;
  /** `group:NAME` or the id of a person, who may then decide as well. */
  readonly escalateTo?: string;
}

/** What a call asks of the grant that it spends. */
export interface SpendingTerms {
  readonly terms: ApprovalTerms;
  /** The rule's list of approvers. */
  readonly approvers?: readonly string[];
  /** Ids that count as the requester: of the agent, the person it acts for, and those who handed the task on. */
  readonly requesters: readonly string[];
}

/** SHA-256, in hexadecimal, over the RFC 8785 form of the terms. */
export function termsDigest({ digest: _, ...terms }: ApprovalTerms, approvers: readonly string[] | undefined): string {
  const values: unknown = JSON.parse(JSON.stringify({ ...terms, approvers }));
  return createHash("sha256")
    .update(canonicalJson(values as Parameters<typeof canonicalJson>[0]))
    .digest("hex");
}

/** The terms with their digest. */
export const sealedTerms = (terms: ApprovalTerms, approvers: readonly string[] | undefined): ApprovalTerms => ({
  ...terms,
  digest: termsDigest(terms, approvers),
});

/** Whether the terms are whole and their own: those of an earlier version have no digest. */
export const isSealed = (terms: ApprovalTerms, approvers: readonly string[] | undefined): boolean =>
  terms.digest !== undefined && terms.digest === termsDigest(terms, approvers);

interface Asked {
  readonly terms: ApprovalTerms;
  readonly approvers?: readonly string[];
}

/**
 * Whether whatever is approved under the terms of an open approval will meet those of the call that found it: then the call may
 * wait for it. In doubt it may not, and is asked about anew.
 */
export function isAsStrict({ terms: open, approvers }: Asked, { terms, approvers: wanted }: Asked): boolean {
  return (
    isSealed(open, approvers) &&
    (open.uses ?? 1) <= (terms.uses ?? 1) &&
    open.grantTtlMs <= terms.grantTtlMs &&
    isAtMost(open.pendingTtlMs, terms.pendingTtlMs) &&
    isSameSet(open.vary ?? [], terms.vary ?? []) &&
    (open.requesterMayApprove !== true || terms.requesterMayApprove === true) &&
    isProvenBy(open.verify, terms.verify) &&
    isNobodyElse(open.emergency, terms.emergency) &&
    isNobodyElse(open.reminders?.escalateTo, terms.reminders?.escalateTo) &&
    (wanted === undefined ||
      (approvers !== undefined && isSubset(approvers.map(foldedFrom), wanted.map(foldedFrom)))) &&
    coversQuorum(open, terms)
  );
}

/** Whether what these keys prove is proven for a guard that believes those. */
export const isProvenBy = (keys: readonly string[] | undefined, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || (keys !== undefined && keys.length > 0 && isSubset(keys, wanted));

/** `group:NAME` or the id of a person, in the form in which they are compared. */
export const foldedFrom = (from: string): string =>
  from.startsWith("group:") ? `group:${foldedId(from.slice("group:".length))}` : foldedId(from);

const isAtMost = (open: number | undefined, most: number | undefined): boolean =>
  most === undefined || (open !== undefined && open <= most);

const isNobodyElse = (open: string | undefined, wanted: string | undefined): boolean =>
  open === undefined || (wanted !== undefined && foldedFrom(open) === foldedFrom(wanted));

export const isSubset = (some: readonly string[], all: readonly string[]): boolean =>
  some.every((one) => all.includes(one));

export const isSameSet = (a: readonly string[], b: readonly string[]): boolean => isSubset(a, b) && isSubset(b, a);

const ONE: readonly QuorumEntry[] = [{ name: "approver", n: 1 }];

/** Whether everybody who fills the open quorum fills the wanted one: each of its places has one of its own there. */
function coversQuorum(open: ApprovalTerms, wanted: ApprovalTerms): boolean {
  const places = wanted.quorum ?? ONE;
  if (open.distinctPeople === false && wanted.distinctPeople !== false && peopleIn(places) > 1) return false;
  const left = (open.quorum ?? ONE).map(({ n, from }) => ({
    n,
    from: from === undefined ? undefined : foldedFrom(from),
  }));
  // Named places first: what is left is for those that anybody may fill.
  const named = [...places].sort((a, b) => Number(a.from === undefined) - Number(b.from === undefined));
  return named.every(({ n, from }) => {
    let missing = n;
    for (const place of left) {
      if (from !== undefined && place.from !== foldedFrom(from)) continue;
      const taken = Math.min(place.n, missing);
      place.n -= taken;
      missing -= taken;
    }
    return missing === 0;
  });
}

const peopleIn = (quorum: readonly QuorumEntry[]): number => quorum.reduce((sum, { n }) => sum + n, 0);
