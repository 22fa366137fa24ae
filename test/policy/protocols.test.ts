import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compilePolicy,
  type Decision,
  type Policy,
  type RuleDocument,
  type ServiceDocument,
} from "../../src/policy/index.js";
import { canonicaliseRequest } from "../../src/request/canonical.js";
import { documentHash } from "../../src/request/protocols/graphql.js";
import { examplePolicy } from "../support/policies.js";
import { ask, ORIGIN, problemsOf } from "./support.js";

type AnyRule = Partial<RuleDocument>;

/** One service and its rules, each of which allows unless it says otherwise. */
const serviceOf = (service: Partial<ServiceDocument>, ...rules: readonly AnyRule[]): Policy =>
  compilePolicy(documentOf(service, rules));
const documentOf = (service: Partial<ServiceDocument>, rules: readonly AnyRule[]) => ({
  version: 1 as const,
  services: { api: { origins: [ORIGIN], ...service } },
  rules: rules.map((rule, index) => ({ id: `r${index}`, effect: "allow" as const, service: "api", ...rule })),
});
const outcome = ({ effect, code }: Decision): string => (effect === "deny" ? code : effect);

const VIEWER: AnyRule = { graphql: { operation: "query", fields: ["viewer"] } };
const gql = (...rules: readonly AnyRule[]): Policy => serviceOf({ protocol: "graphql" }, ...rules);
const query = (text: string): { at: string; json: object } => ({ at: "/graphql", json: { query: text } });

