import { describe, expect, it } from "vitest";
import type { RuleDocument } from "../../src/policy/index.js";
import { ask, documentOf, policyOf, problemsOf } from "./support.js";

describe("how sure the record must be", () => {
  const syncOf = (...rules: readonly Partial<RuleDocument>[]): unknown => ask(policyOf(...rules)).obligations.sync;

  it("is what the rule says, and the guard's own where none does", () => {
    expect(syncOf({ sync: "strict" })).toBe("strict");
    expect(syncOf({ sync: "os" })).toBe("os");
    expect(syncOf({})).toBeUndefined();
  });

  it("is the surest of all rules that match, in whatever order", () => {
    expect(syncOf({ sync: "os" }, { sync: "strict" }, { sync: "group" })).toBe("strict");
    expect(syncOf({ sync: "group" }, {}, { sync: "os" })).toBe("group");
  });

  it("is one of three words", () => {
    const problems = problemsOf(documentOf([{ sync: "never" } as unknown as Partial<RuleDocument>]));
    expect(problems.map(({ pointer }) => pointer)).toContain("/rules/0/sync");
  });
});
