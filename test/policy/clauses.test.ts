import { describe, expect, it } from "vitest";
import type { DecisionContext } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";
import { allows, stops } from "./support.js";

describe("a query clause", () => {
  it("compares the decoded value", () => {
    expect(allows({ query: { q: "a b" } }, { at: "/?q=a+b" })).toBe(true);
    expect(allows({ query: { q: "a b" } }, { at: "/?%71=a%20b" })).toBe(true);
    expect(allows({ query: { q: "é" } }, { at: "/?q=%C3%A9" })).toBe(true);
  });

  it("sees a parameter without a value as the empty string", () => {
    expect(allows({ query: { q: "" } }, { at: "/?q" })).toBe(true);
    expect(allows({ query: { q: { exists: true } } }, { at: "/?q" })).toBe(true);
  });

  it.each([
    "/?SCOPE=all",
    "/?scope[]=all",
    "/?scope%5B0%5D=all",
    "/?+scope=all",
    "/?scope=x&Scope=all",
    "/?%C5%BFcope=all",
  ])("of a deny is not stepped around by another spelling of the name: %s", (at) => {
    expect(stops({ query: { scope: "all" } }, { at })).toBe(true);
  });

  it.each(["/?format=csv&FORMAT=exe", "/?format=csv&format[]=exe", "/?format=csv&+format=exe"])(
    "of an allow fails where the parameter is there in two spellings: %s",
    (at) => {
      expect(allows({ query: { format: "csv" } }, { at })).toBe(false);
    },
  );

  it("of an allow does not take another spelling for an absent parameter", () => {
    expect(allows({ query: { role: { not: "admin" } } }, { at: "/?Role=admin" })).toBe(false);
    expect(allows({ query: { max: { optional: true, eq: "5" } } }, { at: "/?MAX=9" })).toBe(false);
  });

  it("keeps bracketed names apart that a policy names with their brackets", () => {
    const query = { "page[size]": "10" };
    expect(allows({ query }, { at: "/?page[size]=10&page[number]=2" })).toBe(true);
    expect(stops({ query }, { at: "/?page[number]=10" })).toBe(false);
  });

  it("leaves other parameters alone", () => {
    expect(allows({ query: { format: "csv" } }, { at: "/?format=csv&formats=exe&x=1" })).toBe(true);
  });
});

describe("a header clause", () => {
  it("compares names in any case and values as they are, without blanks around them", () => {
    expect(allows({ headers: { "X-Tenant": "acme" } }, { headers: { "x-TENANT": " acme\t" } })).toBe(true);
    expect(allows({ headers: { "X-Tenant": "acme" } }, { headers: { "x-tenant": "ACME" } })).toBe(false);
  });

  it("of an allow fails where `_` makes a second header of the same variable", () => {
    const headers: [string, string][] = [
      ["x-tenant", "acme"],
      ["x_tenant", "evil"],
    ];
    expect(allows({ headers: { "x-tenant": "acme" } }, { headers })).toBe(false);
    expect(stops({ headers: { "x-tenant": "evil" } }, { headers })).toBe(true);
  });

  it("of a deny looks into a joined list, which is how fetch writes a repeated header", () => {
    expect(stops({ headers: { "x-tenant": "evil" } }, { headers: { "x-tenant": "acme, evil" } })).toBe(true);
    expect(stops({ headers: { "x-tenant": "evil" } }, { headers: { "x-tenant": "acme,evil" } })).toBe(true);
    expect(stops({ headers: { "x-tenant": "evil" } }, { headers: { "x-tenant": "devil" } })).toBe(false);
  });

  it("of an allow holds a pattern against every member of a joined list", () => {
    expect(allows({ headers: { "x-tenant": { prefix: "acme" } } }, { headers: { "x-tenant": "acme-1, acme-2" } })).toBe(
      true,
    );
    expect(allows({ headers: { "x-tenant": { prefix: "acme" } } }, { headers: { "x-tenant": "acme-1, evil" } })).toBe(
      false,
    );
  });

  it("of an allow takes a literal value with a comma as it is written", () => {
    const accept = "text/html, */*";
    expect(allows({ headers: { accept } }, { headers: { accept } })).toBe(true);
    expect(allows({ headers: { accept: [accept, "*/*"] } }, { headers: { accept } })).toBe(true);
  });
});

