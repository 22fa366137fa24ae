import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LineClock } from "../../../src/audit/writer/line-clock.js";
import { fakeClock } from "../../support/fake-clock.js";
import { intent, openedLog } from "../support.js";

test("a moment's text is that of its milliseconds, whatever came before it", () => {
  let now = 0;
  const time = new LineClock({ now: () => now, monotonic: () => 0, schedule: () => () => undefined }, 0);
  const holds = fc.check(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_102_444_800_000 }), { minLength: 1 }), (moments) => {
      for (const moment of moments.flatMap((one) => [one, one, one + 1, one + 999])) {
        now = moment;
        expect(time.now()).toMatchObject({ epochMs: moment, time: new Date(moment).toISOString() });
      }
    }),
  );
  expect(holds.failed).toBe(false);
});

test("a wall clock that is set leaves a line that says by how much; one that runs leaves none", async () => {
  const clock = fakeClock();
  const { session, segment } = await openedLog({ clock });
  const steps = (): readonly unknown[] =>
    readFileSync(segment, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly type: string; readonly step_ms?: number })
      .filter(({ type }) => type === "clock.stepped")
      .map(({ step_ms }) => step_ms);
  session.append(intent("r1"));
  await clock.advance(3_600_000);
  session.append(intent("r2"));
  clock.stepWallClock(1_999);
  session.append(intent("r3"));
  expect(steps()).toEqual([]);
  clock.stepWallClock(-60_000);
  session.append(intent("r4"));
  session.append(intent("r5"));
  expect(steps()).toEqual([-60_000]);
});
