import { describe, expect, it } from "vitest";
import { compilePolicy, type DecisionContext, type PolicyRequest, type RuleDocument } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";
import { type Ask, ask, documentOf, effectOf, ORIGIN, policyOf } from "./support.js";

describe("effects", () => {
  const allow = { id: "a", effect: "allow" } as const;
  const approve = { id: "b", effect: "approve" } as const;
  const deny = { id: "c", effect: "deny" } as const;

  it("without a rule is a denial", () => {
    expect(ask(policyOf())).toMatchObject({ effect: "deny", code: "NO_RULE" });
    expect(ask(policyOf(deny))).toMatchObject({ effect: "deny", code: "RULE_DENY" });
    expect(ask(compilePolicy({ version: 1, services: {}, rules: [] }))).toMatchObject({
      effect: "deny",
      code: "NO_SERVICE",
    });
  });

  it("deny beats approve, approve beats allow, in every order", () => {
    const orders = [
      [allow, approve, deny],
      [deny, approve, allow],
      [approve, deny, allow],
    ];
    for (const order of orders) {
      expect(effectOf(policyOf(...order))).toBe("deny");
      expect(effectOf(policyOf(...order.filter((rule) => rule !== deny)))).toBe("approve");
      expect(effectOf(policyOf(...order.filter((rule) => rule === allow)))).toBe("allow");
    }
  });

  it("names the rule, the service and the policy", () => {
    const policy = policyOf(allow, { ...deny, path: "/x", reason: "Not there." });
    expect(ask(policy)).toMatchObject({
      rule: "a",
      service: "api",
      code: "ALLOWED",
      policy: { id: "test", hash: policy.hash },
      considered: [],
    });
    expect(ask(policy, { at: "/x" })).toMatchObject({ rule: "c", code: "RULE_DENY", reason: "Not there." });
    expect(policy.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it("of several denials names the first by id, whatever their order", () => {
    const denies = ["m", "d", "x"].map((id) => ({ id, effect: "deny" }) as const);
    expect(ask(policyOf(...denies)).rule).toBe("d");
    expect(ask(policyOf(...[...denies].reverse())).rule).toBe("d");
  });

  it("of a deny without a service reach every service", () => {
    const policy = compilePolicy({
      version: 1,
      services: { a: { origins: [ORIGIN] }, b: { origins: ["https://b.example"] } },
      rules: [
        { id: "all", effect: "allow", service: ["a", "b"], methods: ["*"], path: "/**" },
        { id: "no", effect: "deny", methods: ["DELETE"] },
      ],
    });
    for (const url of [`${ORIGIN}/`, "https://b.example/"]) {
      expect(policy.decide({ method: "GET", url }, anyContext).effect).toBe("allow");
      expect(policy.decide({ method: "DELETE", url }, anyContext).effect).toBe("deny");
    }
  });
});

describe("obligations", () => {
  const merged = (...rules: readonly Partial<RuleDocument>[]): unknown => {
    const forwards = ask(policyOf(...rules)).obligations;
    const backwards = ask(policyOf(...[...rules].reverse().map((rule, i) => ({ id: `x${i}`, ...rule })))).obligations;
    const sorted = (one: typeof forwards): unknown => ({ ...one, mask: [...one.mask].sort() });
    expect(sorted(backwards)).toEqual(sorted(forwards));
    return sorted(forwards);
  };

  it("of a plain allow are only metadata in the record", () => {
    expect(merged({ id: "a" })).toEqual({ mask: [], record: "metadata" });
  });

  it("add up what is masked and recorded over every rule that matches", () => {
    expect(
      merged(
        { id: "a", mask: ["/a", "/b"], record: "request" },
        { id: "b", mask: ["/b", "/c"], record: "response" },
        { id: "c", path: "/elsewhere", mask: ["/z"], record: "both" },
      ),
    ).toEqual({ mask: ["/a", "/b", "/c"], record: "both" });
    expect(merged({ id: "a", record: "none" }, { id: "b", record: "metadata" })).toMatchObject({ record: "metadata" });
    expect(merged({ id: "a", record: "none" })).toMatchObject({ record: "none" });
  });

  it("take the scopes of the narrowest rule", () => {
    const wide = { id: "wide", path: "/**", scopes: ["everything"] };
    expect(merged(wide, { id: "narrow", path: "/", scopes: ["little"] })).toMatchObject({ scopes: ["little"] });
    expect(merged(wide, { id: "by-clause", query: { q: { optional: true } }, scopes: ["little"] })).toMatchObject({
      scopes: ["little"],
    });
    expect(merged({ id: "b", scopes: ["b"] }, { id: "a", scopes: ["a"] })).toMatchObject({ scopes: ["a"] });
  });

  it("take the approval terms of the narrowest approve rule, in milliseconds, and mask for allow rules too", () => {
    expect(
      merged(
        {
          id: "ask",
          effect: "approve",
          approval: { wait: "25s", expires: "72h", grant: { ttl: "5m" }, approvers: ["group:x"] },
        },
        { id: "open", path: "/", mask: ["/a"], scopes: ["s"] },
      ),
    ).toEqual({
      mask: ["/a"],
      record: "metadata",
      approval: { approvers: ["group:x"], waitMs: 25_000, expiresMs: 259_200_000, grantTtlMs: 300_000 },
    });
  });

  it("name the service's credential", () => {
    const policy = compilePolicy(documentOf([{}], { credential: "crm" }));
    expect(ask(policy).obligations).toEqual({ credential: "crm", mask: [], record: "metadata" });
  });

  it("do not take a credential from a polluted prototype", () => {
    const policy = policyOf({ id: "a" });
    const prototype = Object.prototype as Record<string, unknown>;
    prototype["credential"] = "admin";
    try {
      expect(ask(policy).obligations.credential).toBeUndefined();
      expect(ask(policyOf({ id: "b" })).obligations.credential).toBeUndefined();
    } finally {
      delete prototype["credential"];
    }
  });

  it("cannot be changed by whoever holds a decision or the document", () => {
    const policy = policyOf({ id: "a", scopes: ["little"], mask: ["/a"] });
    const attempt = (change: () => unknown): void => expect(change).toThrow(TypeError);
    attempt(() => (ask(policy).obligations.scopes as string[]).push("everything"));
    attempt(() => (ask(policy).obligations.mask as string[]).pop());
    attempt(() => (policy.document.rules[0]?.scopes as string[] | undefined)?.push("everything"));
    attempt(() => Object.assign(policy, { decide: () => ({ effect: "allow" }) }));
    expect(ask(policy).obligations).toMatchObject({ scopes: ["little"], mask: ["/a"] });
  });
});

describe("an explanation", () => {
  const policy = policyOf(
    { id: "pay", methods: ["POST"], path: "/pay", body: { "/amount": { lte: 500 }, "/currency": ["EUR"] } },
    { id: "read", methods: ["GET"], path: "/pay/{id}", query: { full: "no" } },
    { id: "list", methods: ["GET"], path: "/pay" },
  );

  it("names the first clause of the closest rule that failed, and the kind of value, never the value", () => {
    const decision = ask(policy, { at: "/pay", json: { amount: 987_654, currency: "EUR" } });
    expect(decision.considered[0]).toEqual({ rule: "pay", clause: "body /amount", expected: "<= 500", got: "number" });
    expect(decision.reason).toBe("no rule allows this; the closest one needs body /amount to be <= 500 and got number");
    expect(JSON.stringify([decision.reason, decision.considered])).not.toContain("987654");
  });

  it.each<[string, Ask, object]>([
    ["a type", { at: "/pay", json: { amount: "5" } }, { clause: "body /amount", got: "string" }],
    [
      "absence",
      { at: "/pay", json: { amount: 5 } },
      { clause: "body /currency", expected: 'one of ["EUR"]', got: "absent" },
    ],
    ["null", { at: "/pay", json: { amount: null } }, { got: "null" }],
    ["a list", { at: "/pay", json: { amount: [1] } }, { got: "array" }],
    ["doubt", { at: "/pay", body: "?" }, { got: "something that cannot be read for certain" }],
    ["a method", { at: "/pay", method: "DELETE" }, { rule: "list", clause: "method", expected: "GET", got: "DELETE" }],
    [
      "another query",
      { at: "/pay/1?full=yes" },
      { rule: "read", clause: "query full", expected: '"no"', got: "string" },
    ],
  ])("tells the model what would be allowed: %s", (_name, request, closest) => {
    expect(ask(policy, request).considered[0]).toMatchObject(closest);
  });

  it("of another path gives examples of what is allowed, the most alike first", () => {
    const decision = ask(policy, { at: "/pay/1/2" });
    expect(decision.considered[0]).toEqual({
      rule: "read",
      clause: "path",
      expected: "GET /pay/{id}",
      got: "another path",
    });
    expect(decision.reason).toContain("GET /pay/{id} or GET /pay");
  });

  it("of an escaped slash says that it may not be there", () => {
    const open = policyOf({ id: "slug", path: "/p/{id}", encodedSlash: true }, { id: "plain", path: "/q/{id}" });
    expect(ask(open, { at: "/q/a%2Fb" }).considered[0]).toMatchObject({
      rule: "plain",
      expected: "no %2F in a parameter",
    });
  });

  it("says so where nothing is allowed at all", () => {
    expect(ask(policyOf()).reason).toBe("the policy allows nothing on this service");
  });

  it("shows at most five rules, and the same ones in every order", () => {
    const rules = Array.from({ length: 20 }, (_, i) => ({ id: `r${i}`, path: `/x/${i}` }));
    const forwards = ask(policyOf(...rules), { at: "/y" }).considered;
    expect(forwards).toHaveLength(5);
    expect(ask(policyOf(...[...rules].reverse()), { at: "/y" }).considered).toEqual(forwards);
  });

  it("never repeats a header, query, body or claim of the request", () => {
    const strict = policyOf({
      id: "strict",
      query: { q: "x" },
      headers: { "x-h": "x" },
      body: { "/b": "x" },
      who: { "/principal/name": "x" },
    });
    const context: DecisionContext = { ...anyContext, principal: { ...anyContext.principal, name: "s3cret" } };
    for (const at of ["/?q=s3cret", "/?q=x"]) {
      const { reason, considered } = ask(strict, { at, headers: { "x-h": "s3cret" }, json: { b: "s3cret" }, context });
      expect(JSON.stringify([reason, considered])).not.toContain("s3cret");
    }
  });
});

describe("a service's own limits", () => {
  it("refuse a body that is too large to be judged", () => {
    const policy = compilePolicy(documentOf([{}], { maxRequestBytes: 20 }));
    expect(effectOf(policy, { json: "a".repeat(18) })).toBe("allow");
    expect(ask(policy, { json: "a".repeat(19) }).code).toBe("BODY_TOO_LARGE");
    expect(ask(policy, { body: "a".repeat(100) }).effect).toBe("allow");
  });

  it("refuse a header that is not on the list, whatever its case", () => {
    const policy = compilePolicy(documentOf([{}], { headers: { allow: ["Accept", "x-a"] } }));
    expect(effectOf(policy, { headers: { ACCEPT: "*/*", "X-A": "1" } })).toBe("allow");
    expect(ask(policy, { headers: { "x-b": "1" } }).code).toBe("HEADER_REFUSED");
    expect(ask(policy, { headers: { x_a: "1" } }).code).toBe("HEADER_REFUSED");
    expect(effectOf(policy, { headers: { authorization: "Bearer x" } })).toBe("allow");
  });
});

describe("a request that is not one", () => {
  const policy = policyOf({});
  const decide = (request: unknown): string => {
    const decision = policy.decide(request as PolicyRequest, anyContext);
    expect(decision.effect === "deny" || decision.code === "ALLOWED").toBe(true);
    return decision.code;
  };
  const url = `${ORIGIN}/`;

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["text", url],
    ["no method", { url }],
    ["a method that is no text", { method: ["GET"], url }],
    ["a boxed method", { method: Object("GET"), url }],
    ["no URL", { method: "GET" }],
    ["a URL object", { method: "GET", url: new URL(url) }],
    ["a URL that changes", { method: "GET", url: { length: 1, trim: () => url, toString: () => url } }],
    ["headers that are text", { method: "GET", url, headers: "x" }],
    ["a header that is no text", { method: "GET", url, headers: { x: 1 } }],
    ["a header pair of one", { method: "GET", url, headers: [["x"]] }],
    ["a header pair of three", { method: "GET", url, headers: [["x", "1", "2"]] }],
    ["headers without an end", { method: "GET", url, headers: endless() }],
    ["a long list of no headers", { method: "GET", url, headers: Object.defineProperty([], "length", { value: 4e9 }) }],
    ["a body that is an object", { method: "POST", url, body: { a: 1 } }],
    ["a body that is a number", { method: "POST", url, body: 1 }],
    ["a body that is a buffer without a view", { method: "POST", url, body: new ArrayBuffer(1) }],
    ["a body that is other numbers", { method: "POST", url, body: new Uint16Array(1) }],
    ["a body that is a stream", { method: "POST", url, body: new ReadableStream() }],
    [
      "a getter that throws",
      Object.defineProperty({ url }, "method", {
        get: () => {
          throw new Error("x");
        },
      }),
    ],
    [
      "a proxy that throws",
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("x");
          },
        },
      ),
    ],
  ])("is denied, not thrown: %s", (_name, request) => {
    expect(decide(request)).toBe("DECISION_FAILED");
  });

  it("may bring its headers as any iterable, which are not overlooked", () => {
    const strict = policyOf({}, { id: "no", effect: "deny", headers: { "x-a": "1" } });
    for (const headers of [new Headers({ "x-a": "1" }), new Map([["x-a", "1"]]), [["x-a", "1"]], { "x-a": "1" }]) {
      expect(strict.decide({ method: "GET", url, headers: headers as never }, anyContext).code).toBe("RULE_DENY");
    }
  });

  it("may be judged without a context, and then matches no who clause", () => {
    const who = policyOf({ who: { "/principal/id": "ada" } });
    for (const context of [undefined, null, 5, {}, { principal: null }]) {
      expect(who.decide({ method: "GET", url }, context as never).effect).toBe("deny");
    }
  });

  it("denies where the context throws", () => {
    const who = policyOf({}, { id: "no", effect: "deny", who: { "/principal/id": "eve" } });
    const context = Object.defineProperty({}, "principal", {
      get: () => {
        throw new Error("x");
      },
      enumerable: true,
    });
    expect(who.decide({ method: "GET", url }, context as never).code).toBe("DECISION_FAILED");
  });
});

function* endless(): Generator<[string, string]> {
  for (;;) yield ["x", "1"];
}
