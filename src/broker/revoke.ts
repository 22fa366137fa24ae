import type { Clock } from "../clock.js";
import { abortable } from "../transport/index.js";
import { CredentialError } from "./credential-error.js";
import { heldBy, type LiveCredential } from "./custody.js";
import type { RevocationOutcome } from "./provider.js";
import { backoffMs, wait } from "./wait.js";

/**
 * Revokes one credential within a deadline. An answer that asks for patience (RFC 7009 §2.2.1: 503 means the token
 * still works) is tried again; what then remains is `failed`, and the credential lives until it expires.
 */
export async function revokeWithin(
  deadlineMs: number,
  live: LiveCredential,
  clock: Clock,
  random: () => number,
): Promise<RevocationOutcome | "failed"> {
  const { provider, issued, original } = heldBy(live);
  if (provider.revoke === undefined || !issued.revocable) return "not_revocable";
  const deadline = clock.monotonic() + deadlineMs;
  const late = new AbortController();
  const cancel = clock.schedule(deadlineMs, () => late.abort());
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await abortable(provider.revoke(original, { signal: late.signal }), late.signal);
      } catch (error) {
        if (late.signal.aborted || !(error instanceof CredentialError) || !error.transient) return "failed";
        const pause = Math.max(error.retryAfterMs ?? 0, backoffMs(attempt, random()));
        if (clock.monotonic() + pause >= deadline) return "failed";
        await wait(pause, clock, late.signal);
      }
    }
  } catch {
    return "failed";
  } finally {
    cancel();
  }
}
