import { expect, it, onTestFinished } from "vitest";
import { fileStore } from "../../src/store/index.js";
import { temporaryDirectory } from "../support/guards.js";
import { describeApprovalStore } from "./approval-store-conformance.js";
import { describeLimitStore } from "./limit-store-conformance.js";

describeApprovalStore("file approvals", async () => {
  const directory = temporaryDirectory();
  return { store: fileStore(directory).approvals, reopen: async () => fileStore(directory).approvals };
});

const openLimits = (directory: string) => {
  const store = fileStore(directory);
  onTestFinished(() => store.close());
  return store.limits;
};

describeLimitStore("file limits", async () => openLimits(temporaryDirectory()), { runs: 4, calls: 60 });

const charge = { key: "rule/agent", amount: 1, max: 3, windowMs: 60_000 };

it("lets no more pass a limit than fit, with two openings of one directory in a race", async () => {
  const directory = temporaryDirectory();
  const stores = [openLimits(directory), openLimits(directory)];
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, call) => stores[call % 2]?.reserve([charge], { now: 1_000, monotonic: call })),
  );
  expect(answers.filter((answer) => answer?.ok === true)).toHaveLength(3);
});

it("remembers what was used up when it is opened again, and a clock that was set back gives nothing away", async () => {
  const directory = temporaryDirectory();
  await openLimits(directory).reserve([{ ...charge, amount: 3 }], { now: 1_000_000, monotonic: 5_000_000 });
  const again = openLimits(directory);
  expect(await again.reserve([charge], { now: 1_000_001, monotonic: 1 })).toMatchObject({ ok: false });
  expect(await again.reserve([charge], { now: 0, monotonic: 2 })).toMatchObject({ ok: false });
  expect(await again.reserve([charge], { now: 1_060_000, monotonic: 3 })).toMatchObject({ ok: true });
});
