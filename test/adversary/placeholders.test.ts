import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderCard } from "../../src/approval/card.js";
import { staticSecret } from "../../src/broker/index.js";
import { type GuardOptions, isGuardError, type PolicyDocument } from "../../src/index.js";
import { createVault, restoreRequest } from "../../src/masking/index.js";
import { flowing, form, json, placeholderWorld, post } from "./placeholder-world.js";

/** Rule: placeholders never carry anything past the judge or the approver. */

type Rule = PolicyDocument["rules"][number];
type Service = Partial<PolicyDocument["services"][string]>;

const EVIL = "mallory@evil.example";
const GOOD = "grace@acme.example";
const ANY: Rule = { id: "any", effect: "allow", service: "api", methods: ["GET", "POST", "PUT"], path: "/**" };
const encoded = encodeURIComponent;
const graphql: Service = { protocol: "graphql" };
const mcp: Service = { protocol: "mcp" };
const call = (value: unknown, tool = "mail"): object => ({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: tool, arguments: { to: value } },
});

interface Judged {
  readonly what: string;
  readonly rules: readonly Rule[];
  readonly service?: Service;
  readonly options?: Partial<GuardOptions>;
  readonly code: string;
  /** Path and options of a call with a placeholder for a value. */
  readonly request: (token: string) => readonly [string, RequestInit?];
  /** The value that the policy forbids, and one that it lets through. */
  readonly forbidden?: string;
  readonly permitted?: string;
  /** A call that is permitted, where that is not the same one with another value. */
  readonly control?: readonly [string, RequestInit?];
  /** What arrives of the permitted one. */
  readonly arrives: string;
}

const deny = (clauses: Partial<Rule>): readonly Rule[] => [
  ANY,
  { id: "evil", effect: "deny", service: "api", methods: ["GET", "POST"], path: "/**", ...clauses } as Rule,
];
const suffix = { suffix: "@evil.example" };

