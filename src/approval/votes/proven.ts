import type { ApprovalDecision } from "../types.js";

/**
 * A decision that a channel of ours has proved by its own means: the signature of Slack over a click, that of a webhook over
 * its body. The mark is a private field, which nobody who only has an object of the same shape can put there.
 */
export class ProvenDecision implements ApprovalDecision {
  readonly approvalId: string;
  readonly fingerprint: string;
  readonly verdict: ApprovalDecision["verdict"];
  readonly by: ApprovalDecision["by"];
  readonly at: string;
  readonly nonce: string;
  readonly reason?: string;
  readonly grant?: NonNullable<ApprovalDecision["grant"]>;
  readonly emergency?: true;
  readonly #proven = true;

  constructor({ approvalId, fingerprint, verdict, by, at, nonce, reason, grant, emergency }: ApprovalDecision) {
    this.approvalId = approvalId;
    this.fingerprint = fingerprint;
    this.verdict = verdict;
    this.by = by;
    this.at = at;
    this.nonce = nonce;
    if (reason !== undefined) this.reason = reason;
    if (grant !== undefined) this.grant = grant;
    if (emergency !== undefined) this.emergency = emergency;
    // What was proved stays what it was.
    Object.freeze(this);
  }

  static is(decision: unknown): boolean {
    return typeof decision === "object" && decision !== null && #proven in decision && decision.#proven;
  }
}
