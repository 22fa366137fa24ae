import { describe, expect, it } from "vitest";
import { canonicalHeaders, headerValues } from "../../src/request/headers.js";

const bring = (...entries: [string, string][]): ReturnType<typeof canonicalHeaders> =>
  canonicalHeaders(entries, "https://h.example");
const codeOf = (name: string, value = "1"): string => {
  const result = bring([name, value]);
  return result.ok
    ? result.fields.length > 0
      ? "kept"
      : result.dropped.length > 0
        ? "dropped"
        : "left out"
    : result.code;
};

describe("header fields", () => {
  it("are brought to lower-case names and trimmed values, in the caller's order, repeated ones apart", () => {
    expect(bring(["Accept", " text/html\t"], ["X-B", "2"], ["x-b", "3"])).toEqual({
      ok: true,
      fields: [
        ["accept", "text/html"],
        ["x-b", "2"],
        ["x-b", "3"],
      ],
      dropped: [],
      length: null,
    });
  });

  it("may have an empty value, blanks inside and obs-text", () => {
    expect(bring(["a", ""], ["b", "x  y\tz"], ["c", "caf\u00e9"])).toMatchObject({ ok: true });
  });

  it.each([
    ["a line end in a value", "x", "a\r\nX-Admin: 1"],
    ["a folded line", "x", "a\r\n b"],
    ["a bare CR", "x", "a\rb"],
    ["a bare LF", "x", "a\nb"],
    ["a line end around a value", "x", "a\r\n"],
    ["NUL", "x", "a\0b"],
    ["DEL", "x", "a\u007f"],
    ["another control character", "x", "a\u0001"],
    ["a character that is no byte", "x", "☃"],
    ["an empty name", "", "1"],
    ["a blank in a name", "x y", "1"],
    ["a blank after a name", "x ", "1"],
    ["a colon in a name", "x:y", "1"],
    ["a pseudo header", ":path", "/admin"],
    ["a line end in a name", "x\r\ny", "1"],
    ["a letter that lower-cases to ASCII", "\u212Aey", "1"],
  ])("are refused with %s", (_name, name, value) => {
    expect(codeOf(name, value)).toBe("HEADER_REFUSED");
  });

  it.each([
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "Transfer_Encoding",
    "content_length",
    "content_type",
    "content_encoding",
    "Content_Type",
  ])("are refused where they frame the message: %s", (name) => {
    expect(codeOf(name)).toBe("HEADER_REFUSED");
  });

  it.each([
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-forwarded-method",
    "x-forwarded-uri",
  ])("are refused where they override method or path: %s", (name) => {
    expect(codeOf(name)).toBe("METHOD_OVERRIDE");
  });

  it.each([
    "authorization",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "dpop",
    "forwarded",
    "via",
    "x-forwarded",
    "x-forwarded-for",
    "X_Forwarded_For",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-real-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-access-jwt-assertion",
    "x-azure-clientip",
    "x-auth-request-email",
    "x-remote-user",
    "remote-user",
    "remote-groups",
    "x-ms-client-principal-id",
    "x-amzn-oidc-data",
    "x-goog-iap-jwt-assertion",
    "x-authentik-username",
    "x-pomerium-jwt-assertion",
    "impersonate-user",
    "impersonate-extra-scopes",
    "x-ssl-client-verify",
  ])("are left out, and noted, where only the guard may say them: %s", (name) => {
    expect(codeOf(name)).toBe("dropped");
    expect(bring([name, "1"], [name, "2"])).toMatchObject({ fields: [], dropped: [name.toLowerCase()] });
  });

  it("leave content-length and host to the transport, where they say what the URL and the body say", () => {
    expect(codeOf("content-length", "4")).toBe("left out");
    expect(codeOf("host", "H.Example")).toBe("left out");
    expect(bring(["content-length", "4"])).toMatchObject({ dropped: [], length: 4 });
  });

  it.each([
    ["host", "admin.example"],
    ["host", "h.example:443"],
    ["host", "h.example, admin.example"],
    ["content-length", "-1"],
    ["content-length", "+4"],
    ["content-length", "4, 4"],
    ["content-length", "0x4"],
    ["content-length", ""],
  ])("are refused where %s says %j", (name, value) => {
    expect(codeOf(name, value)).toBe("HEADER_REFUSED");
  });

  it("are refused with two lengths", () => {
    expect(bring(["content-length", "4"], ["Content-Length", "4"])).toMatchObject({ code: "HEADER_REFUSED" });
  });

  it.each([
    "x-api-key",
    "accept",
    "content-type",
    "user-agent",
    "x-tenant",
    "traceparent",
    "x-goog-user-project",
    "__proto__",
  ])("are kept otherwise: %s", (name) => {
    expect(codeOf(name)).toBe("kept");
  });

  it("are at most 256 and 64 KiB", () => {
    const many = (count: number): [string, string][] => Array.from({ length: count }, (_, i) => [`x-${i}`, "1"]);
    expect(bring(...many(256))).toMatchObject({ ok: true });
    expect(bring(...many(257))).toMatchObject({ code: "HEADER_REFUSED" });
    expect(codeOf("x", "a".repeat(65_535))).toBe("kept");
    expect(codeOf("x", "a".repeat(65_536))).toBe("HEADER_REFUSED");
  });

  it("are trimmed in linear time, also around a value that is mostly blanks inside", () => {
    // Quadratic trimming takes seconds for each of these, and minutes for all.
    for (let round = 0; round < 60; round++) expect(codeOf("x", `a${" ".repeat(65_000)}b`)).toBe("kept");
  });

  it("do not repeat a hostile name in the reason of a refusal", () => {
    const result = bring([`x-${"secret".repeat(20)}\n`, "1"]);
    expect(result).toMatchObject({ ok: false });
    expect(JSON.stringify(result)).not.toContain("secret");
  });

  it("are looked up by lower-case name", () => {
    const fields = [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
    ] as const;
    expect(headerValues(fields, "a")).toEqual(["1", "3"]);
    expect(headerValues(fields, "c")).toEqual([]);
  });
});
