import { expect, test } from "vitest";
import type { OptionsError } from "../../src/errors.js";
import { memoryStore } from "../../src/store/index.js";
import { bench, draftOf } from "../approval/support.js";
import { describeApprovalStore } from "./approval-store-conformance.js";

describeApprovalStore("memory approvals", async () => {
  const { approvals } = memoryStore();
  return { store: approvals, reopen: async () => approvals };
});

test("a memory store says that it is for development, where it is given somebody to tell", () => {
  const told: string[] = [];
  memoryStore({ warn: (message) => void told.push(message) });
  expect(told).toEqual([expect.stringMatching(/for development/)]);
});

test("wrong options are refused, all at once", () => {
  try {
    memoryStore({ maxApprovals: 0.5, warn: "x", other: 1 } as never);
    expect.unreachable();
  } catch (error) {
    expect((error as OptionsError).problems.map(({ pointer }) => pointer)).toEqual([
      "/other",
      "/maxApprovals",
      "/warn",
    ]);
  }
});

test("a full memory store forgets finished approvals, and refuses rather than forget a live one or a denial", async () => {
  const { obtain, desk, asked } = bench({ store: memoryStore({ maxApprovals: 3 }).approvals, waitMs: 0 });
  const call = (body: string) => obtain(draftOf({}, body));
  for (const body of ["1", "2", "3"]) expect(await call(body)).toBe("APPROVAL_PENDING");
  const by = { id: "ben", idp: "x" };
  await desk.decide({
    approvalId: asked[0]!.id,
    fingerprint: asked[0]!.fingerprint,
    verdict: "deny",
    by,
    at: "x",
    nonce: "x",
  });
  expect(await call("4")).toBe("APPROVAL_UNAVAILABLE");
  expect(await call("1")).toBe("APPROVAL_DENIED");
  await desk.cancel(asked[1]!.id, by);
  expect(await call("4")).toBe("APPROVAL_PENDING");
  expect(await desk.get(asked[1]!.id)).toBe(undefined);
  expect(await call("1")).toBe("APPROVAL_DENIED");
});