const JUDGED: readonly Judged[] = [
  {
    what: "a denied JSON member",
    rules: deny({ body: { "/to": suffix } }),
    code: "RULE_DENY",
    request: (token) => ["/mail", json({ to: token })],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "a denied element of a list",
    rules: deny({ body: { "/to/*": suffix } }),
    code: "RULE_DENY",
    request: (token) => ["/mail", json({ to: ["a@b.example", token] })],
    arrives: `{"to":["a@b.example","${GOOD}"]}`,
  },
  {
    what: "a denied JSON member that is written with escapes",
    rules: deny({ body: { "/to": suffix } }),
    code: "RULE_DENY",
    request: (token) => ["/mail", json(`{"to":"${token.replace("[[", "\\u005b\\u005B").replace("t", "\\u0074")}"}`)],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "a denied form field",
    rules: deny({ body: { "/to": suffix } }),
    code: "RULE_DENY",
    request: (token) => ["/mail", form(`n=1&to=${encoded(token)}`)],
    arrives: `n=1&to=${encoded(GOOD)}`,
  },
  {
    what: "a denied query parameter",
    rules: deny({ query: { to: suffix } }),
    code: "RULE_DENY",
    request: (token) => [`/mail?n=1&to=${encoded(token)}`],
    arrives: `/mail?n=1&to=${encoded(GOOD)}`,
  },
  {
    what: "a query parameter that is not on the list of an allow",
    rules: [{ ...ANY, query: { format: ["csv", "json"] } }],
    code: "NO_RULE",
    request: (token) => [`/export?format=${token}`],
    forbidden: "everything",
    permitted: "csv",
    arrives: "/export?format=csv",
  },
  {
    what: "a JSON member that an allow wants otherwise",
    rules: [{ ...ANY, body: { "/to": { suffix: "@acme.example" } }, exact: ["body"] }],
    code: "NO_RULE",
    request: (token) => ["/mail", json({ to: token })],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "a body that flows",
    rules: deny({ body: { "/to": suffix } }),
    code: "RULE_DENY",
    request: (token) => ["/mail", flowing("application/json", JSON.stringify({ to: token }), 9, 30)],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "a variable of a GraphQL operation",
    service: graphql,
    rules: [
      { id: "send", effect: "allow", service: "api", graphql: { operation: "mutation", fields: ["send"] } },
      { id: "evil", effect: "deny", service: "api", methods: ["POST"], path: "/**", body: { "/variables/to": suffix } },
    ],
    code: "RULE_DENY",
    request: (token) => [
      "/graphql",
      json({ query: "mutation($to:String!){send(to:$to){id}}", variables: { to: token } }),
    ],
    arrives: `{"query":"mutation($to:String!){send(to:$to){id}}","variables":{"to":"${GOOD}"}}`,
  },
  {
    what: "an argument of an MCP tool",
    service: mcp,
    rules: [
      {
        id: "send",
        effect: "allow",
        service: "api",
        mcp: { tools: ["mail"], arguments: { "/to": { suffix: "@acme.example" } } },
      },
    ],
    code: "NO_RULE",
    request: (token) => ["/mcp", json(call(token))],
    arrives: JSON.stringify(call(GOOD)),
  },
  {
    what: "a field that the service's OpenAPI description bounds",
    rules: [{ id: "send", effect: "allow", service: "api", operations: ["send"] }],
    service: {
      openapi: {
        openapi: "3.1.0",
        info: { title: "mail", version: "1" },
        paths: {
          "/mail": {
            post: {
              operationId: "send",
              requestBody: {
                content: {
                  "application/json": {
                    schema: { type: "object", properties: { to: { type: "string", pattern: "@acme\\.example$" } } },
                  },
                },
              },
              responses: {},
            },
          },
        },
      } as never,
    },
    code: "SCHEMA_REFUSED",
    request: (token) => ["/mail", json({ to: token })],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "what a predicate in code forbids",
    rules: [{ ...ANY, path: "/mail", predicates: { inHouse: "deny" } }],
    options: {
      predicates: { inHouse: ({ body }) => Buffer.from(body ?? []).includes("@acme.example") },
    },
    code: "PREDICATE_REFUSED",
    request: (token) => ["/mail", json({ to: token })],
    arrives: `{"to":"${GOOD}"}`,
  },
  {
    what: "a sum that is text",
    rules: [{ ...ANY, limits: [{ sum: "/amount", max: 10, per: "1h", by: "session" }] }],
    code: "NO_RULE",
    request: (token) => ["/pay", json({ amount: token })],
    forbidden: "5",
    control: ["/pay", json({ amount: 5 })],
    arrives: `{"amount":5}`,
  },
  {
    what: "a request for one of the policy's credentials",
    rules: [ANY],
    service: { credential: "crm" },
    options: { credentials: { crm: staticSecret({ scheme: "bearer", secret: "a-key-of-the-crm-4711" }) } },
    code: "PLACEHOLDER_REFUSED",
    request: (token) => ["/mail", json({ to: token })],
    forbidden: "{{crm}}",
    permitted: "{{other}}",
    arrives: `{"to":"{{other}}"}`,
  },
  {
    what: "a control character in the query",
    rules: [ANY],
    code: "QUERY_REFUSED",
    request: (token) => [`/mail?to=${encoded(token)}`],
    forbidden: "a\r\nb",
    permitted: "a b",
    arrives: "/mail?to=a%20b",
  },
  {
    what: "a URL that is too long with the value",
    rules: [ANY],
    code: "URL_TOO_LONG",
    request: (token) => [`/mail?to=${encoded(token)}`],
    forbidden: "é".repeat(1400),
    permitted: "é",
    arrives: "/mail?to=%C3%A9",
  },
];

describe("a request is judged with the values that are sent", () => {
  it.each(JUDGED)("$what", async (attack) => {
    const { rules, service, options, code, request, forbidden = EVIL, permitted = GOOD, control, arrives } = attack;
    const { tokenOf, outcome, arrived, told } = await placeholderWorld(rules, service, options);
    expect(await outcome(...request(await tokenOf(forbidden)))).toBe(code);
    expect(arrived()).toEqual([]);
    if (forbidden.length > 1) expect(told()).not.toContain(forbidden);
    expect(await outcome(...(control ?? request(await tokenOf(permitted))))).toBe("sent");
    const [{ url, body } = { url: "", body: Buffer.alloc(0) }] = arrived();
    expect(body.length === 0 ? url : body.toString()).toBe(arrives);
  });
});

/** Places that no placeholder may stand in; each request would be permitted with the value itself. */
interface Misplaced {
  readonly what: string;
  readonly service?: Service;
  readonly rules?: readonly Rule[];
  readonly value?: string;
  readonly request: (token: string) => readonly [string, RequestInit?];
}

