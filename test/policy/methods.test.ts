import { describe, expect, it } from "vitest";
import type { MethodName } from "../../src/policy/index.js";
import { METHODS } from "../../src/request/method.js";
import { allows, ask, policyOf, stops } from "./support.js";

describe("methods", () => {
  it("GET brings HEAD with it and nothing else", () => {
    const allowed = METHODS.filter((method) => allows({ methods: ["GET"] }, { method }));
    expect(allowed).toEqual(["GET", "HEAD"]);
    const stopped = METHODS.filter((method) => stops({ methods: ["GET"] }, { method }));
    expect(stopped).toEqual(["GET", "HEAD"]);
  });

  it.each(METHODS.filter((method) => method !== "GET"))("%s is only itself", (method) => {
    expect(METHODS.filter((other) => allows({ methods: [method] }, { method: other }))).toEqual([method]);
  });

  it("* is every ordinary verb", () => {
    expect(METHODS.every((method) => allows({ methods: ["*"] }, { method }))).toBe(true);
    expect(METHODS.every((method) => stops({ methods: ["*"] }, { method }))).toBe(true);
  });

  it("of a deny may be left out for every verb", () => {
    const methods = undefined as unknown as MethodName[];
    expect(METHODS.every((method) => stops({ methods }, { method }))).toBe(true);
  });

  it.each(["get", "Get", "pOsT"])("are compared in upper case: %s", (method) => {
    expect(ask(policyOf({}), { method }).canonical?.method).toBe(method.toUpperCase());
  });

  it.each([
    "TRACE",
    "CONNECT",
    "TRACK",
    "PURGE",
    "MOVE",
    "PROPFIND",
    "QUERY",
    "",
    "GET ",
    " GET",
    "GET\n",
    "PO\u017FT",
    "GE\u0422",
    "*",
    "GET,POST",
  ])("that are not ordinary are refused under any policy: %j", (method) => {
    expect(ask(policyOf({}), { method }).code).toBe("METHOD_REFUSED");
  });
});

describe("a request that carries another method inside is refused under any policy:", () => {
  it.each([
    ["a header", { headers: { "x-http-method-override": "DELETE" } }],
    ["a query parameter", { method: "POST", at: "/?_method=DELETE" }],
    ["a form field", { form: "a=1&_method=DELETE" }],
    ["a JSON field", { json: { _method: "DELETE" } }],
    [
      "a multipart field",
      {
        headers: { "content-type": "multipart/form-data; boundary=b" },
        body: '--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--b--\r\n',
      },
    ],
    [
      "a form in a coding that is not looked into",
      {
        headers: { "content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip" },
        body: "\x1f\x8b",
      },
    ],
    [
      "a form declared twice",
      { headers: { "content-type": "application/x-www-form-urlencoded, text/plain" }, body: "_method=DELETE" },
    ],
  ])("%s", (_name, request) => {
    expect(ask(policyOf({}), request).code).toBe("METHOD_OVERRIDE");
  });
});

describe("needsBody", () => {
  const needs = (
    rule: object,
    headers: readonly (readonly [string, string])[],
    method = "POST",
    path = "/",
  ): boolean => {
    const policy = policyOf(rule);
    const { canonical } = policy.decide(
      { method, url: `https://api.example.com${path}`, headers, body: null },
      null as never,
    );
    return policy.needsBody(canonical as never);
  };
  const STREAM = [["content-type", "application/octet-stream"]] as const;

  it("is true wherever the body could be read or override the method", () => {
    expect(needs({}, [["content-type", "application/json"]])).toBe(true);
    expect(needs({}, [["content-type", "application/x-www-form-urlencoded"]])).toBe(true);
    expect(needs({}, [["content-type", "multipart/form-data; boundary=b"]])).toBe(true);
  });

  it("is false for an upload that no rule looks into, also as a multipart PUT", () => {
    expect(needs({}, STREAM)).toBe(false);
    expect(needs({}, [["content-type", "multipart/form-data; boundary=b"]], "PUT")).toBe(false);
  });

  it("is true for any upload that a rule for this path and method looks into", () => {
    const rule = { effect: "deny", path: "/Up;x/**", methods: ["POST"], body: { "/a": 1 } };
    expect(needs(rule, STREAM, "POST", "/up/x")).toBe(true);
    expect(needs(rule, STREAM, "PUT", "/up/x")).toBe(false);
    expect(needs(rule, STREAM, "POST", "/down")).toBe(false);
  });
});