describe("a path parameter clause", () => {
  const path = "/users/{id}/notes";

  it("compares the decoded segment", () => {
    expect(allows({ path, params: { id: "a b" } }, { at: "/users/a%20b/notes" })).toBe(true);
    expect(allows({ path, params: { id: { matches: "^[0-9]+$" } } }, { at: "/users/42x/notes" })).toBe(false);
  });

  it("tells two parameters apart", () => {
    const two = { path: "/{a}/{b}", params: { a: "1", b: "2" } };
    expect(allows(two, { at: "/1/2" })).toBe(true);
    expect(allows(two, { at: "/2/1" })).toBe(false);
  });

  it.each([
    "/users/root/notes",
    "/users/ROOT/notes",
    "/users/ｒoot/notes",
    "/users/root;v=1/notes",
    "//users/root/notes/",
  ])("of a deny is not stepped around by another spelling of the segment: %s", (at) => {
    expect(stops({ path, params: { id: "root" } }, { at })).toBe(true);
  });

  it("of a deny still sees the segment as it was written", () => {
    expect(stops({ path, params: { id: { suffix: ";v=1" } } }, { at: "/users/root;v=1/notes" })).toBe(true);
    expect(stops({ path, params: { id: "Root" } }, { at: "/users/Root/notes" })).toBe(true);
  });

  it("of an allow compares case exactly", () => {
    expect(allows({ path, params: { id: "root" } }, { at: "/users/ROOT/notes" })).toBe(false);
  });

  it("finds its place in a deny template with an empty segment", () => {
    const rule = { path: "/users//{id}", params: { id: "root" } };
    expect(stops(rule, { at: "/users//root" })).toBe(true);
    expect(stops(rule, { at: "/users/root" })).toBe(true);
    expect(stops(rule, { at: "/users//ada" })).toBe(false);
  });
});

