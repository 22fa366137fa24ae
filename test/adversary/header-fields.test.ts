import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import { staticSecret } from "../../src/broker/index.js";
import type { PolicyDocument } from "../../src/index.js";
import { checkPolicy, compilePolicy, learnPolicy } from "../../src/policy/index.js";
import { PASSING_HEADERS } from "../../src/policy/passing-headers.js";
import { ask, documentOf, problemsOf } from "../policy/support.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { pem, secureUpstream, toLoopback } from "../transport/secure.js";

/**
 * The rule: beside a credential of the guard's, header fields are allowed and not forbidden. A field that says who acts, for
 * whom, in which account or on what never reaches the service unless the policy lists it; and what is left out is told.
 */

/** Fields by which services let whoever holds a strong credential act as somebody else, or on something else. */
const SWITCHING = [
  ...["Sudo", "X-Sudo", "PRIVATE-TOKEN", "JOB-TOKEN", "X-Gitlab-Token", "X-Redmine-Switch-User", "X-Redmine-API-Key"],
  ...["es-security-runas-user", "es-secondary-authorization", "x-elastic-product-origin", "kbn-system-request"],
  ...["MSCRMCallerID", "CallerObjectId", "X-MS-CallerObjectId", "x-ms-client-principal-name", "X-AnchorMailbox"],
  ...["X-On-Behalf-Of", "On-Behalf-Of", "X-Acting-As", "X-Act-As", "X-Run-As", "X-As-User", "As-User", "X-Assume-User"],
  ...["Stripe-Account", "Stripe-Context", "OpenAI-Organization", "OpenAI-Project", "anthropic-organization-id"],
  ...["Dropbox-API-Select-Admin", "Dropbox-API-Select-User", "Dropbox-API-Path-Root", "Dropbox-API-Arg"],
  ...["X-Amz-Copy-Source", "X-Amz-Target", "X-Amz-Security-Token", "X-Amz-Acl", "X-Amz-Grant-Full-Control"],
  ...["X-Amz-Bypass-Governance-Retention", "X-Goog-Copy-Source", "X-Goog-User-Project", "X-Goog-AuthUser"],
  ...["X-Goog-Request-Params", "X-Goog-Api-Key", "x-ms-copy-source", "x-ms-rename-source", "x-ms-blob-public-access"],
  ...["Impersonate-User", "Impersonate-Group", "X-Remote-User", "X-Remote-Extra-Scopes", "X-Vault-Namespace"],
  ...["X-Vault-Token", "X-Consul-Token", "X-Nomad-Token", "X-Auth-Token", "X-Subject-Token", "X-Project-Id"],
  ...["X-Shopify-Access-Token", "X-Atlassian-Token", "X-ExperimentalApi", "Sforce-Call-Options", "Sforce-Auto-Assign"],
  ...["X-Slack-User", "X-Grafana-Org-Id", "X-WEBAUTH-USER", "X-Scope-OrgID", "X-DataDog-Org", "DD-API-KEY"],
  ...["X-Zendesk-End-User", "X-HubSpot-Account", "X-Tenant", "X-Tenant-Id", "X-Org", "X-Workspace-Id", "X-Account-Id"],
  ...["X-API-Key", "Api-Key", "X-CSRF-Token", "Destination", "Depth", "Lock-Token", "Slug", "From", "Baggage"],
  ...["Mcp-Name", "X-Custom", "X_Request_Id", "Accept_Language", "If", "Stripe_Version", "X-Forwarded-User"],
] as const;

/** What platforms and SDKs say in good faith, with any service. */
const HARMLESS = [
  ...["accept", "accept-language", "content-language", "content-md5", "if-match", "if-none-match", "prefer", "range"],
  ...["idempotency-key", "x-request-id", "traceparent", "tracestate", "user-agent", "x-stainless-retry-count"],
  ...["stripe-version", "anthropic-version", "anthropic-beta", "openai-beta", "x-github-api-version", "notion-version"],
  ...["x-goog-api-client", "amz-sdk-request", "consistencylevel", "mcp-session-id", "mcp-protocol-version"],
] as const;

const beside = (service: object = {}) => compilePolicy(documentOf([{}], { credential: "key", ...service }));
const headersOf = (policy: ReturnType<typeof beside>, headers: Readonly<Record<string, string>>): readonly string[] =>
  (ask(policy, { headers }).canonical?.headers ?? []).map(([name]) => name);

