import { readReply } from "./read-reply.js";
import type { ApprovalRecord } from "./record/record.js";
import { unavailabilityOf } from "./refusals.js";
import { requestView } from "./request-view.js";
import type {
  ApprovalCallback,
  ApprovalControl,
  ApprovalDecision,
  ApprovalReply,
  ApprovalRequest,
  Approver,
} from "./types.js";
import { isRefusedByProvider } from "./votes/provider-refusal.js";

interface Tools {
  readonly randomId: () => string;
  readonly now: () => number;
  /**
   * Counts a well-formed decision; `isRefused` where a provider says no for the person it asked. Where it rejects, asking has
   * failed.
   */
  readonly answered: (record: ApprovalRecord, decision: ApprovalDecision, isRefused: boolean) => Promise<unknown>;
  /** Nobody expects an answer soon: the calls that wait for it need not. */
  readonly unheld: (record: ApprovalRecord) => void;
  /** Asking failed while the question stood. The approval is still pending and may be asked about again. */
  readonly failed: (record: ApprovalRecord, error: unknown) => void;
}

/** The questions that are being asked. */
export interface Asking {
  /** Answers with the signal that withdraws the question. */
  ask(record: ApprovalRecord): AbortSignal;
  /** Asks once more, where nobody is being asked at this moment. */
  remind(record: ApprovalRecord): void;
  /** Notes that it has not been asked yet, so that the next call has it asked, whatever becomes of this one. */
  postpone(id: string): void;
  /** Whether it was opened here and not asked, or asking about it failed. */
  isDue(id: string): boolean;
  /** The answer no longer matters. */
  withdraw(id: string): void;
  withdrawAll(): void;
}

/** A reply that is not one, or none at all; the message says why. */
export class BadReply extends Error {}

export function createAsking(callback: ApprovalCallback, tools: Tools): Asking {
  const open = new Map<string, AbortController>();
  const due = new Set<string>();
  /** Asked here, or by somebody whose question lasts. */
  const known = new Set<string>();
  /** The callback has not answered yet. */
  const talking = new Set<string>();

  const converse = async (record: ApprovalRecord, signal: AbortSignal): Promise<void> => {
    const request = requestView(record);
    talking.add(record.id);
    let answer: unknown;
    try {
      answer = await callback(request, controlFor(request, signal, tools));
    } catch (error) {
      // It may say why nobody could be asked. That an approval is denied, used or expired is not its to say.
      throw error instanceof BadReply ? error : new BadReply(unavailabilityOf(error) ?? "asking a person failed");
    } finally {
      talking.delete(record.id);
    }
    const reply = readReply(answer);
    if (!reply.ok) throw new BadReply(reply.problem);
    // Also when the question was withdrawn meanwhile: a no that comes late is still recorded as one.
    if (reply.value.kind === "decision")
      await tools.answered(record, reply.value.decision, isRefusedByProvider(answer));
    // Nobody sees the question any more, as where a device has given up: the next call has it asked again.
    else if (callback.asksHere === true) known.delete(record.id);
    if (reply.value.kind === "pending" && reply.value.hold === false) tools.unheld(record);
  };

  const withdraw = (id: string): void => {
    due.delete(id);
    known.delete(id);
    const controller = open.get(id);
    open.delete(id);
    controller?.abort(new Error("The question no longer stands."));
  };

  return {
    ask(record) {
      open.get(record.id)?.abort(new Error("The question is asked anew."));
      const controller = new AbortController();
      due.delete(record.id);
      known.add(record.id);
      open.set(record.id, controller);
      converse(record, controller.signal)
        .catch((error: unknown) => {
          if (controller.signal.aborted) return;
          withdraw(record.id);
          due.add(record.id);
          tools.failed(record, error);
        })
        // A record that cannot be written here is missed by the next call, which is then refused.
        .catch(() => undefined);
      return controller.signal;
    },
    remind(record) {
      const signal = open.get(record.id)?.signal ?? new AbortController().signal;
      if (talking.has(record.id) || signal.aborted) return;
      // A reminder that cannot be delivered changes nothing: the question stands, and the next one may be.
      converse(record, signal)
        .catch((error: unknown) => tools.failed(record, error))
        .catch(() => undefined); // as above
    },
    postpone: (id) => void due.add(id),
    isDue: (id) => due.has(id) || (callback.asksHere === true && !known.has(id)),
    withdraw,
    withdrawAll() {
      for (const id of [...open.keys()]) withdraw(id);
    },
  };
}

/** What is not said is as the rule gives it; a shorter life alone is for one use. */
function grantIn(
  { grant }: ApprovalRequest,
  { ttlMs, uses, pins }: NonNullable<Parameters<ApprovalControl["approve"]>[1]>,
): Pick<ApprovalDecision, "grant"> {
  if (ttlMs === undefined && uses === undefined && pins === undefined) return {};
  const most = ttlMs === undefined ? grant.uses : 1;
  return { grant: { uses: uses ?? most, ttlMs: ttlMs ?? grant.ttlMs, ...(pins === undefined ? {} : { pins }) } };
}

function controlFor(
  request: ApprovalRequest,
  signal: AbortSignal,
  tools: Pick<Tools, "randomId" | "now">,
): ApprovalControl {
  const answer = (
    verdict: "approve" | "deny",
    by: Approver,
    details: NonNullable<Parameters<ApprovalControl["approve"]>[1]> = {},
  ): ApprovalReply => ({
    kind: "decision",
    decision: {
      approvalId: request.id,
      fingerprint: request.fingerprint,
      verdict,
      by,
      at: new Date(tools.now()).toISOString(),
      nonce: tools.randomId(),
      ...(details.reason === undefined ? {} : { reason: details.reason }),
      ...grantIn(request, details),
      ...(details.emergency === undefined ? {} : { emergency: details.emergency }),
    },
  });
  return {
    signal,
    approve: (by, details) => answer("approve", by, details),
    deny: (by, details) => answer("deny", by, details),
    pending: ({ hold } = {}) => (hold === false ? { kind: "pending", hold } : { kind: "pending" }),
  };
}