const GRAPHQL_RULES: readonly Rule[] = [{ id: "read", effect: "allow", service: "api", graphql: {} }];
const MCP_RULES: readonly Rule[] = [{ id: "mcp", effect: "allow", service: "api", mcp: {} }];
const RPC_RULES: readonly Rule[] = [{ id: "rpc", effect: "allow", service: "api", jsonrpc: {} }];
const BATCH: Service = { envelopes: { "/v1.0/$batch": "odata-json", "/v66.0/composite": "salesforce-composite" } };
const batch = (part: object): readonly [string, RequestInit] => ["/v1.0/$batch", json({ requests: [part] })];
const rpc = (members: object): object => ({ jsonrpc: "2.0", id: 1, method: "mail", params: {}, ...members });
const multipart = (...lines: readonly string[]): RequestInit =>
  post("multipart/form-data; boundary=x", ["--x", ...lines, "--x--", ""].join("\r\n"));
const escaped = (text: string): string => text.replace(/[[\]:]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);

const MISPLACED: readonly Misplaced[] = [
  { what: "a path", request: (token) => [`/mail/${encoded(token)}`] },
  { what: "a path, with bare brackets", request: (token) => [`/mail/${token}/x`] },
  { what: "the name of a query parameter", request: (token) => [`/mail?${encoded(token)}=1`] },
  { what: "a query without a name", request: (token) => [`/mail?${encoded(token)}`] },
  { what: "a part of a query value", request: (token) => [`/mail?to=${encoded(`a, ${token}`)}`] },
  { what: "a query value that is escaped twice", request: (token) => [`/mail?to=${encoded(encoded(token))}`] },
  { what: "a query value that is JSON", request: (token) => [`/mail?q=${encoded(JSON.stringify({ to: token }))}`] },
  { what: "a header field", request: (token) => ["/mail", { headers: { "x-to": token } }] },
  { what: "a part of a header field", request: (token) => ["/mail", { headers: { prefer: `a; b=${token}` } }] },
  { what: "an escaped header field", request: (token) => ["/mail", { headers: { "x-to": encoded(token) } }] },
  { what: "a media type", request: (token) => ["/mail", post(`application/json; x="${token}"`, "{}")] },
  { what: "a member's name", request: (token) => ["/mail", json({ [token]: 1 })] },
  { what: "a part of a member's name", request: (token) => ["/mail", json({ [`x-${token}`]: 1 })] },
  { what: "a member's name in escapes", request: (token) => ["/mail", json(`{"${escaped(token)}":1}`)] },
  { what: "a part of a string", request: (token) => ["/mail", json({ to: `to ${token}` })] },
  { what: "a string with another placeholder", request: (token) => ["/mail", json({ to: token + token })] },
  { what: "a string with a blank after it", request: (token) => ["/mail", json({ to: `${token} ` })] },
  { what: "JSON in a JSON string", request: (token) => ["/mail", json({ body: JSON.stringify({ to: token }) })] },
  { what: "JSON in JSON, in escapes", request: (token) => ["/mail", json({ body: `{"to":"${escaped(token)}"}` })] },
  { what: "a string that is percent-encoded", request: (token) => ["/mail", json({ to: encoded(token) })] },
  { what: "HTML in a string", request: (token) => ["/mail", json({ to: token.replaceAll("[", "&#91;") })] },
  { what: "a member that stands twice", request: (token) => ["/mail", json(`{"to":"${token}","to":"x"}`)] },
  { what: "members that differ in case", request: (token) => ["/mail", json(`{"to":"${token}","To":"x"}`)] },
  { what: "JSON that breaks off", request: (token) => ["/mail", json(`{"to":"${token}"`)] },
  { what: "JSON with a byte order mark", request: (token) => ["/mail", json(`\ufeff{"to":"${token}"}`)] },
  { what: "no string at all", request: (token) => ["/mail", json(`{"to":${token}}`)] },
  {
    what: "JSON in another charset",
    request: (token) => ["/mail", post("application/json; charset=latin1", `"${token}"`)],
  },
  { what: "JSON lines", request: (token) => ["/mail", post("application/x-ndjson", `{"to":"${token}"}`)] },
  { what: "the name of a form field", request: (token) => ["/mail", form(`${encoded(token)}=1`)] },
  { what: "a part of a form field", request: (token) => ["/mail", form(`to=a+${encoded(token)}`)] },
  { what: "a form with `;`", request: (token) => ["/mail", form(`a=1;to=${encoded(token)}`)] },
  { what: "a form with a broken escape", request: (token) => ["/mail", form(`a=%&to=${encoded(token)}`)] },
  { what: "text", request: (token) => ["/mail", post("text/plain", token)] },
  { what: "XML", request: (token) => ["/mail", post("application/xml", `<to>${token}</to>`)] },
  { what: "a body of no type", request: (token) => ["/mail", { method: "POST", body: Buffer.from(token) }] },
  { what: "bytes", request: (token) => ["/mail", post("application/octet-stream", `\0${token}`)] },
  {
    what: "a multipart form",
    request: (token) => ["/mail", multipart('content-disposition: form-data; name="to"', "", token)],
  },
  {
    what: "the name of a file",
    request: (token) => [
      "/mail",
      multipart(`content-disposition: form-data; name="f"; filename="${token}"`, "", "content"),
    ],
  },
  { what: "a field that overrides the method", request: (token) => ["/mail", json({ a: { _method: token } })] },
  {
    what: "a GraphQL document",
    service: graphql,
    rules: GRAPHQL_RULES,
    value: "{me}",
    request: (token) => ["/graphql", json({ query: token })],
  },
  {
    what: "a string in a GraphQL document",
    service: graphql,
    rules: GRAPHQL_RULES,
    request: (token) => ["/graphql", json({ query: `{me(to:"${token}")}` })],
  },
  {
    what: "the name of a GraphQL operation",
    service: graphql,
    rules: GRAPHQL_RULES,
    value: "A",
    request: (token) => ["/graphql", json({ query: "query A{me}", operationName: token })],
  },
  {
    what: "all variables of a GraphQL operation",
    service: graphql,
    rules: GRAPHQL_RULES,
    value: "{}",
    request: (token) => ["/graphql", json({ query: "{me}", variables: token })],
  },
  {
    what: "extensions of a GraphQL operation",
    service: graphql,
    rules: GRAPHQL_RULES,
    request: (token) => ["/graphql", json({ query: "{me}", extensions: { x: token } })],
  },
  {
    what: "a GraphQL document in the query",
    service: graphql,
    rules: GRAPHQL_RULES,
    value: "{me}",
    request: (token) => [`/graphql?query=${encoded(token)}`],
  },
  {
    what: "GraphQL variables in the query",
    service: graphql,
    rules: GRAPHQL_RULES,
    value: "{}",
    request: (token) => [`/graphql?query={me}&variables=${encoded(token)}`],
  },
  {
    what: "the method of a JSON-RPC call",
    service: { protocol: "jsonrpc" },
    rules: RPC_RULES,
    value: "mail",
    request: (token) => ["/jsonrpc", json(rpc({ method: token }))],
  },
  {
    what: "the id of a JSON-RPC call",
    service: { protocol: "jsonrpc" },
    rules: RPC_RULES,
    request: (token) => ["/jsonrpc", json([rpc({ id: token })])],
  },
  {
    what: "the name of an MCP tool",
    service: mcp,
    rules: MCP_RULES,
    value: "mail",
    request: (token) => ["/mcp", json(call("x", token))],
  },
  {
    what: "the URI of an MCP resource",
    service: mcp,
    rules: MCP_RULES,
    value: "file:///etc/passwd",
    request: (token) => ["/mcp", json(rpc({ method: "resources/read", params: { uri: token } }))],
  },
  {
    what: "a header field that repeats an argument",
    service: mcp,
    rules: MCP_RULES,
    request: (token) => ["/mcp", json(call(token), { "mcp-param-to": token })],
  },
  {
    what: "the path of an OData part",
    service: BATCH,
    value: "/users/42",
    request: (token) => batch({ id: "1", method: "GET", url: token }),
  },
  {
    what: "the method of an OData part",
    service: BATCH,
    value: "GET",
    request: (token) => batch({ id: "1", method: token, url: "/users/42" }),
  },
  {
    what: "the body of an OData part",
    service: BATCH,
    request: (token) => batch({ id: "1", method: "POST", url: "/users", body: { to: token } }),
  },
  {
    what: "a part of a Salesforce composite",
    service: BATCH,
    request: (token) => [
      "/v66.0/composite",
      json({ compositeRequest: [{ method: "POST", url: "/v66.0/x", referenceId: "a", body: { to: token } }] }),
    ],
  },
];

