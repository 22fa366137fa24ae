import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/index.js";
import { anyContext, examplePolicy } from "../support/policies.js";

interface Case {
  readonly id: string;
  readonly category: string;
  readonly level: string;
  readonly description: string;
  readonly policy: string;
  readonly request: { method: string; url: string; headers?: Record<string, string>; body?: string };
  readonly expect: "allow" | "deny";
  /** The reason, so that no case passes because something else refuses it. */
  readonly code: string;
}

const cases = (
  JSON.parse(readFileSync(new URL("../cases/hostile-requests.json", import.meta.url), "utf8")) as readonly Case[]
).filter(({ level }) => level === "decision");
const policies = new Map<string, Policy>();

function policyNamed(name: string): Policy {
  const known = policies.get(name) ?? compilePolicy(examplePolicy(name));
  policies.set(name, known);
  return known;
}

// What the cases of `requests.json` do not try: one test for each category, since they are many and quick.
describe.each([...new Set(cases.map(({ category }) => category))])("hostile requests: %s", (category) => {
  it("get the decision, and for the reason, that they must get", () => {
    const selected = cases.filter((one) => one.category === category);
    const outcomes = selected.map(({ id, description, policy, request: { headers = {}, body = null, ...head } }) => {
      const { effect, code } = policyNamed(policy).decide({ ...head, headers, body }, anyContext);
      return `${id} ${description}: ${effect} ${code}`;
    });
    expect(outcomes).toEqual(selected.map((one) => `${one.id} ${one.description}: ${one.expect} ${one.code}`));
  });
});
