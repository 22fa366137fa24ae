import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../../src/request/body/json.js";
import { type EnvelopeKind, readEnvelope } from "../../../src/request/protocols/envelope.js";
import { type CanonicalUrl, canonicalUrl } from "../../../src/request/url.js";

const PATHS: Readonly<Record<EnvelopeKind, string>> = {
  "odata-json": "/v1.0/$batch",
  "salesforce-composite": "/services/data/v60.0/composite",
  "salesforce-batch": "/services/data/v60.0/composite/batch",
};
const LISTS: Readonly<Record<EnvelopeKind, string>> = {
  "odata-json": "requests",
  "salesforce-composite": "compositeRequest",
  "salesforce-batch": "batchRequests",
};

const readAll = (kind: EnvelopeKind, body: JsonValue): ReturnType<typeof readEnvelope> =>
  readEnvelope(kind, body, canonicalUrl(`https://api.example.com${PATHS[kind]}`) as CanonicalUrl);

/** Method and path of the one part, or why it is refused. */
function partOf(kind: EnvelopeKind, part: JsonValue): string {
  const parts = readAll(kind, { [LISTS[kind]]: [part] });
  if ("ok" in parts) return `refused: ${parts.reason}`;
  const { method, url } = parts[0]?.head ?? { method: "", url: "" };
  return `${method} ${url.replace("https://api.example.com", "")}`;
}

describe("the URL of a part", () => {
  it.each([
    ["odata-json", "/users/1", "/v1.0/users/1"],
    ["odata-json", "users?$top=1", "/v1.0/users?$top=1"],
    ["odata-json", "@evil.example/x", "/v1.0/@evil.example/x"],
    ["salesforce-composite", "/services/data/v60.0/sobjects/Task", "/services/data/v60.0/sobjects/Task"],
    ["salesforce-batch", "v60.0/sobjects/Task", "/services/data/v60.0/sobjects/Task"],
    ["salesforce-batch", "/services/data/v60.0/limits", "/services/data/v60.0/limits"],
  ] as const)("of %s: %s is %s", (kind, url, path) => {
    expect(partOf(kind, { method: "GET", url })).toBe(`GET ${path}`);
  });

  it.each([
    ["odata-json", "https://elsewhere.example/users"],
    ["odata-json", "//elsewhere.example/users"],
    ["odata-json", "/users#x"],
    ["odata-json", "$1/manager"],
    ["odata-json", "/$1/manager"],
    ["odata-json", "/$batch"],
    ["salesforce-composite", "sobjects/Task"],
    ["salesforce-composite", "/admin"],
    ["salesforce-composite", "/services/data/v60.0/sobjects/Account/@{ref.id}"],
    ["salesforce-composite", "/services/data/v60.0/sobjects/Account/%40%7Bref.id}"],
    ["salesforce-batch", "/admin"],
  ] as const)("of %s is refused: %s", (kind, url) => {
    expect(partOf(kind, { method: "GET", url })).toMatch(/^refused/);
  });
});

describe("a part", () => {
  it("says that it is JSON where nobody did", () => {
    const parts = readAll("odata-json", { requests: [{ method: "POST", url: "/x", body: { a: 1 } }] });
    expect(parts).toMatchObject([{ head: { headers: [["content-type", "application/json"]] }, hasReferences: false }]);
    expect("ok" in parts ? "" : new TextDecoder().decode(parts[0]?.body ?? undefined)).toBe('{"a":1}');
  });

  it("is marked where its body is made from another answer", () => {
    const part = { method: "POST", url: "/services/data/v60.0/sobjects/Task", body: { WhatId: "@{a.id}" } };
    expect(readAll("salesforce-composite", { compositeRequest: [part] })).toMatchObject([{ hasReferences: true }]);
  });

  it.each([
    ["no method", { url: "/x" }],
    ["no url", { method: "GET" }],
    ["another spelling of a member", { method: "GET", Method: "DELETE", url: "/x" }],
    ["headers that are not text", { method: "GET", url: "/x", headers: { a: ["b"] } }],
    ["a body in base64", { method: "POST", url: "/x", body: "eyJhIjoxfQ" }],
    ["a body of another type", { method: "POST", url: "/x", body: {}, headers: { "Content-Type": "text/plain" } }],
    ["no object", "GET /x"],
  ] as readonly [string, JsonValue][])("is refused with %s", (_what, part) => {
    expect(partOf("odata-json", part)).toMatch(/^refused/);
  });
});

describe("an envelope is refused", () => {
  const part = { method: "GET", url: "/x" };
  it.each([
    ["that is a list", [part]],
    ["without parts", { requests: [] }],
    ["with more than twenty", { requests: Array.from({ length: 21 }, () => part) }],
    ["with an unknown member", { requests: [part], Requests2: [] }],
  ] as readonly [string, JsonValue][])("%s", (_what, body) => {
    expect(readAll("odata-json", body)).toMatchObject({ ok: false, code: "PROTOCOL_REFUSED" });
  });
});
