import type { ObtainOptions } from "./desk-types.js";
import type { DeskSettings } from "./options.js";
import type { ApprovalOpening } from "./record/record.js";
import { type ApprovalTerms, type SpendingTerms, sealedTerms } from "./record/terms.js";
import { ownDraft, requestView, shownHash } from "./request-view.js";
import type { ApprovalDraft } from "./types.js";
import type { QuorumEntry } from "./votes/quorum.js";
import { requestersOf } from "./votes/separation.js";

/** How one call is to be treated, of which the desk's own settings are the default. */
export type Wishes = Omit<ObtainOptions, "signal">;

/** What a call asks of a grant: as the guard and its rule say, whoever opened the approval. */
export function spendingTerms(
  settings: DeskSettings,
  verified: readonly string[] | undefined,
  draft: ApprovalDraft,
  wishes: Wishes,
): SpendingTerms {
  const quorum = quorumFor(settings.quorum, wishes.quorum);
  const { reminders, separation, emergency, denyCacheMs } = settings;
  const terms: ApprovalTerms = {
    grantTtlMs: wishes.grantTtlMs ?? settings.grantTtlMs,
    pendingTtlMs: wishes.expiresMs ?? settings.pendingTtlMs,
    denyCacheMs,
    ...(wishes.uses === undefined ? {} : { uses: wishes.uses }),
    ...(wishes.vary === undefined ? {} : { vary: [...wishes.vary.pointers] }),
    ...(quorum === undefined ? {} : { quorum }),
    ...(separation.distinctPeople === undefined ? {} : { distinctPeople: separation.distinctPeople }),
    ...(separation.requesterMayApprove === true ? { requesterMayApprove: true } : {}),
    ...(verified === undefined ? {} : { verify: verified }),
    ...(emergency === undefined ? {} : { emergency: emergency.from }),
    ...(reminders === undefined ? {} : { reminders: { ...reminders } }),
  };
  const approvers = draft.approvers === undefined ? undefined : [...draft.approvers];
  return {
    terms: sealedTerms(terms, approvers),
    ...(approvers === undefined ? {} : { approvers }),
    requesters: requestersOf(draft.subject),
  };
}

/** An approval to be opened for a call. */
export function openingFor(
  draft: ApprovalDraft,
  { terms }: SpendingTerms,
  { id, createdAt, expiresMs }: { readonly id: string; readonly createdAt: number; readonly expiresMs: number },
): ApprovalOpening {
  const asked = { ...ownDraft(draft), id, createdAt, expiresAt: createdAt + expiresMs };
  return { ...asked, terms, shownHash: shownHash(requestView({ ...asked, terms })) };
}

/** The desk's entries, and one more where the rule asks for more people than they do. */
function quorumFor(own: readonly QuorumEntry[] | undefined, people: number | undefined): QuorumEntry[] | undefined {
  const entries = structuredClone([...(own ?? [])]);
  const missing = (people ?? 1) - entries.reduce((sum, { n }) => sum + n, 0);
  if (missing > 0 && (own !== undefined || missing > 1)) entries.push({ name: "approvers", n: missing });
  return entries.length === 0 ? undefined : entries;
}
