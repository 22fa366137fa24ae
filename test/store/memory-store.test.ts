import { expect, test } from "vitest";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { memoryStore } from "../../src/store/index.js";
import { MAX_USES, type SlidingWindow, windowAt, withUse } from "../../src/store/sliding-window.js";
import { approvalStoreChecks } from "../../src/testing/index.js";
import { bench, draftOf } from "../approval/support.js";
import { describeLimitStore } from "./limit-store-conformance.js";

describeLimitStore("memory limits", async () => memoryStore().limits);

test.each(approvalStoreChecks)("a memory store $name", async ({ run }) => {
  const { approvals } = memoryStore();
  await run({ store: approvals, reopen: async () => approvals });
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

test("a window that is not used any more makes room, and without room counting fails", async () => {
  const { limits } = memoryStore({ maxLimits: 2 });
  const use = (key: string, monotonic: number) =>
    limits.reserve([{ key, amount: 1, max: 9, windowMs: 1_000 }], { now: 0, monotonic });
  await use("a", 0);
  await use("b", 500);
  await expect(use("c", 999)).rejects.toThrow("is full");
  expect(await use("a", 999)).toMatchObject({ ok: true });
  expect(await use("c", 1_500)).toMatchObject({ ok: true });
});

test("a window stays small under any number of calls, and forgets none of them", () => {
  let window: SlidingWindow = { windowMs: 1_000_000, uses: [] };
  for (let now = 0; now < 20_000; now += 7) window = withUse(window, 1, now);
  expect(window.uses.length).toBeLessThanOrEqual(MAX_USES);
  expect(window.uses.reduce((sum, [, amount]) => sum + amount, 0)).toBe(Math.ceil(20_000 / 7));
  for (let now = 20_000; now < 5_000_000; now += 997) window = withUse(windowAt(window, now), 1, now);
  expect(window.uses.length).toBeLessThanOrEqual(MAX_USES);
});
