import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkPolicy,
  compilePolicy,
  type Decision,
  type DecisionContext,
  diffPolicies,
  type MatcherDocument,
  type PolicyRequest,
  type RuleDocument,
} from "../../src/policy/index.js";
import { ask, documentOf, ORIGIN, policyOf } from "../policy/support.js";
import { anyContext } from "../support/policies.js";
import { anyUrl, BODY_TYPES, bodyBytes, headerPairs, pathAndQuery } from "./arbitraries.js";

const some = <T>(items: readonly [T, ...T[]], maxLength = 2): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength });

/** A small world, so that rules and requests meet. */
const matcher: fc.Arbitrary<MatcherDocument> = fc.oneof(
  fc.constantFrom<MatcherDocument>("1", "x", 1, null, ["1", "2"], { not: "1" }, { exists: false }, { exists: true }),
  fc.constantFrom<MatcherDocument>(
    { optional: true, eq: "1" },
    { gte: 1 },
    { prefix: "x" },
    { not: { not: "x" } },
    { matches: "^[x1]$" },
  ),
);
const oneClause: fc.Arbitrary<Partial<RuleDocument>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  matcher.map((q) => ({ query: { q } })),
  matcher.map((value) => ({ headers: { "x-a": value } })),
  matcher.map((v) => ({ body: { "/v": v } })),
  matcher.map((v) => ({ body: { "/w/v": v } })),
  matcher.map((id) => ({ who: { "/agent/id": id } })),
  some<"query" | "body">(["query", "body"]).map((exact) => ({ exact })),
);
const ruleParts: fc.Arbitrary<Partial<RuleDocument>> = fc
  .tuple(
    oneClause,
    fc.record(
      {
        effect: fc.constantFrom("allow", "allow", "approve", "deny" as const),
        methods: some<"GET" | "POST" | "*">(["GET", "POST", "*"]),
        path: fc.constantFrom("/**", "/**", "/a", "/a/**", "/{p}", "/a/{p}", "/A/b", "/", "/a//b"),
        encodedSlash: fc.boolean(),
        mask: some(["/m", "/n"]),
        scopes: some(["s", "t"]),
        record: fc.constantFrom("none", "request", "response" as const),
      },
      { requiredKeys: ["effect", "methods", "path"] },
    ),
  )
  .map(([clause, rule]) => ({ ...clause, ...rule }));
const rules = fc
  .array(ruleParts, { maxLength: 6 })
  .map((list) => list.map((rule, index) => ({ ...rule, id: `r${index}` })));

const json = fc.constantFrom(
  { v: "x" },
  { V: "x" },
  { v: 1, w: { v: "1" } },
  { v: ["x"], w: [{ v: "x" }] },
  { v: null },
  {},
  { w: { V: "x" } },
  [{ v: "x" }],
);
const request = fc
  .record({
    method: fc.constantFrom("GET", "POST", "HEAD"),
    at: fc.oneof(
      { weight: 1, arbitrary: pathAndQuery },
      {
        weight: 6,
        arbitrary: fc.constantFrom(
          "/",
          "/a",
          "/A/",
          "/a/b",
          "//a//b",
          "/a%2Fb",
          "/a/x%2Fy",
          "/a;v/b",
          "/;v/b",
          "/a?q=1",
          "/a?Q=1&q=2",
          "/a?q[]=1",
        ),
      },
    ),
    headers: fc.constantFrom<[string, string][]>([], [["x-a", "1"]], [["x-a", "1, 2"]], [["x_a", "1"]]),
    sent: fc.oneof(
      fc.constant({}),
      json.map((value) => ({ json: value })),
      fc.constantFrom("v=x", "V=x", "v[]=x&v=1", "w.v=1", "v=%zz").map((form) => ({ form })),
      fc.constant({ body: "?" }),
    ),
  })
  .map(({ sent, ...rest }) => ({ ...rest, ...sent }));

const RANK = { deny: 0, approve: 1, allow: 2 } as const;
/** A decision without what depends on the text of the document. */
const essence = ({ policy: _, obligations, ...rest }: Decision): object => ({
  ...rest,
  obligations: { ...obligations, mask: [...obligations.mask].sort() },
});

