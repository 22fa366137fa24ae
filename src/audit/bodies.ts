import { createHash } from "node:crypto";
import { join } from "node:path";

/** Below a session's directory. */
const BODIES = "bodies";

/** Where the stored body with this commitment lies, and the salt that its commitment was made with. */
export function placeOf(
  sessionDirectory: string,
  commitment: string,
): { readonly blob: string; readonly salt: string } {
  const blob = join(sessionDirectory, BODIES, commitment.slice(0, 2), commitment);
  return { blob, salt: `${blob}.salt` };
}

/**
 * What a line says of a body beside the log: SHA-256 over a random salt and the stored bytes, in hex. Once salt and bytes
 * are erased, it tells nobody what they were, not even somebody who guesses.
 */
export function commitmentOf(salt: Uint8Array, stored: Uint8Array): string {
  return createHash("sha256").update(salt).update(stored).digest("hex");
}
