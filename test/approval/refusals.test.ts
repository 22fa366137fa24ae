import { expect, expectTypeOf, test } from "vitest";
import type { ApprovalRecord, ApprovalState, Pins } from "../../src/approval/index.js";
import {
  ApprovalConsumedError,
  ApprovalDeniedError,
  ApprovalExpiredError,
  ApprovalMismatchError,
  ApprovalPendingError,
  ApprovalUnavailableError,
  type Guard,
  type GuardError,
} from "../../src/index.js";
import { type Bench, bench, decisionOn, draftOf } from "./support.js";

const vary = { pointers: ["/amount"], body: { amount: 100 } };
const options = { signal: new AbortController().signal, vary };
const answered = (verdict: "approve" | "deny") => async (one: Bench) => {
  await one.desk.obtain(draftOf(), { ...options, waitMs: 0 }).catch(() => undefined);
  await one.desk.decide({ ...decisionOn(one.asked[0]!, verdict), reason: "not this month" });
};

const REFUSALS: readonly [
  typeof GuardError.prototype.code,
  new (fields: never) => GuardError,
  RegExp,
  (one: Bench) => Promise<void>,
][] = [
  [
    "APPROVAL_PENDING",
    ApprovalPendingError,
    /waiting for a person.*tell the user what it waits for\.$/,
    async () => undefined,
  ],
  ["APPROVAL_DENIED", ApprovalDeniedError, /a person said no to this request: not this month/, answered("deny")],
  [
    "APPROVAL_EXPIRED",
    ApprovalExpiredError,
    /in time/,
    async ({ desk, clock }) => {
      desk.obtain(draftOf(), { ...options, waitMs: 10_000 }).catch(() => undefined);
      await clock.advance(0);
    },
  ],
  [
    "APPROVAL_CONSUMED",
    ApprovalConsumedError,
    /already/,
    async (one) => {
      await answered("approve")(one);
      await one.desk.obtain(draftOf(), options);
    },
  ],
  [
    "APPROVAL_MISMATCH",
    ApprovalMismatchError,
    /said yes to less than this: \/amount must be <= 5/,
    async (one) => {
      await one.desk.obtain(draftOf(), options).catch(() => undefined);
      const pins: Pins = { "/amount": { lte: 5 } };
      await one.desk.decide({ ...decisionOn(one.asked[0]!, "approve"), grant: { uses: 1, ttlMs: 1_000, pins } });
    },
  ],
  ["APPROVAL_UNAVAILABLE", ApprovalUnavailableError, /approval is needed, and/, async () => undefined],
];

test.each(REFUSALS)(
  "%s says to a model what happened, and neither to repeat it nor a secret",
  async (code, type, text, make) => {
    const waits = code === "APPROVAL_EXPIRED" || code === "APPROVAL_UNAVAILABLE";
    const failing = () => Promise.reject(new Error("password=hunter2"));
    const channel = code === "APPROVAL_UNAVAILABLE" ? failing : undefined;
    const one = bench({ waitMs: waits ? 10_000 : 0, pendingTtlMs: 5_000 }, channel);
    await make(one);
    const obtaining = one.desk.obtain(draftOf(), options).catch((error: GuardError) => error);
    await one.clock.advance(code === "APPROVAL_EXPIRED" ? 5_000 : 0);
    const error = (await obtaining) as GuardError;
    expect([error.code, error.retryable, error instanceof type]).toEqual([code, false, true]);
    expect(error.toModelText()).toMatch(text);
    expect(error.toModelText()).toMatch(/do not (?:repeat|try|retry)/i);
    expect(JSON.stringify([error.toModelText(), error.message, error.toProblem()])).not.toContain("hunter2");
    await one.desk.close();
  },
);

test("what the guard offers to approvers' systems has types that an editor completes", () => {
  type Approvals = Guard["approvals"];
  expectTypeOf<keyof Approvals>().toEqualTypeOf<"decide" | "get" | "list" | "cancel" | "revoke" | "wait">();
  expectTypeOf<Parameters<Approvals["list"]>[0]>().toEqualTypeOf<{ readonly state?: ApprovalState } | undefined>();
  expectTypeOf<Approvals["wait"]>().returns.resolves.toEqualTypeOf<ApprovalRecord>();
  expectTypeOf<Approvals["revoke"]>().returns.resolves.toEqualTypeOf<ApprovalRecord>();
  expectTypeOf<Approvals["decide"]>().returns.resolves.toEqualTypeOf<ApprovalRecord>();
  expectTypeOf<Approvals["get"]>().returns.resolves.toEqualTypeOf<ApprovalRecord | undefined>();
  expectTypeOf<InstanceType<typeof ApprovalPendingError>["retryAfterMs"]>().toBeNumber();
});