describe("a GraphQL service", () => {
  it("permits a request whose root fields are each permitted, by one rule or by several", () => {
    const policy = gql(VIEWER, { graphql: { fields: ["issues"] }, mask: ["/x"] });
    const decision = ask(policy, query("{ viewer issues }"));
    expect(outcome(decision)).toBe("allow");
    expect(decision.obligations.mask).toEqual(["/x"]);
    expect(outcome(ask(policy, query("{ viewer other }")))).toBe("NO_RULE");
    expect(outcome(ask(policy, query("mutation { viewer }")))).toBe("NO_RULE");
  });

  it("asks a person when one of the root fields needs it", () => {
    const policy = gql(VIEWER, { effect: "approve", graphql: { operation: "mutation" } });
    expect(outcome(ask(policy, query("mutation { pay }")))).toBe("approve");
  });

  it("says which rule came close", () => {
    expect(ask(gql(VIEWER), query("{ other }")).considered).toEqual([
      { rule: "r0", clause: "graphql", expected: "query of viewer", got: "another field of a query" },
    ]);
  });

  it("denies by field without case, and by any other clause of the rule", () => {
    const policy = gql({ graphql: {} }, { effect: "deny", graphql: { fields: ["DeleteIssue"] } });
    expect(outcome(ask(policy, query("mutation { deleteissue }")))).toBe("RULE_DENY");
    const byAgent = gql({ graphql: {} }, { effect: "deny", graphql: {}, who: { "/agent/id": "test-agent" } });
    expect(outcome(ask(byAgent, query("{ viewer }")))).toBe("RULE_DENY");
  });

  it("is denied by a rule about methods and path, too, but not permitted by one", () => {
    const everything: AnyRule = { methods: ["*"], path: "/**" };
    expect(outcome(ask(gql(everything), query("{ viewer }")))).toBe("NO_RULE");
    expect(outcome(ask(gql(VIEWER, { ...everything, effect: "deny" }), query("{ viewer }")))).toBe("RULE_DENY");
    expect(outcome(ask(gql(everything), { method: "GET", at: "/health" }))).toBe("allow");
    expect(outcome(ask(gql(VIEWER), { ...query("{ viewer }"), at: "/other" }))).toBe("NO_RULE");
  });

  it.each(["/graphql/", "//graphql", "/GraphQL", "/graphql;v=1", "/graph%71l/", "/graphql%20"])(
    "has no second door at %s, whatever the rules say of paths",
    (at) => {
      const policy = gql(VIEWER, { methods: ["*"], path: "/**" });
      expect(outcome(ask(policy, { ...query("mutation { deleteIssue }"), at }))).toBe("URL_AMBIGUOUS");
    },
  );

  it.each([
    ["HEAD", { method: "HEAD", at: "/graphql?query={viewer}" }],
    ["a mutation by GET", { method: "GET", at: "/graphql?query=mutation{viewer}" }],
    [
      "a mutation that is chosen by GET",
      { method: "GET", at: "/graphql?query=query A{viewer}mutation B{viewer}&operationName=B" },
    ],
    ["two documents by GET", { method: "GET", at: "/graphql?query={viewer}&query={viewer}" }],
    ["two spellings by GET", { method: "GET", at: "/graphql?query={viewer}&Query={other}" }],
    ["an unknown parameter by GET", { method: "GET", at: "/graphql?query={viewer}&id=1" }],
    [
      "variables by GET that can be read in two ways",
      { method: "GET", at: '/graphql?query={viewer}&variables={"a":1,"a":2}' },
    ],
    [
      "a persisted operation by GET that is not listed",
      { method: "GET", at: '/graphql?extensions={"persistedQuery":{"version":1,"sha256Hash":"00"}}' },
    ],
    ["a GET with a body", { method: "GET", at: "/graphql?query={viewer}", json: { query: "{ other }" } }],
    ["GET without a query", { method: "GET", at: "/graphql" }],
    ["PUT", { ...query("{ viewer }"), method: "PUT" }],
    ["query parameters beside the body", { ...query("{ viewer }"), at: "/graphql?operationName=B" }],
    ["no body", { method: "POST", at: "/graphql" }],
    ["another media type", { at: "/graphql", body: "{ viewer }", headers: { "content-type": "application/graphql" } }],
    ["a form", { at: "/graphql", form: "query={viewer}" }],
    ["a multipart form", { at: "/graphql", body: "x", headers: { "content-type": "multipart/form-data; boundary=b" } }],
    ["another JSON type", { at: "/graphql", body: '{"query":"{viewer}"}', headers: { "content-type": "text/json" } }],
    [
      "duplicate keys",
      {
        at: "/graphql",
        body: '{"query":"{viewer}","query":"{other}"}',
        headers: { "content-type": "application/json" },
      },
    ],
  ])("refuses %s", (_what, request) => {
    const policy = gql({ graphql: {} }, { methods: ["*"], path: "/**" });
    expect(ask(policy, request).effect).toBe("deny");
  });

  it("judges a query by GET as one by POST", () => {
    const policy = gql(VIEWER);
    const get = (at: string): string => outcome(ask(policy, { method: "GET", at }));
    expect(get("/graphql?query={me:viewer{login}}")).toBe("allow");
    expect(get('/graphql?query=query A($n:Int){viewer(n:$n)}&operationName=A&variables={"n":1}')).toBe("allow");
    expect(get("/graphql?query={viewer users{login}}")).toBe("NO_RULE");
    expect(get("/graphql?%71uery={viewer:users{login}}")).toBe("NO_RULE");
    expect(get("/graphql?query={__schema{types{name}}}")).toBe("PROTOCOL_REFUSED");
    expect(get("/graphql/?query={viewer}")).toBe("URL_AMBIGUOUS");
  });

  it("reads the body of every request to the endpoint, also where no rule asks for it", () => {
    const policy = gql(VIEWER);
    const needs = (url: string): boolean => {
      const request = canonicaliseRequest({
        method: "POST",
        url: `${ORIGIN}${url}`,
        headers: [["content-type", "text/plain"]],
      });
      return request.ok && policy.needsBody(request);
    };
    expect([needs("/graphql"), needs("/graphql/"), needs("/other")]).toEqual([true, true, false]);
  });

  it("denies a body that was not read", () => {
    const request = canonicaliseRequest({
      method: "POST",
      url: `${ORIGIN}/graphql`,
      headers: [["content-type", "application/json"]],
    });
    const context = { principal: { id: "a", type: "human" }, agent: { id: "a" }, session: {}, now: 0 };
    if (request.ok)
      expect(gql(VIEWER).judge(request, "unread", context as never).decision.code).toBe("BODY_UNREADABLE");
    expect(request.ok).toBe(true);
  });
});

