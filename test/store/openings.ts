import type { ApprovalOpening } from "../../src/approval/index.js";
import { openingOf as plainOpening } from "../../src/testing/opening.js";

export { MINUTE, SPENDING, START } from "../../src/testing/opening.js";

/** An approval of a body so long that a journal grows with it. */
export function openingOf(id: string, change: Partial<ApprovalOpening> = {}): ApprovalOpening {
  const { http } = plainOpening(id);
  const body = { bytes: 4_000, sha256: "", preview: "x".repeat(4_000), truncated: false };
  return plainOpening(id, { http: { ...http, body }, ...change });
}
