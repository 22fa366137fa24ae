import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkPolicy,
  compilePolicy,
  diffPolicies,
  learnPolicy,
  type PolicyDocument,
  type RuleDocument,
  testPolicy,
} from "../../../src/policy/index.js";
import { anyContext } from "../../support/policies.js";

const A = "https://a.internal.example";
const rule = (more: Partial<RuleDocument> = {}): RuleDocument => ({
  id: "r",
  effect: "allow",
  service: "a",
  methods: ["GET"],
  path: "/x/{id}",
  ...more,
});
const policy = (...rules: RuleDocument[]): PolicyDocument => ({ version: 1, services: { a: { origins: [A] } }, rules });
const warnings = (...rules: RuleDocument[]): string =>
  checkPolicy(policy(...rules))
    .warnings.map(({ message }) => message)
    .join("\n");
const isWider = (old: PolicyDocument, next: PolicyDocument): boolean => diffPolicies(old, next).wider.length > 0;

describe("checking a policy", () => {
  it("warns of what can never match", () => {
    expect(warnings(rule({ body: { "/n": { gte: 5, lte: 4 } } }))).toContain("contradict");
    expect(warnings(rule({ query: { n: { gte: 5 } } }))).toContain("always text");
    expect(warnings(rule({ path: `/${"ü".repeat(2100)}` }))).toContain("4 KiB");
  });
  it("stays silent where a match is possible", () => {
    expect(warnings(rule())).toBe("");
    expect(warnings(rule({ query: { n: { gte: 5, optional: true } } }))).toBe("");
    expect(warnings(rule(), rule({ id: "d", effect: "deny", query: { n: { gte: 5 } } }))).toBe("");
  });
  it("warns of a rule that another covers, and of a deny that shadows an allow", () => {
    expect(warnings(rule(), rule({ id: "s", path: "/x/1" }))).toContain('"s" adds nothing: "r" covers it');
    expect(warnings(rule({ who: { "/agent/id": "b" } }), rule({ id: "s", path: "/x/1" }))).toBe("");
    expect(warnings(rule(), { id: "d", effect: "deny", methods: ["*"], path: "/**" })).toContain('"d" denies all');
  });
});

describe("checking a service that has a credential", () => {
  const serving = (origins: readonly string[], credential?: string): readonly string[] => {
    const service = credential === undefined ? { origins } : { origins, credential };
    const checked = checkPolicy({ version: 1, services: { a: service }, rules: [rule()] });
    return checked.warnings.map(({ pointer, message }) => `${pointer} ${message}`);
  };

  it.each([
    ["https://*.saas.example", "any host of https://*.saas.example"],
    ["public-web", "any public host"],
  ])("warns that it goes to whatever host of %s the agent names", (origin, hosts) => {
    expect(serving([A, origin], "key")).toEqual([
      expect.stringContaining(`/services/a/origins/1 credential "key" goes to ${hosts}`),
    ]);
    expect(serving([A, origin])).toEqual([]);
  });

  it("stays silent where its hosts are listed", () => {
    expect(serving([A, "https://b.internal.example"], "key")).toEqual([]);
  });
});

describe("comparing two policies", () => {
  it("finds nothing between a policy and itself", () => {
    expect(diffPolicies(policy(rule()), policy(rule()))).toEqual({ wider: [], narrower: [] });
  });
  it.each([
    ["a new verb", rule(), rule({ methods: ["GET", "POST"] })],
    ["a wider path", rule(), rule({ path: "/x/**" })],
    ["a lost approval", rule({ effect: "approve" }), rule()],
    ["a larger bound", rule({ body: { "/n": { lte: 5 } } }), rule({ body: { "/n": { lte: 6 } } })],
    ["a removed clause", rule({ query: { a: "b" } }), rule()],
    ["a lost mask", rule({ mask: ["/a"] }), rule()],
    ["a narrower deny", rule({ effect: "deny" }), rule({ effect: "deny", path: "/x/1" })],
  ])("calls %s wider, and its reverse not", (_what, old, next) => {
    expect(isWider(policy(old), policy(next))).toBe(true);
    expect(isWider(policy(next), policy(old))).toBe(false);
  });
  it("calls a narrower approve wider where an allow would take over", () => {
    const all = rule({ id: "all", path: "/**" });
    expect(isWider(policy(all, rule({ effect: "approve" })), policy(all))).toBe(true);
  });
  it("calls a changed key it does not know wider", () => {
    const next = { ...rule(), later: 1 } as RuleDocument;
    expect(isWider(policy(rule()), policy(next))).toBe(true);
  });
});