/** Ways to write the same selection so that it looks like another. */
const wrapped = (field: string): fc.Arbitrary<string> =>
  fc
    .array(
      fc.constantFrom<(inner: string, at: number) => readonly [selection: string, definition?: string]>(
        (inner) => [`... on Mutation { ${inner} }`],
        (inner) => [`... { ${inner} }`],
        (inner) => [`... @include(if: false) { ${inner} }`],
        (inner) => [`ok ${inner}`],
        (inner) => [`${inner} ok`],
        (inner, at) => [`...F${at}`, `fragment F${at} on Mutation { ${inner} }`],
        (inner, at) => [`...F${at} ...F${at}`, `fragment F${at} on Query { ok ${inner} }`],
      ),
      { maxLength: 8 },
    )
    .chain((wraps) =>
      fc
        .tuple(
          fc.constantFrom(field, `ok: ${field}`, `${field}(id: 1)`, `ok: ${field}(id: 1) @skip(if: true) { id }`),
          fc.boolean(),
        )
        .map(([leaf, last]) => {
          const definitions: string[] = [];
          const selection = wraps.reduce((inner, wrap, at) => {
            const [outer, definition] = wrap(inner, at);
            if (definition !== undefined) definitions.push(definition);
            return outer;
          }, leaf);
          const operation = `mutation M { ${selection} }`;
          return (last ? [...definitions, operation] : [operation, ...definitions]).join(" ");
        }),
    );

describe("a root field in any wrapping", () => {
  const policy = gql({ graphql: { operation: "mutation" } }, { effect: "deny", graphql: { fields: ["deleteIssue"] } });
  const listed = gql({ graphql: { operation: "mutation", fields: ["ok"] } });

  it("stays denied where it is denied, and unlisted where it is not listed", () => {
    fc.assert(
      fc.property(wrapped("deleteIssue"), (text) => {
        expect(outcome(ask(policy, query(text)))).toBe("RULE_DENY");
        expect(outcome(ask(listed, query(text)))).toBe("NO_RULE");
      }),
    );
  });

  it("stays allowed where it is allowed", () => {
    fc.assert(
      fc.property(wrapped("ok"), (text) => {
        expect(outcome(ask(listed, query(text)))).toBe("allow");
      }),
    );
  });
});

describe("an MCP service", () => {
  const mcp = (...rules: readonly AnyRule[]): Policy =>
    serviceOf({ protocol: "mcp", mcp: { maxOperations: 3 } }, ...rules);
  const send = (method: string, params?: unknown): object => ({ jsonrpc: "2.0", id: 1, method, params });
  const tool = (name: string, given?: object): object => send("tools/call", { name, arguments: given });
  const at = (policy: Policy, ...messages: readonly object[]): string =>
    outcome(ask(policy, { at: "/mcp", json: messages.length === 1 ? messages[0] : messages }));

  it("permits by tool and arguments, and every message of a batch", () => {
    const policy = mcp({ mcp: { tools: ["create"], arguments: { "/repo": "app" } } }, { mcp: { methods: ["ping"] } });
    expect(at(policy, tool("create", { repo: "app" }))).toBe("allow");
    expect(at(policy, tool("create", { Repo: "app" }))).toBe("NO_RULE");
    expect(at(policy, tool("create"))).toBe("NO_RULE");
    expect(at(policy, send("ping"), tool("create", { repo: "app" }))).toBe("allow");
    expect(at(policy, send("ping"), tool("create", { repo: "infra" }))).toBe("NO_RULE");
    expect(at(policy, send("ping"), send("ping"), send("ping"), send("ping"))).toBe("PROTOCOL_REFUSED");
  });

  it("takes a batch of twenty where the policy says nothing of its size", () => {
    const policy = serviceOf({ protocol: "mcp" }, { mcp: { methods: ["ping"] } });
    const pings = (count: number): object[] => Array.from({ length: count }, () => send("ping"));
    expect(at(policy, ...pings(20))).toBe("allow");
    expect(at(policy, ...pings(19), send("tools/list"))).toBe("NO_RULE");
    expect(at(policy, ...pings(21))).toBe("PROTOCOL_REFUSED");
  });

  it("says of a body that cannot be read just that: its `method` is no override of the request's", () => {
    const policy = mcp({ mcp: { methods: ["ping"] } });
    const headers = { "content-type": "application/json" };
    const codeOf = (body: string): string => ask(policy, { at: "/mcp", body, headers }).code;
    expect(codeOf('{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}')).toBe("BODY_UNREADABLE");
    expect(codeOf('{"jsonrpc":"2.0","id":1,"method":"ping","_method":"DELETE","_method":"PUT"}')).toBe(
      "METHOD_OVERRIDE",
    );
  });

  it("denies a tool without case, and doubtful arguments", () => {
    const policy = mcp({ mcp: {} }, { effect: "deny", mcp: { tools: ["delete"], arguments: { "/force": true } } });
    expect(at(policy, tool("Delete", { force: true }))).toBe("RULE_DENY");
    expect(at(policy, tool("delete", { Force: true }))).toBe("RULE_DENY");
    expect(at(policy, tool("delete", { force: "yes" }))).toBe("RULE_DENY");
    expect(at(policy, tool("delete", { force: false }))).toBe("allow");
    expect(at(policy, send("ping"), tool("delete", { force: true }))).toBe("RULE_DENY");
  });

  it("judges parameters of other methods, and answers only where a rule speaks of them", () => {
    const policy = mcp({ mcp: { methods: ["resources/read"], params: { "/uri": { prefix: "docs://" } } } });
    const answer = { jsonrpc: "2.0", id: 1, result: {} };
    expect(at(policy, send("resources/read", { uri: "docs://a" }))).toBe("allow");
    expect(at(policy, send("resources/read", { uri: "file:///etc" }))).toBe("NO_RULE");
    expect(at(policy, answer)).toBe("NO_RULE");
    expect(at(mcp({ mcp: { responses: true } }), answer)).toBe("allow");
    expect(at(mcp({ mcp: { responses: true } }), send("ping"))).toBe("NO_RULE");
  });

  it("leaves its stream to ordinary rules, as long as nothing is in the body", () => {
    const policy = mcp({ methods: ["GET", "DELETE"], path: "/mcp" });
    expect(outcome(ask(policy, { method: "GET", at: "/mcp" }))).toBe("allow");
    expect(outcome(ask(policy, { method: "DELETE", at: "/mcp", json: tool("delete") }))).toBe("PROTOCOL_REFUSED");
    expect(at(policy, tool("delete"))).toBe("NO_RULE");
  });

  it("is not the same as JSON-RPC", () => {
    const policy = serviceOf(
      { protocol: "jsonrpc", jsonrpc: { endpoint: "/rpc" } },
      { jsonrpc: { methods: ["add"], params: { "/0": 1 } } },
    );
    expect(outcome(ask(policy, { at: "/rpc", json: send("add", [1, 2]) }))).toBe("allow");
    expect(outcome(ask(policy, { at: "/rpc", json: send("add", [2]) }))).toBe("NO_RULE");
    expect(outcome(ask(policy, { method: "GET", at: "/rpc" }))).toBe("PROTOCOL_REFUSED");
  });
});