describe("beside a credential of the guard's", () => {
  it.each(SWITCHING)("%s does not reach the service", (name) => {
    expect(headersOf(beside(), { [name]: "admin" })).toEqual([]);
    expect(ask(beside(), { headers: { [name]: "admin" } }).canonical?.droppedHeaders).toEqual([name.toLowerCase()]);
  });

  it.each(HARMLESS)("%s does", (name) => {
    expect(headersOf(beside(), { [name]: "1" })).toEqual([name]);
  });

  it("a service without a credential keeps them, but for what no agent may set", () => {
    const policy = compilePolicy(documentOf([{}]));
    expect(headersOf(policy, { "X-Tenant": "acme", Sudo: "root", "X-Forwarded-User": "root" })).toEqual([
      "x-tenant",
      "sudo",
    ]);
  });

  it("a service lists what it means to have, by name or by beginning, in any case", () => {
    const policy = beside({ headers: ["X-Tenant", "x-acme-*"] });
    const sent = { "x-tenant": "1", "X-ACME-Trace": "1", "x-acme": "1", "x-tenant-id": "1", x_tenant: "1" };
    expect(headersOf(policy, sent)).toEqual(["x-tenant", "x-acme-trace"]);
    for (const list of ["pass", "semantic", "allow"])
      expect(headersOf(beside({ headers: { [list]: ["x-tenant"] } }), { "x-tenant": "1" })).toEqual(["x-tenant"]);
  });

  it("a list does not give back what no agent may set, and refuses what overrides the method", () => {
    const policy = beside({ headers: ["x-*", "authorization", "cookie"] });
    const taken = { "X-Forwarded-For": "1", "X-Remote-User": "root", Authorization: "Bearer x", Cookie: "a=b" };
    expect(headersOf(policy, taken)).toEqual([]);
    expect(ask(policy, { headers: { "X-HTTP-Method-Override": "DELETE" } }).code).toBe("METHOD_OVERRIDE");
  });

  it("a closed list refuses the rest as ever, and does not leave it out", () => {
    const policy = beside({ headers: { allow: ["accept"] } });
    expect(ask(policy, { headers: { sudo: "root" } }).code).toBe("HEADER_REFUSED");
  });

  it("what is spelled out in a part of an envelope is refused: nothing can be left out of it", () => {
    const policy = compilePolicy({
      ...documentOf([{}], { credential: "key", envelopes: { "/$batch": "odata-json" } }),
    });
    const batch = (headers: object) =>
      ask(policy, { at: "/$batch", json: { requests: [{ id: "1", method: "GET", url: "/me", headers }] } });
    expect(batch({ ConsistencyLevel: "eventual" }).code).toBe("ALLOWED");
    expect(batch({ "X-On-Behalf-Of": "root" })).toMatchObject({
      code: "HEADER_REFUSED",
      reason: "part 1: a header may not be sent beside the guard's credential",
    });
  });

  it("MCP's own fields pass at an MCP endpoint, where the message is held to them, and nowhere else", () => {
    const headers = { "mcp-method": "tools/call", "mcp-name": "x", "mcp-param-a": "1" };
    expect(headersOf(beside(), headers)).toEqual([]);
    const mcp = beside({ protocol: "mcp" });
    expect(headersOf(mcp, headers)).toEqual(Object.keys(headers));
  });

  it.each([
    ["every field", ["*"]],
    ["a * inside a name", ["x-*-id"]],
    ["no name", ["x tenant"]],
  ])("a list with %s does not load", (_what, headers) => {
    expect(problemsOf(documentOf([{}], { credential: "key", headers }))).toEqual([
      { pointer: "/services/api/headers/0", message: expect.stringContaining("header name") },
    ]);
  });
});

