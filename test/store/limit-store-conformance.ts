import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitCharge, LimitStore } from "../../src/store/index.js";

/** What every limit store must do. `open` gives an empty store for each test; `calls` is how many a generated run makes. */
export function describeLimitStore(
  name: string,
  open: () => Promise<LimitStore>,
  { runs, calls }: { readonly runs: number; readonly calls: number } = { runs: 60, calls: 600 },
): void {
  const charge = (fields: Partial<LimitCharge> = {}): LimitCharge => ({
    key: "rule/agent",
    amount: 1,
    max: 3,
    windowMs: 60_000,
    ...fields,
  });
  const at = (monotonic: number) => ({ now: 1_700_000_000_000 + monotonic, monotonic });

  describe(name, () => {
    it("lets three of ten calls at the same moment pass a limit of three", async () => {
      const store = await open();
      const answers = await Promise.all(Array.from({ length: 10 }, () => store.reserve([charge()], at(0))));
      expect(answers.filter(({ ok }) => ok)).toHaveLength(3);
    });

    it("lets the next call pass when the oldest one has left the window, and says when that is", async () => {
      const store = await open();
      for (const moment of [0, 10_000, 20_000]) await store.reserve([charge()], at(moment));
      expect(await store.reserve([charge()], at(30_000))).toEqual({ ok: false, charge: 0, retryAfterMs: 30_000 });
      expect(await store.reserve([charge()], at(59_999))).toMatchObject({ ok: false });
      expect(await store.reserve([charge()], at(60_000))).toMatchObject({ ok: true });
      expect(await store.reserve([charge()], at(60_001))).toMatchObject({ ok: false });
    });

    it("counts a call against all its limits or against none", async () => {
      const store = await open();
      const narrow = charge({ key: "narrow", max: 1 });
      await store.reserve([narrow], at(0));
      expect(await store.reserve([charge(), narrow], at(1))).toMatchObject({ ok: false, charge: 1 });
      const rest = await Promise.all([1, 2, 3].map(() => store.reserve([charge()], at(2))));
      expect(rest.every(({ ok }) => ok)).toBe(true);
    });

    it("keeps what has different keys apart", async () => {
      const store = await open();
      await store.reserve([charge({ amount: 3 })], at(0));
      expect(await store.reserve([charge({ key: "another" })], at(0))).toMatchObject({ ok: true });
    });

    it("gives back what is released, once and only inside the window", async () => {
      const store = await open();
      const first = await store.reserve([charge({ amount: 3 })], at(0));
      if (!first.ok) throw new Error("expected the first call to fit");
      await store.release([charge({ amount: 3 })], first.at, at(1));
      expect(await store.reserve([charge({ amount: 3 })], at(2))).toMatchObject({ ok: true });
      // Long after, what another call has used up since must not be given back for the first one.
      expect(await store.reserve([charge({ amount: 3 })], at(70_000))).toMatchObject({ ok: true });
      await store.release([charge({ amount: 3 })], first.at, at(70_001));
      expect(await store.reserve([charge()], at(70_002))).toMatchObject({ ok: false });
    });

    it("says that what is more than the whole limit never fits", async () => {
      const store = await open();
      expect(await store.reserve([charge({ amount: 4 })], at(0))).toEqual({
        ok: false,
        charge: 0,
        retryAfterMs: Number.POSITIVE_INFINITY,
      });
    });

    it("spends a sum to the end, whatever binary fractions do", async () => {
      const store = await open();
      const tenth = charge({ amount: 0.1, max: 1 });
      for (let spent = 0; spent < 10; spent++)
        expect(await store.reserve([tenth], at(spent))).toMatchObject({ ok: true });
      expect(await store.reserve([tenth], at(10))).toMatchObject({ ok: false });
    });

    it("never lets more pass in any window than the limit", async () => {
      const sequence = fc.array(
        fc.record({ after: fc.integer({ min: 0, max: 400 }), amount: fc.integer({ min: 0, max: 5 }) }),
        {
          maxLength: calls,
        },
      );
      await fc.assert(
        fc.asyncProperty(sequence, fc.integer({ min: 1, max: 300 }), async (asked, max) => {
          const store = await open();
          const passed: { at: number; amount: number }[] = [];
          let now = 0;
          for (const { after, amount } of asked) {
            now += after;
            const answer = await store.reserve([charge({ amount, max, windowMs: 10_000 })], at(now));
            if (answer.ok) passed.push({ at: now, amount });
            else expect(answer.retryAfterMs).toBeGreaterThan(0);
          }
          for (const { at: end } of passed) {
            const inWindow = passed.filter((one) => one.at <= end && one.at > end - 10_000);
            expect(inWindow.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(max);
          }
        }),
        { numRuns: runs },
      );
    });
  });
}
