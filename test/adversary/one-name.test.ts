import { describe, expect, it } from "vitest";
import { checkPolicy, compilePolicy } from "../../src/policy/index.js";
import { type Ask, allows, ask, documentOf, policyOf, problemsOf, stops } from "../policy/support.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

/**
 * The rule: a name that a rule constrains in one place is doubt in every other place where a server may read it: the query, a
 * member or field of the body, a form part, a matrix parameter of the path. A deny fires, an allow fails.
 */
const multipart = (...pairs: readonly (readonly [string, string])[]): Ask => ({
  headers: { "content-type": "multipart/form-data; boundary=b" },
  body: `${pairs.map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join("")}--b--`,
});
const typed = (type: string, body: string): Ask => ({ headers: { "content-type": type }, body });

describe("a name that a rule looks for in the body", () => {
  const good = { json: { amount: 5 } };
  const allow = { body: { "/amount": { lte: 10 } } };
  const deny = { body: { "/amount": { gt: 10 } } };

  it.each<[string, string]>([
    ["in the query", "/x?amount=99"],
    ["in the query, harmless as it looks", "/x?amount=5"],
    ["in another case", "/x?AMOUNT=99"],
    ["with brackets", "/x?amount[]=99"],
    ["as a member of it", "/x?amount[value]=99"],
    ["as a member, with a dot", "/x?amount.value=99"],
    ["without a value", "/x?amount"],
    ["behind a blank", "/x?%20amount=99"],
    ["escaped", "/x?%61mount=99"],
    ["in a matrix parameter", "/x;amount=99"],
    ["in a matrix parameter of an earlier segment", "/a;amount=99/x"],
    ["in an escaped matrix parameter", "/x%3Bamount=99"],
    ["in one of several", "/x;a=1;Amount=99"],
    ["in one without a value", "/x;amount"],
  ])("is doubt %s", (_where, at) => {
    expect(allows(allow, { ...good, at })).toBe(false);
    expect(stops(deny, { ...good, at })).toBe(true);
  });

  it.each(["/x", "/x?amounts=99", "/x?total_amount=99", "/x?note=amount", "/amount", "/x;v=amount", "/x?a[amount]=99"])(
    "is not found in %s",
    (at) => {
      expect(allows(allow, { ...good, at })).toBe(true);
      expect(stops(deny, { ...good, at })).toBe(false);
    },
  );

  it("is the first of a pointer: a member of it has no name of its own elsewhere", () => {
    const rule = { body: { "/order/amount": { lte: 10 } } };
    const json = { order: { amount: 5 } };
    expect(allows(rule, { json })).toBe(true);
    for (const at of ["/?order=1", "/?order[amount]=99", "/?order.amount=99"])
      expect(allows(rule, { json, at })).toBe(false);
    expect(allows(rule, { json, at: "/?amount=99" })).toBe(true);
  });

  it("of every element of a list has none at all", () => {
    const rule = { body: { "/*/amount": { lte: 10 } } };
    expect(allows(rule, { json: [{ amount: 5 }], at: "/?amount=99" })).toBe(true);
    expect(allows({ body: { "/0": 1 } }, { json: [1], at: "/?0=9" })).toBe(true);
  });

  it("is meant also where its sum is limited", () => {
    const rule = { limits: [{ sum: "/amount", max: 100, per: "1h", by: "agent" }] } as const;
    expect(allows(rule, good)).toBe(true);
    expect(allows(rule, { ...good, at: "/?amount=99" })).toBe(false);
    expect(allows(rule, { ...good, at: "/x;amount=99" })).toBe(false);
    expect(allows({ ...rule, serviceIgnores: ["query"] }, { ...good, at: "/?amount=99" })).toBe(true);
  });
});

