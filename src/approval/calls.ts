import { unwatchAbort, watchAbort } from "../transport/index.js";
import type { ApprovalDraft, ApprovalSubject } from "./types.js";

/** A call that is being held. Its signal aborts with the error it is to be refused with. */
export interface Call {
  readonly sessionId: string;
  readonly requestId: string | undefined;
  readonly subject: Pick<ApprovalSubject, "runId" | "toolCallId">;
  readonly signal: AbortSignal;
  /** The approval it waits for, once it is known. */
  approvalId: string | undefined;
  leave(): void;
}

/** All calls that are being held, so that a session, an approval or the whole desk can let go of its own. */
export interface Calls {
  /** Throws the signal's reason where it has aborted already. */
  enter(draft: Pick<ApprovalDraft, "sessionId" | "requestId" | "subject">, signal: AbortSignal): Call;
  refuse(which: { readonly sessionId?: string; readonly approvalId?: string }, error: Error): void;
  /** Whether a call of another session waits for the approval. */
  hasOther(approvalId: string, sessionId: string): boolean;
}

export function createCalls(): Calls {
  const held = new Set<Call & { abort(reason: unknown): void }>();
  return {
    enter({ sessionId, requestId, subject }, signal) {
      signal.throwIfAborted();
      const controller = new AbortController();
      const follower = { onAbort: () => controller.abort(signal.reason) };
      watchAbort(signal, follower);
      const call = {
        sessionId,
        requestId,
        subject,
        signal: controller.signal,
        approvalId: undefined,
        abort: (reason: unknown) => controller.abort(reason),
        leave(): void {
          unwatchAbort(signal, follower);
          held.delete(call);
        },
      };
      held.add(call);
      return call;
    },
    refuse({ sessionId, approvalId }, error) {
      for (const call of held) {
        if (sessionId !== undefined && call.sessionId !== sessionId) continue;
        if (approvalId !== undefined && call.approvalId !== approvalId) continue;
        call.abort(error);
      }
    },
    hasOther: (approvalId, sessionId) =>
      [...held].some((call) => call.approvalId === approvalId && call.sessionId !== sessionId),
  };
}
