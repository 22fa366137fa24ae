import { describe, expect, test } from "vitest";
import { approveInBatches, type BatchedQuestion } from "../../src/approval/index.js";
import { OptionsError } from "../../src/errors/guard-error.js";
import { ANN, bench, draftOf, settled } from "./support.js";

describe("several questions on one card", () => {
  const ask = async (answer: (questions: readonly BatchedQuestion[]) => Promise<never>, count = 4) => {
    const shown: (readonly BatchedQuestion[])[] = [];
    const { obtain } = bench(
      { waitMs: 1_000_000 },
      approveInBatches(
        async (questions) => {
          shown.push(questions);
          return answer(questions);
        },
        { max: count, withinMs: 60_000 },
      ),
    );
    const bodies = Array.from({ length: count }, (_, index) => String(index));
    const results = Promise.all(bodies.map((body) => obtain(draftOf({}, body))));
    await settled();
    return { shown, results: await results, obtain };
  };

  test("48: all, some or none of them are approved, and each yes is good for its own request once", async () => {
    const { shown, results, obtain } = await ask(
      async (questions) =>
        questions.map(({ control }, index) => (index % 2 === 0 ? control.approve(ANN) : control.deny(ANN))) as never,
    );
    expect(shown.map((questions) => questions.length)).toEqual([4]);
    expect(new Set(shown[0]?.map(({ request }) => request.fingerprint)).size).toBe(4);
    expect(results).toEqual(["sent", "APPROVAL_DENIED", "sent", "APPROVAL_DENIED"]);
    expect(await obtain(draftOf({}, "1"))).toBe("APPROVAL_DENIED");
    const all = await ask(async (questions) => questions.map(({ control }) => control.approve(ANN)) as never);
    expect(all.results).toEqual(["sent", "sent", "sent", "sent"]);
  });

  test("48: replies in another number or order decide nothing", async () => {
    const fewer = await ask(async (questions) => [questions[0]!.control.approve(ANN)] as never);
    expect(new Set(fewer.results)).toEqual(new Set(["APPROVAL_UNAVAILABLE"]));
    const swapped = await ask(
      async (questions) => questions.toReversed().map(({ control }) => control.approve(ANN)) as never,
      2,
    );
    expect(swapped.results).toEqual(["APPROVAL_MISMATCH", "APPROVAL_MISMATCH"]);
    const broken = await ask(() => Promise.reject(new Error("down")), 2);
    expect(broken.results).toEqual(["APPROVAL_UNAVAILABLE", "APPROVAL_UNAVAILABLE"]);
  });

  test("wrong options are refused", () => {
    expect(() => approveInBatches(async () => [], { max: 0, withinMs: -1 })).toThrow(OptionsError);
  });
});