describe("a body clause", () => {
  it("reads JSON under any JSON media type", () => {
    for (const type of [
      "application/json",
      "text/json",
      "application/merge-patch+json",
      "Application/JSON; charset=UTF-8",
    ]) {
      expect(allows({ body: { "/v": 1 } }, { headers: { "content-type": type }, body: '{"v":1}' })).toBe(true);
    }
  });

  it("reaches into lists by index and into escaped names", () => {
    expect(allows({ body: { "/a/1/x~1y": 1 } }, { json: { a: [0, { "x/y": 1 }] } })).toBe(true);
    expect(allows({ body: { "/a~0b": 1 } }, { json: { "a~b": 1 } })).toBe(true);
    expect(allows({ body: { "/a/01": 1 } }, { json: { a: [0, 1] } })).toBe(false);
    expect(allows({ body: { "": 5 } }, { json: 5 })).toBe(true);
  });

  it("never finds what an object inherits", () => {
    for (const key of ["/constructor", "/__proto__", "/toString", "/v/length"]) {
      expect(allows({ body: { [key]: { exists: true } } }, { json: { v: "x" } })).toBe(false);
    }
  });

  it("of a deny is not stepped around by another case of the name", () => {
    expect(stops({ body: { "/role": "admin" } }, { json: { Role: "admin" } })).toBe(true);
    expect(stops({ body: { "/to/role": "admin" } }, { json: { TO: { ROLE: "admin" } } })).toBe(true);
  });

  it("of a deny folds names as Go does", () => {
    expect(stops({ body: { "/token": "x" } }, { json: { "to\u212Aen": "x" } })).toBe(true);
    expect(stops({ body: { "/dest": "x" } }, { json: { "de\u017Ft": "x" } })).toBe(true);
  });

  it("of a deny is not stepped around by a list where an object was", () => {
    const body = { "/destination/type": "external" };
    expect(stops({ body }, { json: { destination: [{ type: "external" }] } })).toBe(true);
    expect(stops({ body }, { json: [{ destination: { type: "external" } }] })).toBe(true);
    expect(stops({ body }, { json: [[{ destination: { type: "internal" } }], null] })).toBe(false);
  });

  it("of a deny is in doubt where a value has no members at all", () => {
    const body = { "/destination/type": "external" };
    for (const destination of ["external", 1, true]) expect(stops({ body }, { json: { destination } })).toBe(true);
    expect(stops({ body }, { json: { destination: null } })).toBe(false);
    expect(stops({ body }, { json: { other: "external" } })).toBe(false);
  });

  it("of a deny is not met by what a stricter server would not see", () => {
    const body = { "/sandbox": { not: true } };
    expect(stops({ body }, { json: { sandbox: true } })).toBe(false);
    expect(stops({ body }, { json: { Sandbox: true } })).toBe(true);
    expect(stops({ body }, { json: [{ sandbox: true }] })).toBe(true);
    expect(stops({ body: { "/tags/*": { not: "safe" } } }, { json: { tags: "safe" } })).toBe(true);
    expect(stops({ body: { "/sandbox": { not: "true" } } }, { form: "Sandbox=true" })).toBe(true);
    expect(stops({ query: { safe: { not: "1" } } }, { at: "/?SAFE=1" })).toBe(true);
    expect(stops({ query: { safe: { not: "1" } } }, { at: "/?safe=1&SAFE=1" })).toBe(false);
    expect(stops({ headers: { "x-tenant": { not: "acme" } } }, { headers: { x_tenant: "acme" } })).toBe(true);
  });

  it("of a deny is not stepped around by one value where a list was", () => {
    expect(stops({ body: { "/tags/*": "secret" } }, { json: { tags: "secret" } })).toBe(true);
    expect(stops({ body: { "/lines/*/sku": "B" } }, { json: { lines: { sku: "B" } } })).toBe(true);
    expect(stops({ body: { "/tags/*": "secret" } }, { json: { tags: "open" } })).toBe(false);
  });

  it("of an allow does not take another spelling, or another shape, for an absent value", () => {
    const body = { "/role": { not: "admin" }, "/to/type": { optional: true, eq: "internal" } } as const;
    expect(allows({ body }, { json: {} })).toBe(true);
    expect(allows({ body }, { json: { Role: "admin" } })).toBe(false);
    expect(allows({ body }, { json: { to: { Type: "external" } } })).toBe(false);
    expect(allows({ body }, { json: { to: "external" } })).toBe(false);
    expect(allows({ body }, { json: { to: [{ type: "external" }] } })).toBe(false);
    expect(allows({ body: { "/tags/*": { not: "secret" } } }, { json: { tags: "secret" } })).toBe(false);
  });
});

describe("a body clause on a form", () => {
  it("compares the decoded field as text", () => {
    expect(allows({ body: { "/to": "a b" } }, { form: "to=a+b&x=1" })).toBe(true);
    expect(allows({ body: { "/n": 5 } }, { form: "n=5" })).toBe(false);
  });

  it("must match every repetition in an allow, one in a deny", () => {
    expect(allows({ body: { "/to": "a" } }, { form: "to=a&to=b" })).toBe(false);
    expect(stops({ body: { "/to": "b" } }, { form: "to=a&to=b" })).toBe(true);
  });

  it.each(["To=b", "to[]=b", "to%5B0%5D=b", "+to=b", "to=a&TO=b"])(
    "is not stepped around by another spelling of the field: %s",
    (form) => {
      expect(stops({ body: { "/to": "b" } }, { form })).toBe(true);
      expect(allows({ body: { "/to": { not: "b" } } }, { form })).toBe(false);
    },
  );

  it.each(["to[type]=external", "to.type=external", "TO[Type]=external", 'to={"type":"external"}'])(
    "below the first level is in doubt where the field is there: %s",
    (form) => {
      expect(stops({ body: { "/to/type": "external" } }, { form })).toBe(true);
      expect(allows({ body: { "/to/type": { not: "external" } } }, { form })).toBe(false);
    },
  );

  it("below the first level is absent where no field could be it", () => {
    expect(stops({ body: { "/to/type": "external" } }, { form: "total=1&x=2" })).toBe(false);
    expect(allows({ body: { "/to/type": { not: "external" } } }, { form: "total=1" })).toBe(true);
  });
});

