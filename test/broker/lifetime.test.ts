import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type LifetimeReading,
  planLifetime,
  statedLifetimeMs,
  UNKNOWN_LIFETIME_MS,
} from "../../src/broker/lifetime.js";

const MAX = 900_000;
const NOW = 1_700_000_000_000;
const seconds = (ms: number): number => ms / 1000;

describe("the plan of a credential's life", () => {
  test("renews in its last third, spread out, waits from ten seconds or a tenth before the end, and counts from the question", () => {
    const asked = fc.integer({ min: 0, max: 1e9 });
    const lifetime = fc.integer({ min: 1, max: MAX });
    const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
    fc.assert(
      fc.property(asked, lifetime, random, (requestedAt, lifetimeMs, at) => {
        const { softAt, hardAt, deadAt } = planLifetime(requestedAt, lifetimeMs, at);
        expect(deadAt).toBe(requestedAt + lifetimeMs);
        expect(deadAt - hardAt).toBeCloseTo(Math.min(10_000, lifetimeMs / 10), 3);
        expect(softAt - requestedAt).toBeGreaterThanOrEqual(lifetimeMs * 0.7 - 0.001);
        expect(softAt - requestedAt).toBeLessThanOrEqual(lifetimeMs * 0.85 + 0.001);
        expect(softAt).toBeLessThan(hardAt);
      }),
    );
  });
});

describe("the lifetime that an answer states", () => {
  test.each<[string, unknown, LifetimeReading]>([
    ["a number", 300, 300_000],
    ["digits", "300", 300_000],
    ["nothing left", 0, "over"],
    ["nothing left, as digits", "0", "over"],
    ["less than nothing, as digits", "-1", "over"],
    ["more than any token lives", 1e12, MAX],
    ["a fraction of a millisecond", 0.0001, 0],
    ["a negative number", -1, "over"],
    ["digits with a unit", "60abc", "none"],
    ["null", null, "none"],
    ["a list", [60], "none"],
    ["true", true, "none"],
    ["infinity", Number.POSITIVE_INFINITY, "none"],
  ])("by expires_in that is %s", (_what, expiresIn, lifetimeMs) => {
    expect(statedLifetimeMs({ expiresIn }, MAX, NOW)).toBe(lifetimeMs);
  });

  test("is a minute where nothing is said of it, and never more than is allowed", () => {
    expect(UNKNOWN_LIFETIME_MS).toBeLessThanOrEqual(60_000);
    expect(statedLifetimeMs({ expiresIn: undefined }, MAX, NOW)).toBe(UNKNOWN_LIFETIME_MS);
    expect(statedLifetimeMs({ expiresIn: undefined }, 5_000, NOW)).toBe(5_000);
  });

  test("is the token's own where that ends earlier, by the issuer's clock where that can be read", () => {
    // The issuer's clock is a minute behind.
    const iat = seconds(NOW) - 60;
    expect(statedLifetimeMs({ expiresIn: 300, iat, exp: iat + 120 }, MAX, NOW)).toBe(120_000);
    expect(statedLifetimeMs({ expiresIn: 60, iat, exp: iat + 120 }, MAX, NOW)).toBe(60_000);
    expect(statedLifetimeMs({ expiresIn: undefined, exp: seconds(NOW) + 30 }, MAX, NOW)).toBe(30_000);
  });
});