describe("a policy", () => {
  it("never becomes wider by a deny rule", () => {
    let met = 0;
    fc.assert(
      fc.property(rules, ruleParts, request, (list, extra, one) => {
        // With a rule that allows all, so that there is something to lose.
        const before = ask(policyOf({ id: "all" }, ...list), one);
        const after = ask(policyOf({ id: "all" }, ...list, { ...extra, id: "extra", effect: "deny" }), one);
        expect(RANK[after.effect]).toBeLessThanOrEqual(RANK[before.effect]);
        if (after.effect !== "deny") expect(essence(after)).toEqual(essence(before));
        if (before.effect !== after.effect) met++;
      }),
      { numRuns: 1_500 },
    );
    expect(met).toBeGreaterThan(20);
  });

  it("never becomes narrower by an allow rule, nor wider where a deny fires", () => {
    fc.assert(
      fc.property(rules, ruleParts, request, (list, extra, one) => {
        const before = ask(policyOf(...list), one);
        const after = ask(policyOf(...list, { ...extra, id: "extra", effect: "allow" }), one);
        if (before.code === "RULE_DENY") expect(after.code).toBe("RULE_DENY");
        else expect(RANK[after.effect]).toBeGreaterThanOrEqual(RANK[before.effect]);
      }),
      { numRuns: 1_000 },
    );
  });

  it("decides the same, and explains it the same, in every order of its rules", () => {
    fc.assert(
      fc.property(
        rules.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        request,
        ([list, shuffled], one) => {
          expect(essence(ask(policyOf(...shuffled), one))).toEqual(essence(ask(policyOf(...list), one)));
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it("decides alike for a request in canonical form", () => {
    fc.assert(
      fc.property(rules, request, (list, one) => {
        const policy = policyOf(...list);
        const first = ask(policy, one);
        const { canonical } = first;
        if (canonical === undefined) return;
        const again = ask(policy, { ...one, method: canonical.method, at: canonical.url.slice(ORIGIN.length) });
        expect(again).toEqual(first);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The same request in another spelling: RFC 3986 section 6.2.2 and RFC 9110 section 5.1 say that nobody may tell them apart. */
function respelled(
  url: string,
  method: string,
  headers: readonly (readonly [string, string])[],
  flips: readonly boolean[],
) {
  let at = 0;
  const spelled = url.slice(ORIGIN.length).replace(/%[0-9A-F]{2}|[A-Za-z0-9~_-]/gi, (unit) => {
    if (flips[at++ % flips.length] !== true) return unit;
    return unit.startsWith("%") ? unit.toLowerCase() : `%${unit.charCodeAt(0).toString(16)}`;
  });
  return {
    method: flips[0] === true ? method.toLowerCase() : method,
    url: `${flips[0] === true ? "HTTPS://API.Example.com:443" : ORIGIN}${spelled}${flips[1] === true ? "#fragment" : ""}`,
    headers: headers.map(([name, value]): [string, string] => [name.toUpperCase(), ` ${value}\t`]),
  };
}

describe("another spelling of a request", () => {
  it("gets the same decision, and is sent as the same bytes", () => {
    let changed = 0;
    fc.assert(
      fc.property(rules, request, fc.array(fc.boolean(), { minLength: 2, maxLength: 7 }), (list, one, flips) => {
        const policy = policyOf(...list);
        const { canonical, ...first } = ask(policy, one);
        if (canonical === undefined) return;
        const body =
          "json" in one ? JSON.stringify(one.json) : "form" in one ? one.form : "body" in one ? one.body : null;
        const spelled = respelled(canonical.url, canonical.method, canonical.headers, flips);
        if (spelled.url !== canonical.url) changed++;
        const { canonical: second, ...again } = policy.decide({ ...spelled, body: body as string | null }, anyContext);
        expect(again).toEqual(first);
        expect([second?.method, second?.url, second?.headers]).toEqual([
          canonical.method,
          canonical.url,
          canonical.headers,
        ]);
      }),
      { numRuns: 1_000 },
    );
    expect(changed).toBeGreaterThan(100);
  });
});

describe("decide", () => {
  const open = policyOf({});
  const whoOnly = policyOf({ who: { "/principal/id": "ada" } });
  const junk = fc.oneof(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
    }),
    fc.constantFrom<unknown>(
      () => "GET",
      Symbol("GET"),
      new Proxy({}, { get: () => "GET" }),
      new Proxy(
        {},
        {
          get: () => {
            throw new Error("x");
          },
        },
      ),
      Object.defineProperty([], "length", { value: 1e9 }),
      { toString: () => "GET" },
    ),
  );
  const isText = (value: unknown): value is string => typeof value === "string";

  it("never throws, and denies whatever is not method, URL, headers and body", () => {
    fc.assert(
      fc.property(junk, junk, junk, junk, junk, (method, url, headers, body, context) => {
        const good = { method: "POST", url: `${ORIGIN}/` };
        const decide = (given: unknown, by: unknown = anyContext): Decision =>
          open.decide(given as PolicyRequest, by as DecisionContext);
        expect(decide(method).effect).toBe("deny");
        expect(decide({ method, url, headers, body }, context).effect).toBe("deny");
        if (!isText(method)) expect(decide({ ...good, method }).effect).toBe("deny");
        if (!isText(url)) expect(decide({ ...good, url }).effect).toBe("deny");
        const bodied = decide({ ...good, body });
        if (!(isText(body) || body === null || body === undefined || body instanceof Uint8Array))
          expect(bodied.effect).toBe("deny");
        for (const pair of decide({ ...good, headers }).canonical?.headers ?? []) expect(pair.every(isText)).toBe(true);
        expect(whoOnly.decide(good, context as DecisionContext).effect).toBe("deny");
      }),
      { numRuns: 1_000 },
    );
  });

  it("never throws for any URL, header and body, and answers with a stable code", () => {
    const policy = compilePolicy(
      documentOf([
        { path: "/**", body: { "/v": { optional: true, matches: "^x*$" } } },
        { path: "/{a}/**", encodedSlash: true, params: { a: { not: "a" } } },
        { effect: "deny", path: "/v1/**", body: { "/v/*/w": "x" }, query: { q: "1" } },
      ]),
    );
    fc.assert(
      fc.property(
        anyUrl,
        pathAndQuery,
        headerPairs,
        fc.constantFrom(...BODY_TYPES),
        bodyBytes,
        (url, rest, headers, type, body) => {
          for (const target of [url, ORIGIN + rest]) {
            const decision = policy.decide(
              { method: "POST", url: target, headers: [...headers, ["content-type", type]], body },
              anyContext,
            );
            expect(decision.code).not.toBe("DECISION_FAILED");
            expect(JSON.stringify(decision)).toBeDefined();
          }
        },
      ),
      { numRuns: 2_500 },
    );
  });
});

/** Every way in which some server could find a field `v` in a body: lenient about all that we are strict about. */
function everyReading(bytes: Uint8Array, type: string): readonly unknown[] {
  const text = new TextDecoder().decode(bytes);
  if (type.includes("json")) {
    try {
      return fieldsOf(JSON.parse(text));
    } catch {
      return [];
    }
  }
  if (!type.includes("urlencoded")) return [];
  return [text, text.replaceAll(";", "&")].flatMap((form) =>
    [...new URLSearchParams(form)]
      .filter(([name]) => /^\s*v(?:\[.*)?$/is.test(name.split("\0")[0] ?? ""))
      .map(([, value]) => value),
  );
}

function fieldsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => key.toLowerCase() === "v")
    .flatMap(([, inner]) => (Array.isArray(inner) ? inner : [inner]));
}

describe("a body clause, whatever the bytes,", () => {
  const allow = policyOf({ body: { "/v": "x" } });
  const deny = policyOf({}, { id: "no", effect: "deny", body: { "/v": "x" } });
  const decideBoth = (type: string, body: Uint8Array): { allowed: boolean; passed: boolean } => {
    const one = { headers: { "content-type": type }, body };
    return { allowed: ask(allow, one).effect === "allow", passed: ask(deny, one).effect === "allow" };
  };

  const rightBytes = fc
    .constantFrom('{"v":"x"}', '{"w":1,"v":"x"}', '{"v":["x"]}', "v=x", "v=x&w=1", "v=x&v=x")
    .map((text) => new TextEncoder().encode(text));

  it("of an allow lets nothing through that somebody could read otherwise, and of a deny nothing that somebody could read so", () => {
    const met = { allowed: 0, passed: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...BODY_TYPES.slice(0, 5)), fc.oneof(bodyBytes, rightBytes), (type, body) => {
        const { allowed, passed } = decideBoth(type, body);
        const readings = everyReading(body, type);
        if (allowed) {
          met.allowed++;
          expect(readings.length).toBeGreaterThan(0);
          for (const value of readings) expect(value).toBe("x");
        }
        if (passed) {
          met.passed++;
          expect(readings).not.toContain("x");
        }
      }),
      { numRuns: 5_000 },
    );
    expect(met.allowed).toBeGreaterThan(20);
    expect(met.passed).toBeGreaterThan(100);
  });

  it("is in doubt for bytes of a type that is not read", () => {
    fc.assert(
      fc.property(fc.constantFrom(...BODY_TYPES.slice(5)), bodyBytes, (type, body) => {
        expect(decideBoth(type, body)).toEqual({ allowed: false, passed: false });
      }),
      { numRuns: 300 },
    );
  });
});

describe("diffPolicies", () => {
  const rank = { deny: 0, approve: 1, allow: 2 } as const;

  it("calls nothing same or narrower that decides some request wider", () => {
    let judged = 0;
    fc.assert(
      fc.property(rules, rules, request, (old, next, asked) => {
        const [before, after] = [documentOf(old), documentOf(next)];
        if (diffPolicies(before, after).wider.length > 0) return;
        judged++;
        const [was, now] = [ask(compilePolicy(before), asked), ask(compilePolicy(after), asked)];
        expect(rank[now.effect]).toBeLessThanOrEqual(rank[was.effect]);
      }),
      { numRuns: 3_000 },
    );
    expect(judged).toBeGreaterThan(100);
  });

  it("nor where one rule was changed, taken away or added", () => {
    fc.assert(
      fc.property(
        rules,
        ruleParts,
        fc.nat(5),
        fc.constantFrom("change", "remove", "add"),
        request,
        (old, part, at, how, asked) => {
          const place = Math.min(at, Math.max(0, old.length - 1));
          const next =
            how === "remove"
              ? old.toSpliced(place, 1)
              : how === "add"
                ? [...old, { ...part, id: "added" }]
                : old.map((rule, index) => (index === place ? { ...rule, ...part, id: rule.id } : rule));
          const [before, after] = [documentOf(old), documentOf(next)];
          if (diffPolicies(before, after).wider.length > 0) return;
          const [was, now] = [ask(compilePolicy(before), asked), ask(compilePolicy(after), asked)];
          expect(rank[now.effect]).toBeLessThanOrEqual(rank[was.effect]);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe("checkPolicy", () => {
  it("warns of a rule only where no request is decided otherwise without it", () => {
    let warned = 0;
    fc.assert(
      fc.property(rules, fc.nat(5), fc.nat(5), request, (list, from, to, asked) => {
        // Rules of one kind twice, so that there is something to warn of.
        const copied = list[from];
        const all = copied === undefined ? list : list.toSpliced(to, 0, { ...copied, id: "copy" });
        const { warnings } = checkPolicy(documentOf(all));
        const policy = compilePolicy(documentOf(all));
        for (const { pointer } of warnings) {
          const index = /^\/rules\/([0-9]+)/.exec(pointer)?.[1];
          if (index === undefined) continue;
          warned++;
          const without = compilePolicy(documentOf(all.toSpliced(Number(index), 1)));
          expect(ask(without, asked).effect).toBe(ask(policy, asked).effect);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(warned).toBeGreaterThan(100);
  });
});