describe("an envelope", () => {
  const salesforce = compilePolicy(examplePolicy("P_SF"));
  const composite = (...compositeRequest: readonly object[]): string =>
    outcome(
      salesforce.decide(
        {
          method: "POST",
          url: "https://sf.example.com/services/data/v60.0/composite",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ compositeRequest }),
        },
        { principal: null, agent: { id: "a" }, session: { id: "s" }, now: 0 } as never,
      ),
    );
  const TASK = { method: "POST", url: "/services/data/v60.0/sobjects/Task", referenceId: "t", body: { Subject: "x" } };
  const ACCOUNT = { method: "GET", url: "/services/data/v60.0/sobjects/Account/001", referenceId: "a" };

  it("is permitted when each request in it is", () => {
    expect(composite(TASK, ACCOUNT)).toBe("allow");
    expect(composite({ ...TASK, body: { WhatId: "@{a.id}" } }, ACCOUNT)).toBe("allow");
  });

  it("is denied by one request in it", () => {
    expect(composite(TASK, { ...ACCOUNT, method: "PATCH" })).toBe("RULE_DENY");
    expect(composite(TASK, { ...ACCOUNT, method: "patch" })).toBe("RULE_DENY");
    expect(composite(TASK, { ...ACCOUNT, url: "/services/data/v60.0/sobjects/Contact/1" })).toBe("NO_RULE");
    expect(composite({ ...TASK, url: "/services/data/v60.0/composite", body: { compositeRequest: [TASK] } })).toBe(
      "PROTOCOL_REFUSED",
    );
  });

  const policy = (...rules: readonly AnyRule[]): Policy =>
    serviceOf({ envelopes: { "/v1/$batch": "odata-json" } }, ...rules);
  const inner = (on: Policy, ...requests: readonly object[]): Decision =>
    ask(on, { at: "/v1/$batch", json: { requests } });
  const ITEM = { method: "POST", url: "/items" };

  it("refuses what a request of its own could not say, since nothing in it can be left out", () => {
    const open = policy({ methods: ["*"], path: "/**" });
    expect(outcome(inner(open, { ...ITEM, headers: { authorization: "Bearer x" } }))).toBe("HEADER_REFUSED");
    expect(outcome(inner(open, { ...ITEM, headers: { "X-HTTP-Method": "DELETE" } }))).toBe("METHOD_OVERRIDE");
    expect(outcome(inner(open, { ...ITEM, body: { _method: "DELETE" } }))).toBe("METHOD_OVERRIDE");
    expect(outcome(inner(open, { ...ITEM, url: "/../admin" }))).toBe("URL_AMBIGUOUS");
    expect(outcome(ask(open, { method: "GET", at: "/v1/$batch" }))).toBe("PROTOCOL_REFUSED");
  });

  it("judges bodies, and a value from another answer against the caller", () => {
    const small = policy({ methods: ["POST"], path: "/v1/items", body: { "/cents": { not: 5 } } });
    expect(outcome(inner(small, { ...ITEM, body: { cents: 4 } }))).toBe("allow");
    expect(outcome(inner(small, { ...ITEM, body: { cents: 5 } }))).toBe("NO_RULE");
    expect(outcome(inner(small, { ...ITEM, body: { cents: "@{a.id}" } }))).toBe("NO_RULE");
    expect(inner(small, { ...ITEM, body: { cents: 4 } }, { ...ITEM, body: { cents: 5 } }).reason).toMatch(/^part 2: /);
  });

  it("asks a person when one request in it needs it, and masks for all of them", () => {
    const decision = inner(
      policy(
        { methods: ["GET"], path: "/v1/a", mask: ["/m"] },
        { effect: "approve", methods: ["GET"], path: "/v1/b", mask: ["/n"] },
      ),
      { method: "GET", url: "a" },
      { method: "GET", url: "b" },
    );
    expect([outcome(decision), decision.rule, decision.obligations.mask]).toEqual(["approve", "r1", ["/m", "/n"]]);
  });
});