describe("a name that a rule looks for in the query", () => {
  const allow = { query: { account: "a" } };
  const deny = { query: { account: "b" } };
  const at = "/x?account=a";

  it.each<[string, Ask]>([
    ["in JSON", { json: { account: "b" } }],
    ["in JSON, harmless as it looks", { json: { account: "a" } }],
    ["in another case", { json: { Account: "b" } }],
    ["as an object", { json: { account: { id: "b" } } }],
    ["in a form", { form: "account=b" }],
    ["in a form, with brackets", { form: "account[]=b" }],
    ["in a form, as a member", { form: "account.id=b" }],
    ["in a part", multipart(["account", "b"])],
    ["in a part, with brackets", multipart(["note", "x"], ["account[id]", "b"])],
    ["in a multipart body that cannot be read", typed("multipart/form-data; boundary=b", "--c")],
    ["in a multipart body without a boundary", typed("multipart/form-data", "--b")],
    ["in JSON that cannot be read", typed("application/json", '{"a":1,"a":2}')],
    ["in JSON in another charset", typed("application/json; charset=utf-16", "{}")],
    [
      "in JSON that is compressed",
      {
        ...typed("application/json", "x"),
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
      },
    ],
    ["in a body of two types", typed("application/json, text/plain", "{}")],
    ["in a form by another name", typed("Application/X-WWW-Form-Urlencoded; charset=latin1", "account=b")],
    ["in a matrix parameter", { at: "/x;account=b?account=a" }],
  ])("is doubt %s", (_where, request) => {
    expect(allows(allow, { at, ...request })).toBe(false);
    // One that may hide another method is refused for that.
    const codes = ["RULE_DENY", "METHOD_OVERRIDE"];
    expect(codes).toContain(ask(policyOf({}, { ...deny, effect: "deny" }), { at, ...request }).code);
  });

  it.each<[string, Ask]>([
    ["another member", { json: { accounts: "b" } }],
    ["a member of another", { json: { of: { account: "b" } } }],
    ["a list", { json: ["account"] }],
    ["another field", { form: "note=account" }],
    ["another part", multipart(["note", "account=b"])],
    ["a file", typed("application/octet-stream", "account=b")],
    ["a picture", typed("image/png", "account=b")],
    ["a text", typed("text/plain", "account=b")],
    ["a body without a type", { body: "account=b" }],
    ["lines of JSON", typed("application/x-ndjson", '{"account":"b"}\n')],
  ])("is not found in %s", (_where, request) => {
    expect(allows(allow, { at, ...request })).toBe(true);
    expect(stops(deny, { at, ...request })).toBe(false);
  });

  it("is found in a body by PUT and PATCH as by POST, and by a method that has none", () => {
    for (const method of ["PUT", "PATCH", "DELETE", "GET"])
      for (const request of [{ json: { account: "b" } }, multipart(["account", "b"])])
        expect(allows(allow, { at, method, ...request })).toBe(false);
  });

  it("is not constrained where it may be there and be anything", () => {
    expect(allows({ query: { account: { optional: true } } }, { at, json: { account: "b" } })).toBe(true);
  });
});

describe("what a rule says of both places", () => {
  it("is judged in each of them", () => {
    const rule = { query: { account: "a" }, body: { "/account": ["a", "b"] } };
    expect(allows(rule, { at: "/?account=a", json: { account: "b" } })).toBe(true);
    expect(allows(rule, { at: "/?account=a", json: { account: "c" } })).toBe(false);
    expect(allows(rule, { at: "/;account=c?account=a", json: { account: "b" } })).toBe(false);
  });

  it("may be that the service ignores one", () => {
    const body = { body: { "/amount": { lte: 10 } } };
    const json = { amount: 5 };
    expect(allows({ ...body, serviceIgnores: ["query"] }, { json, at: "/?amount=99" })).toBe(true);
    expect(allows({ ...body, serviceIgnores: ["query"] }, { json, at: "/;amount=99" })).toBe(false);
    expect(allows({ ...body, serviceIgnores: ["path"] }, { json, at: "/;amount=99" })).toBe(true);
    expect(allows({ query: { a: "1" }, serviceIgnores: ["body"] }, { at: "/?a=1", json: { a: 2 } })).toBe(true);
    expect(stops({ body: { "/amount": { gt: 10 } }, serviceIgnores: ["query"] }, { json, at: "/?amount=99" })).toBe(
      false,
    );
    expect(problemsOf(documentOf([{ serviceIgnores: ["headers"] as never }]))).toEqual([
      { pointer: "/rules/0/serviceIgnores/0", message: "must be one of query, body, path" },
    ]);
  });

  it("is said in the denial", () => {
    const { considered, reason } = ask(policyOf({ body: { "/amount": 5 } }), { json: { amount: 5 }, at: "/?amount=6" });
    expect(considered[0]).toMatchObject({ clause: "body /amount", got: "the name amount in another place, too" });
    expect(reason).not.toContain("6");
  });
});