describe("a placeholder stands for a whole value, and nowhere else", () => {
  it.each(MISPLACED)("not in $what", async ({ service, rules = [ANY], value = GOOD, request }) => {
    const { tokenOf, outcome, arrived, told } = await placeholderWorld(rules, service);
    const token = await tokenOf(value);
    expect(await outcome(...request(token))).toBe("PLACEHOLDER_UNRESOLVED");
    expect(arrived()).toEqual([]);
    if (value === GOOD) expect(told()).not.toContain(GOOD);
  });

  it("and text that only looks like one goes where it likes", async () => {
    const { outcome, arrived } = await placeholderWorld([ANY]);
    for (const text of ["[[token]]", "[tok:EMAIL]", "tok:x", "[[to", "%5B%5B", "\\u005b"]) {
      expect(
        await outcome(`/mail?to=${encoded(text)}`, json({ [text]: text, n: 1.0 }, { "x-to": encoded(text) })),
      ).toBe("sent");
      expect(arrived().at(-1)?.body.toString()).toBe(JSON.stringify({ [text]: text, n: 1 }));
    }
  });

  it("and of a thousand are not put back one more", async () => {
    const { tokenOf, outcome, arrived } = await placeholderWorld([ANY]);
    const list = Array<string>(1001).fill(await tokenOf(GOOD));
    expect(await outcome("/mail", json(list))).toBe("PLACEHOLDER_UNRESOLVED");
    expect(await outcome("/mail", json(list.slice(1)))).toBe("sent");
    expect(arrived()).toHaveLength(1);
  });

  it("and in base64 it is the text that it is: the value does not go along", async () => {
    const { tokenOf, outcome, arrived } = await placeholderWorld([ANY]);
    const hidden = Buffer.from(await tokenOf(GOOD)).toString("base64");
    expect(await outcome("/mail", json({ to: hidden }))).toBe("sent");
    expect(arrived()[0]?.body.toString()).toBe(JSON.stringify({ to: hidden }));
  });
});

