import { describe, expect, it } from "vitest";
import { PolicyError } from "../../src/errors/guard-error.js";
import type { Effect, WhenDocument } from "../../src/policy/document/document.js";
import { compilePolicy } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";

const policyWith = (when: WhenDocument, effect: "allow" | "deny" = "allow") => {
  const rule = { service: "crm", methods: ["GET"], path: "/a" } as const;
  return compilePolicy({
    version: 1,
    id: "times",
    services: { crm: { origins: ["https://crm.internal.example"] } },
    rules: [
      { id: "timed", effect, ...rule, when },
      ...(effect === "deny" ? [{ id: "always", effect: "allow" as const, ...rule }] : []),
    ],
  });
};
const effectAt = (when: WhenDocument, now: string, effect: "allow" | "deny" = "allow"): Effect =>
  policyWith(when, effect).decide(
    { method: "GET", url: "https://crm.internal.example/a" },
    { ...anyContext, now: Date.parse(now) },
  ).effect;

describe("a rule with times", () => {
  it.each<[WhenDocument, string, Effect]>([
    [{ after: "2026-01-01T00:00:00Z" }, "2025-12-31T23:59:59.999Z", "deny"],
    [{ after: "2026-01-01T00:00:00Z" }, "2026-01-01T00:00:00Z", "allow"],
    [{ before: "2026-01-01T00:00:00+01:00" }, "2025-12-31T22:59:59Z", "allow"],
    [{ before: "2026-01-01T00:00:00+01:00" }, "2025-12-31T23:00:00Z", "deny"],
    [{ hours: "08:00-18:00" }, "2026-07-01T17:59:59Z", "allow"],
    [{ hours: "08:00-18:00" }, "2026-07-01T18:00:00Z", "deny"],
    [{ hours: "08:00-18:00", timeZone: "Europe/Berlin" }, "2026-07-01T06:00:00Z", "allow"],
    [{ hours: "08:00-18:00", timeZone: "Europe/Berlin" }, "2026-01-01T06:00:00Z", "deny"],
    [{ days: ["mon"], hours: "22:00-06:00" }, "2026-06-30T05:00:00Z", "allow"],
    [{ days: ["mon"], hours: "22:00-06:00" }, "2026-06-29T05:00:00Z", "deny"],
    [{ days: ["sat"], hours: "22:00-06:00" }, "2026-06-28T05:00:00Z", "allow"],
    [{ days: ["tue"], hours: "00:00-24:00" }, "2026-06-30T00:00:00Z", "allow"],
  ])("%j at %s is %s", (when, now, effect) => {
    expect(effectAt(when, now)).toBe(effect);
  });

  it("denies inside the window of a deny rule, and at a time that is none", () => {
    const night = { hours: "22:00-06:00" };
    expect(effectAt(night, "2026-07-01T23:00:00Z", "deny")).toBe("deny");
    expect(effectAt(night, "2026-07-01T12:00:00Z", "deny")).toBe("allow");
    expect(effectAt(night, "not a time", "deny")).toBe("deny");
    expect(effectAt(night, "not a time")).toBe("deny");
  });

  it.each<WhenDocument>([
    {},
    { after: "2026-01-01" },
    { after: "2026-02-30T00:00:00Z" },
    { before: "2026-01-01T00:00:00" },
    { after: "2026-01-02T00:00:00Z", before: "2026-01-01T00:00:00Z" },
    { hours: "8-18" },
    { hours: "08:00-08:00" },
    { hours: "24:00-08:00" },
    { timeZone: "Europe/Atlantis" },
  ])("does not load with %j", (when) => {
    expect(() => policyWith(when)).toThrow(PolicyError);
  });
});