/** A guard with a credential, at a server that says what it got. */
async function world(rule: object = {}, service: object = {}, asked: ApprovalRequest[] = []) {
  const api = await startUpstream((_request, response) => {
    response.setHeader("x-sallyport-dropped", "a lie of the service's");
    response.end("{}");
  });
  onTestFinished(() => api.close());
  const rules: PolicyDocument["rules"] = [
    { id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**", ...rule },
  ];
  const made = await testGuard({
    policy: loopbackPolicy(api.origin, rules, { credential: "key", ...service }),
    credentials: { key: staticSecret({ scheme: "bearer", secret: "the-guards-own-credential" }) },
    approvals: {
      request: async (request, control) => {
        asked.push(request);
        return control.approve({ id: "bea", idp: "directory" });
      },
    },
  });
  return { ...made, api };
}

describe("nobody looks for it in the dark", () => {
  it("the record, the response and the log name what was left out, the log once", async () => {
    const { api, session, directory, guard, log } = await world();
    const headers = {
      Sudo: "root",
      "X-Tenant": "of-another",
      Authorization: "Bearer of-the-sdk",
      accept: "text/plain",
    };
    const answers = [];
    for (let call = 0; call < 2; call++) answers.push(await session.fetch(`${api.origin}/x`, { headers }));
    for (const { headers: seen } of answers)
      expect(seen.get("x-sallyport-dropped")).toBe("authorization, sudo, x-tenant");
    for (const { headers: seen } of api.received) {
      expect(seen).toMatchObject({ accept: "text/plain", authorization: "Bearer the-guards-own-credential" });
      expect(Object.keys(seen)).not.toEqual(expect.arrayContaining(["sudo"]));
      expect(seen["x-tenant"]).toBeUndefined();
    }
    expect(log.lines.filter((line) => line.includes("header"))).toEqual([
      expect.stringContaining('"header":"sudo"'),
      expect.stringContaining('"header":"x-tenant"'),
    ]);
    await guard.close();
    const intents = recordedEvents(directory).filter(({ type }) => type === "request.intent");
    expect(intents.map((event) => event["dropped_headers"])).toEqual(
      Array.from({ length: 2 }, () => ["authorization", "sudo", "x-tenant"]),
    );
    expect(JSON.stringify(intents)).not.toContain("of-another");
  });

  it("a response to a request that kept everything has no such field, whatever the service says", async () => {
    const { api, session } = await world();
    const { headers } = await session.fetch(`${api.origin}/x`, { headers: { accept: "text/plain" } });
    expect(headers.get("x-sallyport-dropped")).toBeNull();
  });

  it("names that an agent makes up without end fill neither the log nor the response", async () => {
    const { api, session, log } = await world();
    for (let call = 0; call < 5; call++) {
      const made = Array.from({ length: 250 }, (_, index): [string, string] => [`x-${call}-${index}`, "1"]);
      const { headers } = await session.fetch(`${api.origin}/x`, { headers: made });
      expect(headers.get("x-sallyport-dropped")?.split(", ")).toHaveLength(51);
    }
    expect(log.lines.filter((line) => line.includes("header"))).toHaveLength(1000);
    const long = `x-${"y".repeat(5000)}`;
    const { headers } = await session.fetch(`${api.origin}/x`, { headers: { [long]: "1" } });
    expect(headers.get("x-sallyport-dropped")).toHaveLength(64);
  });

  it("a denial for want of a field says that it was left out", async () => {
    const { api, session, guard, directory } = await world({ headers: { "x-tenant": "acme" } });
    const error = await session.fetch(`${api.origin}/x`, { headers: { "x-tenant": "acme" } }).catch((one) => one);
    expect(error.toModelText()).toContain("got nothing, since the field was left out");
    await guard.close();
    const [denial] = recordedEvents(directory).filter(({ type }) => type === "request.denied");
    expect(denial?.["dropped_headers"]).toEqual(["x-tenant"]);
  });

  it("a person is shown, and approves, the fields that are really sent", async () => {
    const asked: ApprovalRequest[] = [];
    const { api, session } = await world({ effect: "approve" }, { headers: ["x-tenant"] }, asked);
    const send = (headers: Record<string, string>) =>
      session.fetch(`${api.origin}/x`, { method: "POST", body: "{}", headers });
    for (const tenant of ["a", "b"]) await send({ "x-tenant": tenant, "x-run-as": "root", "stripe-account": "acct_1" });
    expect(asked.map(({ http }) => http.headers)).toEqual([{ "x-tenant": "a" }, { "x-tenant": "b" }]);
    expect(api.received.map(({ headers }) => headers["x-tenant"])).toEqual(["a", "b"]);
    expect(api.received.flatMap(({ headers }) => [headers["x-run-as"], headers["stripe-account"]])).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it("what differs only in what is left out is one request to approve", async () => {
    const asked: ApprovalRequest[] = [];
    const { api, session } = await world({ effect: "approve", approval: { grant: { uses: 2 } } }, {}, asked);
    for (const user of ["a", "b"])
      await session.fetch(`${api.origin}/x`, { method: "POST", body: "{}", headers: { "x-run-as": user } });
    expect(asked).toHaveLength(1);
    expect(api.received).toHaveLength(2);
  });

  it("a client certificate is a credential as well", async () => {
    const { port } = await secureUpstream();
    const origin = `https://crm.example:${port}`;
    const tls = { ca: pem("one-ca.pem"), cert: pem("crm-client.pem"), key: pem("crm-client.key") };
    const sent = async (settings: { readonly tls: { readonly ca: string } }): Promise<string | null> => {
      const { session } = await testGuard({
        policy: loopbackPolicy(origin, [{ id: "all", effect: "allow", service: "api", methods: ["GET"], path: "/**" }]),
        transport: { lookup: toLoopback, services: { api: settings } },
      });
      return (await session.fetch(`${origin}/x`, { headers: { sudo: "root" } })).headers.get("x-sallyport-dropped");
    };
    expect(await sent({ tls })).toBe("sudo");
    expect(await sent({ tls: { ca: tls.ca } })).toBeNull();
  });

  it("a redirect tells of what any hop was sent without", async () => {
    const api = await startUpstream((request, response) => {
      if (request.url === "/a") response.writeHead(307, { location: "/b" });
      response.end();
    });
    onTestFinished(() => api.close());
    const { session } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [{ id: "all", effect: "allow", service: "api", methods: ["GET"], path: "/**" }],
        { credential: "key" },
      ),
      credentials: { key: staticSecret({ scheme: "bearer", secret: "the-guards-own-credential" }) },
    });
    const { headers } = await session.fetch(`${api.origin}/a`, { headers: { sudo: "root" } });
    expect(headers.get("x-sallyport-dropped")).toBe("sudo");
    expect(api.received.map((one) => one.headers["sudo"])).toEqual([undefined, undefined]);
  });
});

