import { describe, expect, it } from "vitest";
import { OptionsError, PolicyError } from "../../src/errors/guard-error.js";
import {
  checkPolicy,
  compilePolicy,
  type Decision,
  diffPolicies,
  type PolicyDocument,
  type Predicate,
  type Predicates,
  type RuleDocument,
  standIns,
} from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";
import { ask, documentOf, ORIGIN } from "./support.js";

const yes: Predicate = () => true;
const no: Predicate = () => false;
const decide = (rules: readonly Partial<RuleDocument>[], predicates: Predicates, json: unknown = { a: 1 }): Decision =>
  ask(compilePolicy(documentOf(rules), { predicates }), { json });

describe("a predicate that a rule names", () => {
  it.each<[string, () => unknown, string]>([
    ["true", () => true, "ALLOWED"],
    ["false", () => false, "PREDICATE_REFUSED"],
    ["undefined", () => undefined, "DECISION_FAILED"],
    ["null", () => null, "DECISION_FAILED"],
    ["1", () => 1, "DECISION_FAILED"],
    ['the text "true"', () => "true", "DECISION_FAILED"],
    ["a Boolean object", () => new Boolean(true), "DECISION_FAILED"],
    ["a promise, which decide cannot wait for", () => Promise.resolve(true), "DECISION_FAILED"],
    ["a promise that rejects", () => Promise.reject(new Error("no")), "DECISION_FAILED"],
  ])("that answers %s", (_name, answer, code) => {
    expect(decide([{ predicates: { open: "deny" } }], { open: answer as Predicate }).code).toBe(code);
  });

  it("that throws denies, whatever it throws", () => {
    for (const thrown of [new Error("secret"), undefined, "x"]) {
      const throwing = (): boolean => {
        throw thrown;
      };
      const decision = decide([{ predicates: { open: "approve" } }], { open: throwing });
      expect([decision.effect, decision.code]).toEqual(["deny", "DECISION_FAILED"]);
      expect(JSON.stringify(decision)).not.toContain("secret");
    }
  });

  it("turns an allow into a question, under the terms of its own rule", () => {
    const terms = { approvers: ["group:finance"], wait: "5s" };
    const rule = { id: "known", predicates: { known: "approve" }, approval: terms } as const;
    expect(decide([rule], { known: yes })).toMatchObject({ effect: "allow", obligations: { record: "metadata" } });
    expect(decide([rule], { known: yes }).obligations.approval).toBeUndefined();
    expect(decide([{ id: "a", path: "/", scopes: ["s"] }, rule], { known: no })).toMatchObject({
      effect: "approve",
      code: "APPROVAL_REQUIRED",
      rule: "known",
      obligations: { approval: { approvers: ["group:finance"], waitMs: 5000 }, scopes: ["s"] },
    });
  });

  it("leaves the terms of an approve rule as they are", () => {
    const decision = decide(
      [
        { id: "a", predicates: { known: "approve" } },
        { id: "b", effect: "approve", approval: { approvers: ["bo"] } },
      ],
      { known: no },
    );
    expect(decision).toMatchObject({ effect: "approve", rule: "b", obligations: { approval: { approvers: ["bo"] } } });
  });

  it("counts whatever other rule allows the same, so that code never widens", () => {
    const rules = [{ id: "plain" }, { id: "asking", predicates: { open: "deny" } }] as const;
    for (const order of [rules, rules.toReversed()]) {
      expect(decide(order, { open: no })).toMatchObject({ code: "PREDICATE_REFUSED", rule: "asking" });
      expect(decide(order, { open: yes }).effect).toBe("allow");
    }
  });

  it("of an approve rule denies instead of asking", () => {
    const rules = [{}, { effect: "approve", predicates: { open: "deny" } }] as const;
    expect(decide(rules, { open: no }).effect).toBe("deny");
    expect(decide(rules, { open: yes }).effect).toBe("approve");
  });

  it("is not asked where the document denies, or where the rule does not match", () => {
    let asked = 0;
    const counting: Predicate = () => ++asked > 0;
    decide([{ predicates: { open: "deny" } }, { effect: "deny" }], { open: counting });
    decide([{ predicates: { open: "deny" }, path: "/other" }], { open: counting });
    decide([{ predicates: { open: "deny" }, body: { "/a": 2 } }], { open: counting });
    expect(asked).toBe(0);
  });

  it("sees the canonical request in a copy of its own, and who asks", () => {
    const seen: unknown[] = [];
    const body = new TextEncoder().encode('{"a":1}');
    const looking: Predicate = (request, context) => {
      expect(Object.isFrozen(request) && Object.isFrozen(context)).toBe(true);
      seen.push({ ...request, body: String(request.body) }, context);
      request.body?.fill(0);
      return true;
    };
    const policy = compilePolicy(documentOf([{ predicates: { one: "deny", two: "deny" } }]), {
      predicates: { one: looking, two: looking },
    });
    const headers = { "Content-Type": "application/json", authorization: "Bearer mine" };
    policy.decide({ method: "post", url: `${ORIGIN}/%61?q=1#x`, headers, body }, anyContext);
    expect(seen).toHaveLength(4);
    for (const at of [0, 2]) {
      expect(seen[at]).toEqual({
        method: "POST",
        url: `${ORIGIN}/a?q=1`,
        origin: ORIGIN,
        path: "/a",
        query: [["q", "1"]],
        headers: [["content-type", "application/json"]],
        body: String(new TextEncoder().encode('{"a":1}')),
      });
      expect(seen[at + 1]).toEqual(anyContext);
    }
    expect(body[0]).toBe("{".charCodeAt(0));
  });

  it("is asked about each request in an envelope, and each operation of a batch", () => {
    const urls: string[] = [];
    const document: PolicyDocument = {
      version: 1,
      services: { api: { origins: [ORIGIN], envelopes: { "/$batch": "odata-json" } } },
      rules: [
        {
          id: "read",
          effect: "allow",
          service: "api",
          methods: ["GET"],
          path: "/users/{id}",
          predicates: { mine: "deny" },
        },
      ],
    };
    const mine: Predicate = ({ url }) => {
      urls.push(url);
      return url.endsWith("/1");
    };
    const batch = (...ids: string[]): unknown => ({
      requests: ids.map((id) => ({ id, method: "GET", url: `/users/${id}` })),
    });
    const policy = compilePolicy(document, { predicates: { mine } });
    expect(ask(policy, { at: "/$batch", json: batch("1", "1x") })).toMatchObject({ code: "PREDICATE_REFUSED" });
    expect(urls).toEqual([`${ORIGIN}/users/1`, `${ORIGIN}/users/1x`]);
  });
});