describe("an approver", () => {
  const ASK: Rule = { id: "ask", effect: "approve", service: "api", methods: ["GET", "POST"], path: "/**" };

  it("is shown kind, origin and place of every placeholder, and no value", async () => {
    const { tokenOf, outcome, arrived, asked, api, told } = await placeholderWorld([ASK]);
    const token = await tokenOf(GOOD);
    expect(await outcome(`/mail?cc=${encoded(token)}`, json({ list: [{ "to/x": token }] }))).toBe("sent");
    expect(arrived()[0]?.body.toString()).toBe(JSON.stringify({ list: [{ "to/x": GOOD }] }));
    expect(arrived()[0]?.url).toBe(`/mail?cc=${encoded(GOOD)}`);
    const [question] = asked;
    if (question === undefined) throw new Error("nobody was asked");
    const of = { placeholder: token, kind: "FIELD", origins: [api.origin] };
    expect(question.http.placeholders).toEqual([
      { ...of, place: "query cc" },
      { ...of, place: "body /list/0/to~1x" },
    ]);
    const card = renderCard(question, 400);
    expect(card).toContain(`values    "query cc": ${token} is a value of kind FIELD, from ${api.origin}`);
    expect(card).toContain(`"body /list/0/to~1x": ${token} is a value of kind FIELD, from ${api.origin}`);
    for (const text of [GOOD, encoded(GOOD), sha256(GOOD), sha256(JSON.stringify({ list: [{ "to/x": GOOD }] }))])
      expect(told() + card).not.toContain(text);
  });

  it("is asked about a value, which is another one under another yes", async () => {
    const { tokenOf, outcome, asked } = await placeholderWorld([
      { ...ASK, approval: { grant: { uses: 3, ttl: "5m" } } },
    ]);
    const [good, evil] = [await tokenOf(GOOD), await tokenOf(EVIL)];
    const calls = [json({ to: good, n: 1 }), json(`{"n": 1, "to": "${escaped(good)}"}`), json({ to: evil, n: 1 })];
    for (const init of calls) expect(await outcome("/mail", init)).toBe("sent");
    const [first, second] = asked.map(({ fingerprint }) => fingerprint);
    expect(asked).toHaveLength(2);
    expect(first).not.toBe(second);
  });

  it("who pins where requests may differ has pinned the value, and not its placeholder", async () => {
    const pins = { "/to": { in: [GOOD, "ada@acme.example"] } };
    const approvals: GuardOptions["approvals"] = {
      request: async (_, control) => control.approve({ id: "boss", idp: "directory" }, { pins, uses: 9 }),
    };
    const vary: Rule = { ...ASK, approval: { grant: { uses: 9, ttl: "5m", vary: ["/to"] } } };
    const { tokenOf, outcome, arrived } = await placeholderWorld([vary], {}, { approvals });
    const [good, other, evil] = [await tokenOf(GOOD), await tokenOf("ada@acme.example"), await tokenOf(EVIL)];
    expect(await outcome("/mail", json({ to: good }))).toBe("sent");
    expect(await outcome("/mail", json({ to: other }))).toBe("sent");
    expect(await outcome("/mail", json({ to: evil }))).toBe("APPROVAL_MISMATCH");
    expect(arrived().map(({ body }) => body.toString())).toEqual([`{"to":"${GOOD}"}`, '{"to":"ada@acme.example"}']);
  });

  it("has no way from the fingerprint back to the value, however few values there are", async () => {
    const { tokenOf, outcome, asked } = await placeholderWorld([ASK]);
    const other = await placeholderWorld([ASK]);
    for (const world of [{ tokenOf, outcome }, other])
      await world.outcome("/pin", json({ pin: await world.tokenOf("7") }));
    // Both guards were asked the same of the same value: without a key the digests would be the same.
    expect(asked[0]?.fingerprint).toMatch(/^gf\d:/);
    expect(asked[0]?.fingerprint).not.toBe(other.asked[0]?.fingerprint);
    expect(asked[0]?.http.body.sha256).not.toBe(other.asked[0]?.http.body.sha256);
  });
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("a body that flows unread", () => {
  const token = `[[tok:EMAIL:${"abcdefghijklmnop".repeat(2)}:abcdefgh]]`;

  it.each(["application/octet-stream", "text/plain", "image/png"])(
    "of type %s breaks off at a placeholder, wherever it is cut",
    async (type) => {
      const { outcome, arrived, api } = await placeholderWorld([ANY]);
      const text = `some bytes, then ${token}, then more`;
      const start = text.indexOf("[[tok:");
      for (let cut = start - 1; cut <= start + 7; cut++)
        expect(await outcome("/mail", flowing(type, text, cut, cut + 2))).toBe("PLACEHOLDER_UNRESOLVED");
      expect(arrived()).toEqual([]);
      expect(await outcome("/mail", flowing(type, `${text.slice(0, start + 4)} 0K`, start + 2))).toBe("sent");
      expect(api.received.at(-1)?.body.toString()).toBe("some bytes, then [[to 0K");
    },
  );

  it("and that anybody restores fails where a placeholder begins, and is read no faster than it is asked for", async () => {
    const vault = createVault({ key: randomBytes(32), now: () => 0 });
    const minted = vault.mint("EMAIL", Buffer.from(GOOD), "https://a.example") ?? "";
    let pulled = 0;
    const restored = (...pieces: readonly string[]): ReadableStream<Uint8Array> => {
      const left = [...pieces];
      const body = new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            pulled++;
            const piece = left.shift();
            if (piece === undefined) controller.close();
            else controller.enqueue(Buffer.from(piece));
          },
        },
        { highWaterMark: 0 },
      );
      const parts = { origin: "https://a.example", path: "/", headers: [], contentType: "application/json", body };
      return restoreRequest(vault, parts).body as ReadableStream<Uint8Array>;
    };
    const whole = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();
    for (let cut = 0; cut < 8; cut++)
      await expect(whole(restored(minted.slice(0, cut), minted.slice(cut)))).rejects.toMatchObject({
        code: "PLACEHOLDER_UNRESOLVED",
      });
    pulled = 0;
    const reader = restored("a", "[[to", "b").getReader();
    expect(pulled).toBe(0);
    const read: string[] = [];
    for (let part = await reader.read(); !part.done; part = await reader.read())
      read.push(Buffer.from(part.value).toString());
    expect(read).toEqual(["a", "[[to", "b"]);
  });

  it("that a person is asked about is looked into before", async () => {
    const { outcome, asked, told } = await placeholderWorld([
      { id: "ask", effect: "approve", service: "api", methods: ["POST"], path: "/**" },
    ]);
    expect(await outcome("/mail", flowing("text/plain", `x ${token}`))).toBe("PLACEHOLDER_UNRESOLVED");
    expect(asked).toEqual([]);
    expect(told()).toContain('"type":"request.denied"');
    expect(await outcome("/mail", flowing("text/plain", "x"))).toBe("sent");
  });
});