describe("the tools", () => {
  const document = (service: object, ...rules: object[]): PolicyDocument =>
    documentOf([{}, ...rules], { credential: "key", ...service });
  const warningsOf = (policy: PolicyDocument, seen: Parameters<typeof checkPolicy>[1] = []) =>
    checkPolicy(policy, seen).warnings.filter(({ pointer }) => pointer.includes("headers"));

  it("check warns of a rule that looks at a field that is left out", () => {
    const looks = { id: "tenant", headers: { "X-Tenant": "acme" } };
    expect(warningsOf(document({}, looks))).toEqual([
      { pointer: "/rules/1/headers/X-Tenant", message: expect.stringContaining("left out before it is judged") },
    ]);
    expect(warningsOf(document({}, { ...looks, effect: "deny", service: undefined }))).toHaveLength(1);
    expect(warningsOf(document({ headers: ["x-tenant"] }, looks))).toEqual([]);
    expect(warningsOf(document({ credential: undefined }, looks))).toEqual([]);
    expect(warningsOf(document({}, { headers: { "if-match": { exists: true } } }))).toEqual([]);
  });

  it("check warns of a list that does nothing, and of one that lets more pass than it looks", () => {
    expect(warningsOf(document({ headers: ["authorization", "x-tenant"] }))).toEqual([
      { pointer: "/services/api/headers/0", message: expect.stringContaining("never sent") },
    ]);
    expect(warningsOf(document({ headers: { pass: ["x-tenant-*", "x-*"] } }))).toEqual([
      { pointer: "/services/api/headers/pass/1", message: expect.stringContaining("x-on-behalf-of") },
    ]);
  });

  const seen = [
    { method: "GET", url: "https://api.example.com/a", droppedHeaders: ["x-tenant", "authorization"] },
    { method: "GET", url: "https://api.example.com/b", droppedHeaders: ["X-Tenant", "sudo", "accept"] },
    { method: "GET", url: "https://elsewhere.example/b", droppedHeaders: ["x-other"] },
  ];

  it("check proposes to list what recorded requests were sent without, and not what says who acts", () => {
    expect(warningsOf(document({}), seen).map(({ message }) => message)).toEqual([
      '"sudo" was left out of 1 recorded request; it may say who acts or carry a credential: list it only if agents may choose that',
      '"x-tenant" was left out of 2 recorded requests; to send it, list it: "headers": ["x-tenant"]',
    ]);
    expect(warningsOf(document({ headers: ["x-tenant", "sudo"] }), seen)).toEqual([]);
  });

  it("learn lists it, and says what it did not list", () => {
    const learnt = learnPolicy(seen.slice(0, 2));
    expect(learnt.document.services["service-1"]?.headers).toEqual(["x-tenant"]);
    expect(learnt.unlistedHeaders).toEqual(["sudo"]);
    expect(() => compilePolicy(learnt.document)).not.toThrow();
  });

  it("no tool proposes a field that switches who acts", () => {
    const url = "https://api.example.com/a";
    const who = [
      ...["sudo", "x-sudo", "private-token", "x-redmine-switch-user", "es-security-runas-user", "mscrmcallerid"],
      ...["callerobjectid", "x-on-behalf-of", "x-act-as", "x-run-as", "as-user", "stripe-account", "x-api-key"],
      ...["openai-organization", "dropbox-api-select-admin", "dropbox-api-select-user", "x-auth-token", "dd-api-key"],
    ];
    const learnt = learnPolicy([{ method: "GET", url, droppedHeaders: who }]);
    expect(learnt.document.services["service-1"]?.headers).toBeUndefined();
    expect(learnt.unlistedHeaders).toEqual(who.toSorted());
  });
});

describe("the list", () => {
  it("is on the page, name by name", () => {
    const page = readFileSync(new URL("../../docs/policy.md", import.meta.url), "utf8");
    const [, section = ""] = page.split("### Header fields beside a credential\n");
    const named = new Set([...(section.split("\n## ")[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name));
    expect(PASSING_HEADERS.filter((name) => !named.has(name))).toEqual([]);
  });

  it("holds each name once, in lower case", () => {
    expect(PASSING_HEADERS).toEqual([...new Set(PASSING_HEADERS.map((name) => name.toLowerCase()))]);
  });
});
