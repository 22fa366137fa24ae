import type { ErrorCode } from "../errors/codes.js";

/**
 * Why a request has no canonical form. Inner code returns this; only the top floor throws. `reason` names the rule, and
 * never repeats what the agent wrote: it may end up before a model or in a log.
 */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly reason: string;
}

export const refuse = (code: ErrorCode, reason: string): Refusal => ({ ok: false, code, reason });