describe("a redirect", () => {
  const to =
    (location: string, status = 307): Parameters<typeof placeholderWorld>[3] =>
    (request, response) => {
      if (request.url.startsWith("/from")) response.writeHead(status, { location });
      response.end();
    };

  it("that keeps the body is judged with the values again", async () => {
    const world = await placeholderWorld(
      [ANY, { id: "evil", effect: "deny", service: "api", methods: ["POST"], path: "/to", body: { "/to": suffix } }],
      {},
      {},
      to("/to"),
    );
    const { tokenOf, outcome, arrived } = world;
    expect(await outcome("/from", json({ to: await tokenOf(EVIL) }))).toBe("REDIRECT_REFUSED");
    expect(arrived().map(({ url }) => url)).toEqual(["/from"]);
    expect(await outcome("/from", json({ to: await tokenOf(GOOD) }))).toBe("sent");
    expect(arrived().at(-1)).toMatchObject({ url: "/to", body: Buffer.from(`{"to":"${GOOD}"}`) });
  });

  it("takes no value to another origin", async () => {
    const elsewhere = await placeholderWorld([ANY]);
    const { origin } = elsewhere.api;
    const here = await placeholderWorld([ANY], {}, {}, to(`${origin}/to`));
    const services = { api: { origins: [here.api.origin, origin], addresses: ["127.0.0.0/8"] } };
    await here.guard.setPolicy({ version: 1, services, rules: [{ ...ANY, methods: ["POST", "PUT"] }] });
    expect(await here.outcome("/from", json({ to: await here.tokenOf(GOOD) }))).toBe("REDIRECT_REFUSED");
    expect(elsewhere.arrived()).toEqual([]);
    expect(await here.outcome("/from", json({ to: "plain" }))).toBe("sent");
    expect(elsewhere.arrived()).toHaveLength(1);
  });

  it("that the service wrote a placeholder into is refused", async () => {
    let location = "";
    const { tokenOf, outcome, arrived } = await placeholderWorld([ANY], {}, {}, (request, response) =>
      to(location, 303)?.(request, response),
    );
    for (const spelled of [(text: string) => text, encoded]) {
      location = `/to?to=${spelled(await tokenOf(GOOD))}`;
      expect(await outcome("/from")).toBe("REDIRECT_REFUSED");
    }
    expect(arrived().every(({ url }) => url === "/from")).toBe(true);
    location = "/to?to=x";
    expect(await outcome("/from")).toBe("sent");
  });

  it("that a person is asked about is another one for another place, also where both are told alike", async () => {
    const ask: Rule = { id: "ask", effect: "approve", service: "api", methods: ["GET"], path: "/to/**" };
    let name = "";
    const { outcome, asked, arrived } = await placeholderWorld(
      [
        { ...ANY, path: "/from" },
        { ...ask, approval: { grant: { uses: 9, ttl: "5m" } } },
      ],
      {},
      {},
      (request, response) => to(`/to/${name}@example.com`, 303)?.(request, response),
    );
    for (name of ["ada", "ada", "bea"]) expect(await outcome("/from")).toBe("sent");
    expect(asked.map(({ http }) => http.path)).toEqual(Array(2).fill("/to/[REDACTED:EMAIL]"));
    expect(new Set(asked.map(({ fingerprint }) => fingerprint)).size).toBe(2);
    expect(arrived().filter(({ url }) => url.startsWith("/to"))).toHaveLength(3);
  });

  it("that repeats the query goes where the agent said, and the caller sees the placeholder", async () => {
    const { tokenOf, session, api, arrived } = await placeholderWorld([ANY], {}, {}, (request, response) => {
      if (arrived().length === 1) response.writeHead(307, { location: "#again" });
      response.end(request.url);
    });
    const token = await tokenOf(GOOD);
    const response = await session.fetch(`${api.origin}/from?to=${encoded(token)}`);
    expect(arrived().map(({ url }) => url)).toEqual(Array(2).fill(`/from?to=${encoded(GOOD)}`));
    expect(decodeURIComponent(response.url)).toContain(token);
    expect(await response.text()).not.toContain("grace");
  });
});