describe("a document with protocols is refused", () => {
  const problems = (service: Partial<ServiceDocument>, rule: AnyRule = {}): readonly string[] =>
    problemsOf(documentOf(service, [{ methods: ["GET"], path: "/x" }, rule])).map(({ pointer }) => pointer);
  const graphql: Partial<ServiceDocument> = { protocol: "graphql" };
  const mcp: Partial<ServiceDocument> = { protocol: "mcp" };
  const any: AnyRule = { effect: "deny" };

  it.each([
    ["settings of another protocol", { ...graphql, mcp: {} }, any, "/services/api/mcp"],
    ["settings without the protocol", { graphql: {} }, any, "/services/api/graphql"],
    [
      "an endpoint with a parameter",
      { ...graphql, graphql: { endpoint: "/{x}" } },
      any,
      "/services/api/graphql/endpoint",
    ],
    ["an endpoint that is many", { ...mcp, mcp: { endpoint: "/x/**" } }, any, "/services/api/mcp/endpoint"],
    [
      "a hash of another text",
      { ...graphql, graphql: { persisted: { [documentHash("a")]: "{ b }" } } },
      any,
      `/services/api/graphql/persisted/${documentHash("a")}`,
    ],
    ["an unknown envelope", { envelopes: { "/b": "zip" as "odata-json" } }, any, "/services/api/envelopes/~1b"],
    ["a rule of another protocol", mcp, { graphql: {} }, "/rules/1/graphql"],
    ["a rule of two protocols", mcp, { mcp: {}, jsonrpc: {} }, "/rules/1/jsonrpc"],
    ["a rule with operations and a path", mcp, { mcp: {}, path: "/mcp" }, "/rules/1/path"],
    ["a rule with operations and methods", mcp, { mcp: {}, methods: ["POST"] }, "/rules/1/methods"],
    ["tools of another method", mcp, { mcp: { methods: ["ping"], tools: ["a"] } }, "/rules/1/mcp/methods"],
    ["arguments of an answer", mcp, { mcp: { responses: true, arguments: { "/a": 1 } } }, "/rules/1/mcp/responses"],
    ["a pointer that is none", mcp, { mcp: { arguments: { a: 1 } } }, "/rules/1/mcp/arguments/a"],
    ["a bad matcher", mcp, { mcp: { arguments: { "/a": { matches: "(" } } } }, "/rules/1/mcp/arguments/~1a/matches"],
  ] as const)("for %s", (_what, service, rule, pointer) => {
    expect(problems(service, rule as AnyRule)).toEqual([pointer]);
  });
});