describe("a body that flows", () => {
  const flowing = (...chunks: string[]): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });

  it("is read where the name could be in it, and passes unread where it could not", async () => {
    const api = await startUpstream();
    const { session } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [{ id: "put", effect: "allow", service: "api", methods: ["PUT"], path: "/x", query: { account: "a" } }],
        { maxRequestBytes: 100 },
      ),
    });
    const put = (type: string, ...chunks: string[]): Promise<string | number> =>
      session
        .fetch(`${api.origin}/x?account=a`, {
          method: "PUT",
          headers: { "content-type": type },
          body: flowing(...chunks),
          duplex: "half",
        } as RequestInit)
        .then(
          ({ status }) => status,
          (error) => error.code,
        );
    const part = (name: string): string => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n1\r\n--b--`;
    expect(await put("multipart/form-data; boundary=b", part("acc"), "")).toBe(200);
    expect(await put("multipart/form-data; boundary=b", part("account").slice(0, 45), part("account").slice(45))).toBe(
      "NO_RULE",
    );
    expect(await put("application/octet-stream", ..."account=b ".repeat(50).split(" "))).toBe(200);
    await api.close();
  });
});

describe("a parameter of the path", () => {
  const index = { path: "/{index}/_search" };
  it.each([
    ...[
      "*",
      "logs-*",
      "a,b",
      "a%2Cb",
      "_all",
      "%5Fall",
      "_cluster",
      "$batch",
      "%24count",
      "-",
      "%3Clogs%3E",
      "<logs-{now}>",
    ],
    ...[
      "a:cancel",
      "a%3Acancel",
      "a:b:batchGet",
      "root:",
      "a:cancel;x=1",
      "a:cancel.",
      "a:cancel%20",
      "a:c%E2%80%8Bancel",
    ],
    ...["delta()", "find(id='1')", "microsoft.graph.delta()", "*;x=1", "%EF%BC%8A", "a%EF%BC%8Cb", "_", "$"],
  ])("does not stand for %s, unless its type is any", (value) => {
    expect(allows(index, { at: `/${value}/_search` })).toBe(false);
    expect(allows({ path: "/{index:any}/_search" }, { at: `/${value}/_search` })).toBe(true);
    expect(stops(index, { at: `/${value}/_search` })).toBe(true);
  });

  it.each([
    ...[
      "42",
      "logs-2026.01.01",
      "ada@acme.example",
      "a_b",
      "a-b_",
      "a.b",
      "A1:B2",
      "12:30",
      "sha256:0a1b",
      "report(1).pdf",
    ],
    ...[
      "--x",
      "a$b",
      "caf%C3%A9",
      "a%20b",
      "87d349ed-44d7-43e1-9a83-5f2406dee5bd",
      "urn:li:person:0a9",
      "~user",
      "@me",
      "+1",
    ],
  ])("stands for %s", (value) => {
    expect(allows(index, { at: `/${value}/_search` })).toBe(true);
  });

  it("of type any is still one segment with something in it", () => {
    const any = { path: "/a/{x:any}/b" };
    for (const at of ["/a//b", "/a/;x/b", "/a/x/y/b", "/a/%7Bx%7D/b", "/a/x%2Fy/b"])
      expect(allows(any, { at })).toBe(false);
  });

  it("has no other type", () => {
    expect(problemsOf(documentOf([{ path: "/{id:number}" }]))).toEqual([
      { pointer: "/rules/0/path", message: expect.stringContaining("the only type is {id:any}") },
    ]);
  });

  it("is judged by its matcher under either type", () => {
    const model = { path: "/m/{model:any}", params: { model: { suffix: ":generate" } } };
    expect(allows(model, { at: "/m/x:generate" })).toBe(true);
    expect(allows(model, { at: "/m/x:delete" })).toBe(false);
  });

  it("of an operation in OpenAPI stands for a list where it is described as one", () => {
    const operation = (schema: object) =>
      compilePolicy({
        ...documentOf([{ path: undefined, methods: undefined, operations: ["get"] } as never], {
          openapi: {
            openapi: "3.1.0",
            paths: {
              "/x/{ids}": {
                get: { operationId: "get", parameters: [{ name: "ids", in: "path", required: true, schema }] },
              },
              "/y/{id}:cancel": { get: { operationId: "cancel" } },
            },
          },
        }),
      });
    const list = operation({ type: "array", items: { type: "string" } });
    const one = operation({ type: "string" });
    expect(ask(list, { at: "/x/1,2" }).effect).toBe("allow");
    expect(ask(one, { at: "/x/1,2" }).code).toBe("NO_RULE");
    expect(ask(one, { at: "/x/1" }).effect).toBe("allow");
  });
});

describe("a deny on a literal last segment", () => {
  it.each([
    "/users",
    "/users.json",
    "/Users.XML",
    "/users.json.gz",
    "/users.html/",
    "/users%2Ejson",
    "/users.json;x=1",
  ])("fires on %s", (at) => {
    expect(stops({ path: "/users" }, { at })).toBe(true);
    expect(stops({ path: "/users/**" }, { at })).toBe(true);
  });

  it.each(
    ["/users-list", "/users.", "/xusers.json", "/users.2026", "/a/users.json", "/users.a-b"].filter(
      (at) => at !== "/users.",
    ),
  )("does not fire on %s", (at) => {
    expect(stops({ path: "/users" }, { at })).toBe(false);
  });

  it("does not take an extension inside of the path, or for a parameter", () => {
    expect(stops({ path: "/users/{id}" }, { at: "/users.json/1" })).toBe(false);
    expect(stops({ path: "/users/{id}", params: { id: "root" } }, { at: "/users/root.json" })).toBe(false);
    expect(stops({ path: "/users/root" }, { at: "/users/root.json" })).toBe(true);
  });

  it("leaves an allow as exact as it was", () => {
    expect(allows({ path: "/users" }, { at: "/users.json" })).toBe(false);
  });

  it("costs little, however many dots there are", () => {
    const at = `/${"a.b".repeat(1300)}`;
    for (let round = 0; round < 200; round++) expect(stops({ path: "/users" }, { at })).toBe(false);
  });

  it("an endpoint with an extension is another spelling of it", () => {
    const policy = compilePolicy({ ...documentOf([{}], { protocol: "mcp" }) });
    expect(ask(policy, { at: "/mcp.json", json: {} }).code).toBe("URL_AMBIGUOUS");
  });
});

describe("policy check", () => {
  const warningsOf = (service: object, ...rules: object[]): readonly string[] =>
    checkPolicy(documentOf(rules, service)).warnings.map(({ pointer, message }) => `${pointer} ${message}`);
  const s3 = { origins: ["https://s3.eu-central-1.amazonaws.com"] };
  const keyed = { credential: "key" };

  it.each<[string, object, object]>([
    ["a put at an object store", s3, { methods: ["PUT"], path: "/acme/{key}" }],
    ["a post at one", s3, { methods: ["POST"], path: "/acme" }],
    ["a put that says one of them", s3, { methods: ["PUT"], path: "/acme/**", query: { acl: { exists: false } } }],
    ["what looks like one", keyed, { methods: ["GET", "PUT"], path: "/files/{key}" }],
    ["a delete of what looks like one", keyed, { methods: ["DELETE"], path: "/files/**" }],
    ["any method", keyed, { methods: ["*"], path: "/**" }],
  ])("warns of %s that says nothing of the query", (_what, service, rule) => {
    expect(warningsOf(service, rule)).toEqual([
      expect.stringMatching(/^\/rules\/0 .*writes, and lets any query pass: \?/),
    ]);
    expect(warningsOf(service, { ...rule, exact: ["query"] })).toEqual([]);
  });

  it.each<[string, object, object]>([
    ["a read", s3, { methods: ["GET"], path: "/acme/{key}" }],
    ["a service that is no store", {}, { methods: ["PUT"], path: "/notes/{id}" }],
    ["a post at a service that is none", keyed, { methods: ["POST"], path: "/notes" }],
  ])("says nothing of %s", (_what, service, rule) => {
    expect(warningsOf(service, rule)).toEqual([]);
  });

  it("says nothing where the queries are denied", () => {
    const names = ["acl", "policy", "tagging", "versioning", "lifecycle", "retention", "publicAccessBlock"];
    const denials = names.map((name) => ({ effect: "deny", query: { [name]: { exists: true } } }));
    expect(warningsOf(s3, { methods: ["PUT"], path: "/acme/{key}" }, ...denials)).toEqual([]);
    expect(warningsOf(s3, { methods: ["PUT"], path: "/acme/{key}" }, ...denials.slice(1))[0]).toContain("?acl");
  });

  it.each([
    "sudo",
    "Sudo",
    "as",
    "as_user_id",
    "run_as",
    "on_behalf_of",
    "impersonate_user",
    "user.name",
    "userProject",
  ])("warns of a parameter %s whose value the agent may choose", (name) => {
    const rule = (matcher: unknown) => ({ methods: ["GET"], query: { [name]: matcher } });
    expect(warningsOf({}, rule({ optional: true }))).toEqual([
      expect.stringContaining("lets the agent say as whom the credential acts"),
    ]);
    expect(warningsOf({}, rule("bot"))).toEqual([]);
    expect(warningsOf({}, rule({ exists: false }))).toEqual([]);
    expect(warningsOf({}, { ...rule({ exists: true }), effect: "deny" })).not.toContainEqual(
      expect.stringContaining("acts"),
    );
  });

  it("warns of a product that takes such a parameter with every request", () => {
    const gitlab = { origins: ["https://gitlab.internal.example"], credential: "key" };
    const read = { methods: ["GET"], path: "/api/v4/**" };
    expect(warningsOf(gitlab, read)).toEqual([expect.stringContaining("lets ?sudo pass")]);
    expect(warningsOf(gitlab, { ...read, exact: ["query"] })).toEqual([]);
    expect(warningsOf(gitlab, read, { effect: "deny", query: { sudo: { exists: true } } })).toEqual([]);
    expect(warningsOf({ ...gitlab, credential: undefined }, read)).toEqual([]);
  });

  it("warns of a parameter that is compared with what it does not stand for", () => {
    const rule = (path: string) => ({ methods: ["GET"], path, params: { i: ["logs", "_all"] } });
    expect(warningsOf({}, rule("/{i}"))).toEqual([expect.stringContaining('{i} does not stand for "_all"')]);
    expect(warningsOf({}, rule("/{i:any}"))).toEqual([]);
  });
});