describe("what is judged is what is sent", () => {
  it("byte for byte, for any JSON and any form with placeholders in it", async () => {
    const judged: string[] = [];
    const { tokenOf, outcome, arrived } = await placeholderWorld(
      [{ ...ANY, path: "/mail", predicates: { seen: "deny" } }],
      {},
      {
        predicates: {
          seen: ({ body, url }) => judged.push(`${new URL(url).search} ${Buffer.from(body ?? []).toString()}`) > 0,
        },
      },
    );
    const values = [GOOD, 'a"b\\c', "é€🙂", "a&b=c;d+%41 e", "\u2028\t\n"];
    const tokens = new Map<string, string>();
    for (const value of values) tokens.set(await tokenOf(value), value);
    const inQuery = [...tokens.keys()].slice(0, -1); // which takes no control characters
    const leaf = fc.oneof(
      fc.constantFrom(...tokens.keys()),
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-j]{1,3}$/), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    const spaced = (value: unknown, indent: number): string => JSON.stringify(value, null, indent);
    const restored = (text: string): unknown =>
      JSON.parse(text, (_, value: unknown) => (typeof value === "string" ? (tokens.get(value) ?? value) : value));
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(3), fc.constantFrom(...inQuery), async (value, indent, token) => {
        const asked = spaced({ value }, indent);
        judged.length = 0;
        expect(await outcome(`/mail?a=${encoded(token)}&b=%41`, json(asked))).toBe("sent");
        const { url, body } = arrived().at(-1) ?? { url: "", body: Buffer.alloc(0) };
        expect(body.toString()).toBe(spaced(restored(asked), indent));
        expect(new URLSearchParams(url.slice(5)).get("a")).toBe(tokens.get(token));
        expect(judged).toEqual([`${url.slice(5)} ${body.toString()}`]);
      }),
      { numRuns: 60 },
    );
    for (const [token, value] of tokens) {
      expect(await outcome("/mail", form(`n=%41+&to=${encoded(token)}&=&x`))).toBe("sent");
      const text = arrived().at(-1)?.body.toString() ?? "";
      expect(text).toBe(`n=%41+&to=${encoded(value)}&=&x`);
      expect(judged.at(-1)).toBe(` ${text}`);
    }
  });

  it("with a length that is the value's, whatever length the caller names", async () => {
    const { tokenOf, outcome, arrived } = await placeholderWorld([ANY]);
    const body = JSON.stringify({ to: await tokenOf(GOOD) });
    const lengths = { right: String(body.length), wrong: String(JSON.stringify({ to: GOOD }).length) };
    expect(await outcome("/mail", json(body, { "content-length": lengths.wrong }))).toBe("HEADER_REFUSED");
    expect(await outcome("/mail", json(body, { "content-length": lengths.right }))).toBe("sent");
    const init = flowing("application/json", body, 10);
    const headers = { ...init.headers, "content-length": lengths.right };
    expect(await outcome("/mail", { ...init, headers })).toBe("sent");
    expect(arrived().map(({ headers: sent }) => sent["content-length"])).toEqual([lengths.wrong, lengths.wrong]);
  });

  it("also through a fetch of the host's", async () => {
    const { tokenOf, outcome, arrived } = await placeholderWorld([ANY], {}, { transport: { fetch: globalThis.fetch } });
    expect(await outcome(`/mail?to=${encoded(await tokenOf(GOOD))}`)).toBe("sent");
    expect(arrived()[0]?.url).toBe(`/mail?to=${encoded(GOOD)}`);
  });
});