describe("exact", () => {
  it("allows no query parameter but the listed ones", () => {
    const rule = { query: { q: { optional: true } }, exact: ["query"] } as const;
    expect(allows(rule, { at: "/" })).toBe(true);
    expect(allows(rule, { at: "/?q=1&q=2" })).toBe(true);
    expect(allows(rule, { at: "/?q=1&r=2" })).toBe(false);
    expect(allows({ exact: ["query"] }, { at: "/?q" })).toBe(false);
    expect(allows({ exact: ["query"] }, { at: "/?" })).toBe(true);
  });

  it("allows no body field but the listed ones", () => {
    const rule = { body: { "/a": 1, "/lines/*/sku": { prefix: "A" } }, exact: ["body"] } as const;
    expect(allows(rule, { json: { a: 1, lines: [{ sku: "A1" }, { sku: "A2" }] } })).toBe(true);
    expect(allows(rule, { json: { a: 1, lines: [{ sku: "A1", qty: 9 }] } })).toBe(false);
    expect(allows(rule, { json: { a: 1, lines: [{ sku: "A1" }], more: {} } })).toBe(false);
    expect(allows(rule, { json: { a: 1, lines: [{ sku: "A1" }], A: 1 } })).toBe(false);
    expect(allows(rule, { json: { a: 1, lines: [{ sku: "A1" }, []] } })).toBe(false);
  });

  it("takes a listed value whole", () => {
    expect(allows({ body: { "/meta": { exists: true } }, exact: ["body"] }, { json: { meta: { x: [1, {}] } } })).toBe(
      true,
    );
  });

  it("allows an empty body where nothing is listed", () => {
    expect(allows({ exact: ["body"] }, { json: {} })).toBe(true);
    expect(allows({ exact: ["body"] })).toBe(true);
    expect(allows({ exact: ["body"] }, { json: { a: null } })).toBe(false);
    expect(allows({ exact: ["body"] }, { json: 5 })).toBe(false);
  });

  it("holds for the fields of a form", () => {
    const rule = { body: { "/a": "1" }, exact: ["body"] } as const;
    expect(allows(rule, { form: "a=1" })).toBe(true);
    expect(allows(rule, { form: "a=1&b=2" })).toBe(false);
    expect(allows(rule, { form: "a=1&a[]=2" })).toBe(false);
  });

  it("is doubt for a body that cannot be read", () => {
    expect(allows({ exact: ["body"] }, { body: "x" })).toBe(false);
    expect(stops({ exact: ["body"] }, { body: "x" })).toBe(true);
  });
});

describe("a who clause", () => {
  const as = (changes: Partial<DecisionContext["principal"]>): { context: DecisionContext } => ({
    context: { ...anyContext, principal: { ...anyContext.principal, ...changes } },
  });
  const who = { "/principal/groups": { contains: "finance" } };

  it("looks into principal, agent and session", () => {
    expect(allows({ who }, as({ groups: ["finance"] }))).toBe(true);
    expect(allows({ who }, as({ groups: ["support"] }))).toBe(false);
    expect(allows({ who: { "/agent/id": "test-agent", "/session/purpose": "testing" } })).toBe(true);
    expect(allows({ who: { "/principal/claims/level": { gte: 3 } } }, as({ claims: { level: 3 } }))).toBe(true);
  });

  it("is absent where the claim is not there", () => {
    expect(allows({ who: { "/principal/claims/level": { gte: 3 } } })).toBe(false);
    expect(stops({ who: { "/principal/claims/level": { lt: 3 } } })).toBe(false);
    expect(stops({ who: { "/principal/claims/level": { not: 3 } } })).toBe(true);
  });

  it("fires a deny for one group among many", () => {
    expect(stops({ who: { "/principal/groups/*": "contractors" } }, as({ groups: ["a", "contractors"] }))).toBe(true);
  });

  it("does not see what the context inherits", () => {
    expect(allows({ who: { "/principal/constructor": { exists: true } } })).toBe(false);
  });
});