describe("a document that names predicates", () => {
  const problems = (rules: readonly Partial<RuleDocument>[], predicates: Predicates = {}): unknown => {
    try {
      compilePolicy(documentOf(rules), { predicates });
      return [];
    } catch (error) {
      return (error as PolicyError).problems.map(({ pointer }) => pointer);
    }
  };

  it("loads only when all of them are registered", () => {
    expect(problems([{ predicates: { a: "deny", b: "approve" } }], { a: yes })).toEqual(["/rules/0/predicates/b"]);
    expect(problems([{ predicates: { constructor: "deny" } } as Partial<RuleDocument>])).toEqual([
      "/rules/0/predicates/constructor",
    ]);
    expect(() => compilePolicy(documentOf([{ predicates: { a: "deny" } }]))).toThrow(PolicyError);
  });

  it("does not load where a predicate could widen or says nothing", () => {
    expect(problems([{ effect: "deny", predicates: { a: "deny" } }], { a: yes })).toEqual(["/rules/0/predicates/a"]);
    expect(problems([{ effect: "approve", predicates: { a: "approve" } }], { a: yes })).toEqual([
      "/rules/0/predicates/a",
    ]);
    expect(problems([{ predicates: { a: "deny" }, approval: {} }], { a: yes })).toEqual(["/rules/0/approval"]);
    expect(problems([{ predicates: { a: "allow" } } as unknown as Partial<RuleDocument>], { a: yes })).toEqual([
      "/rules/0/predicates/a",
    ]);
    expect(problems([{ predicates: {} }])).toEqual(["/rules/0/predicates"]);
  });

  it("is compiled with functions, and nothing else", () => {
    expect(() => compilePolicy(documentOf([]), { predicates: { a: true as unknown as Predicate } })).toThrow(
      OptionsError,
    );
    expect(() => compilePolicy(documentOf([]), { predicate: {} } as object)).toThrow(OptionsError);
  });

  it("keeps the predicates it was compiled with", () => {
    const predicates: Record<string, Predicate> = { a: no };
    const policy = compilePolicy(documentOf([{ predicates: { a: "deny" } }]), { predicates });
    predicates["a"] = yes;
    expect(ask(policy).effect).toBe("deny");
  });
});

describe("the tools", () => {
  const plain = documentOf([{ id: "r" }]);
  const asking = documentOf([{ id: "r", predicates: { a: "deny" } }]);
  const leaving = documentOf([{ id: "r", predicates: { a: "approve" } }]);

  it("look at a document without its code", () => {
    expect(checkPolicy(asking)).toEqual({ problems: [], warnings: [] });
    expect(ask(compilePolicy(asking, { predicates: standIns(asking) })).effect).toBe("allow");
    for (const odd of [null, 1, {}, { rules: 1 }, { rules: [null, 1, { predicates: 1 }, { predicates: null }] }])
      expect(standIns(odd as unknown as PolicyDocument)).toEqual({});
  });

  it.each([
    ["a predicate more", plain, asking, "narrower"],
    ["a predicate less", asking, plain, "wider"],
    ["a denial that is now a question", asking, leaving, "wider"],
    ["a question that is now a denial", leaving, asking, "narrower"],
  ] as const)("call %s what it is", (_name, old, next, where) => {
    const diff = diffPolicies(old, next);
    expect([diff.wider.length, diff.narrower.length]).toEqual(where === "wider" ? [1, 0] : [0, 1]);
  });
});