describe("whoever is told of a request is told of the placeholder", () => {
  it("the record, with all of headers and bodies in it, errors, and what the caller sees", async () => {
    const { tokenOf, session, api, told } = await placeholderWorld(
      [
        { ...ANY, record: "both" },
        { id: "never", effect: "deny", service: "api", methods: ["POST"], path: "/never", body: { "/to": suffix } },
      ],
      {},
      {},
      (request, response) => {
        if (request.url.startsWith("/broken")) response.destroy();
        else response.end("ok");
      },
    );
    const token = await tokenOf(EVIL);
    const url = (path: string): string => `${api.origin}${path}?to=${encoded(token)}`;
    const response = await session.fetch(url("/mail"), json({ to: token }));
    expect(response.url).toBe(url("/mail"));
    const errors: unknown[] = [];
    for (const path of ["/never", "/broken"])
      await session.fetch(url(path), json({ to: token })).catch((error: unknown) => errors.push(error));
    expect(errors).toHaveLength(2);
    const shown = errors.map((error) => everything(error)).join() + told();
    expect(shown).toContain(token);
    for (const text of [EVIL, encoded(EVIL), "mallory", "evil.example/"]) expect(shown).not.toContain(text);
  });
});

/** An error with all that anybody could print of it. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Reflect.ownKeys(error).map((key) => `${String(key)} ${String(Reflect.get(error, key))}`);
  const guard = isGuardError(error) ? error.toModelText() + JSON.stringify(error) : "";
  return `${error.stack} ${own.join()} ${guard} ${everything(error.cause)}`;
}