describe("testing a policy", () => {
  it("tells passes, misses and what it skipped", () => {
    const request = { method: "GET", url: `${A}/x/1` };
    const report = testPolicy(
      compilePolicy(policy(rule())),
      [
        { request, expect: "normalise", rule: "r" },
        { request, expect: "deny" },
        { request, expect: "deny", accept_also: ["allow"] },
        { request, expect: "deny", level: "wire" },
      ],
      anyContext,
    );
    expect(report.results.map(({ outcome }) => outcome)).toEqual(["pass", "miss", "pass", "skipped"]);
  });
});

describe("learning a policy", () => {
  it("generalises ids and names no secret", () => {
    const urls = ["/u/1?q=a", "/u/2?q=b", "/k/sk-abcdefgh12345678", "/me"];
    const { document } = learnPolicy(urls.map((path) => ({ method: "GET", url: A + path })));
    expect(document.rules.map(({ path }) => path)).toEqual(["/u/{p2}", "/k/{p2}", "/me"]);
    expect(JSON.stringify(document)).not.toContain("sk-abc");
  });
  it("does not allow at a path of its own what was seen at others only", () => {
    const one = (method: string, path: string): { method: string; url: string } => ({ method, url: `${A}${path}` });
    const { document } = learnPolicy([one("GET", "/users/1"), one("GET", "/users/2"), one("POST", "/users/me")]);
    const learnt = compilePolicy(document);
    const effectAt = (method: string, path: string): string => learnt.decide(one(method, path), anyContext).effect;
    expect([effectAt("GET", "/users/3"), effectAt("POST", "/users/me"), effectAt("GET", "/users/me")]).toEqual([
      "allow",
      "approve",
      "deny",
    ]);
  });
  it("covers what stands where its own template excepts something", () => {
    const urls = ["/%23/%23/%23", "/1/22/%23", "/%3A/22/a"].map((path) => `${A}${path}`);
    const learnt = compilePolicy(learnPolicy(urls.map((url) => ({ method: "GET", url }))).document);
    expect(urls.map((url) => learnt.decide({ method: "GET", url }, anyContext).effect)).toEqual(Array(3).fill("allow"));
  });
  it("covers whatever was seen, and no verb that was not", () => {
    const segment = fc.oneof(fc.constantFrom("a", "b", "c", "Ü", "1", "22", "", "a b"), fc.string({ maxLength: 4 }));
    const url = fc
      .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom("", "?a=1", "?a=2&b=3", "?A=1"))
      .map(([path, query]) => `${A}/${path.map(encodeURIComponent).join("/")}${query}`);
    const seen = fc.array(fc.record({ method: fc.constantFrom("GET", "POST"), url }), { maxLength: 8 });
    fc.assert(
      fc.property(seen, (observations) => {
        const { document, skipped } = learnPolicy(observations);
        const learnt = compilePolicy(document);
        const effects = observations.map((one) => learnt.decide(one, anyContext).effect);
        expect(effects.filter((effect) => effect === "deny").length).toBeLessThanOrEqual(skipped);
        for (const one of observations)
          expect(learnt.decide({ ...one, method: "DELETE" }, anyContext).effect).toBe("deny");
      }),
      { numRuns: 200 },
    );
  });
});
