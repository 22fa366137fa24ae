import { describe, expect, it } from "vitest";
import { canonicalHeaders } from "../../src/request/headers.js";

/**
 * The rule: a field by which some server serves another path or runs another method is refused, whatever product it is for and
 * however it is spelled; one that names another host is left out.
 */
const fate = (name: string): string => {
  const result = canonicalHeaders([[name, "/admin"]], "https://h.example");
  if (!result.ok) return result.code;
  return result.fields.length > 0 ? "kept" : "dropped";
};

describe("a field that routes is refused", () => {
  it.each([
    // As products call them.
    ...["X-Original-URL", "X-Rewrite-URL", "X-Override-URL", "X-Original-URI", "X-Forwarded-URI", "X-Forwarded-Path"],
    ...["X-MS-Original-URL", "X-Rewrite-URI", "X-HTTP-DestinationURL", "HTTP-DestinationURL"],
    ...["X-WAWS-Unencoded-URL", "X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method", "X-HTTP-Method-Override"],
    ...["X-Method-Override", "X-Matched-Path", "X-Invoke-Path", "X-Invoke-Query", "X-Middleware-Subrequest"],
    ...["X-Middleware-Rewrite", "X-Now-Route-Matches", "Request-URI", "X-Request-URI"],
    // As the next one could.
    ...["X-Original-Path", "X-Original-Query", "X-Original-Request-URI", "X-Acme-Original-URL", "X-OriginalURL"],
    ...[
      "X-Rewritten-Path",
      "X-Real-URL",
      "X-Real-Path",
      "X-Raw-URL",
      "X-Forward-URL",
      "X-Overridden-Path",
      "Original-URL",
    ],
    ...["X-URL-Override", "X-Path-Rewrite", "X-URI-Original", "X-HTTP-Verb", "X-Verb-Override", "Http-Method-Override"],
    ...["X-Request-Method", "X-Destination-Path", "X-Orig-URI", "X-Forwarded-Query-String", "X-Rewrite-Path-Info"],
    // In other spellings that become the same variable.
    ...["X_Original_URL", "x-original_url", "X_MS_ORIGINAL_URL", "x_http_destinationurl", "X-HTTP_Method-Override"],
  ])("%s", (name) => {
    expect(fate(name)).toBe("METHOD_OVERRIDE");
  });

  it.each([
    ...["X-Callback-URL", "X-Webhook-URL", "X-Request-ID", "X-Original-Filename", "X-Original-Content-Length"],
    ...["Access-Control-Request-Method", "X-Query-Id", "X-Path-Style", "X-Security", "X-Method-Name", "X-Curl-Version"],
    ...["X-Original-Language", "X-Destination-Currency", "X-Realm", "X-Real-Time", "Curly-Braces", "X-Amz-Meta-Url"],
  ])("and %s is kept", (name) => {
    expect(fate(name)).toBe("kept");
  });
});

describe("a field that names another host, or is a proxy's own, is left out", () => {
  it.each([
    ...["X-Forwarded-Host", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Host-Override", "X-Rewrite-Host"],
    ...["X-Real-Host", "X-Forwarded-Server", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Original-Proto"],
    ...["X-Original-Scheme", "X-MS-Original-Host", "X-Envoy-Original-Path", "X_Original_Host"],
  ])("%s", (name) => {
    expect(fate(name)).toBe("dropped");
  });

  it("and a host in good faith is the transport's", () => {
    expect(canonicalHeaders([["host", "h.example"]], "https://h.example")).toMatchObject({ ok: true, dropped: [] });
  });
});

it("is told apart in time that grows with the length of the name alone", () => {
  const name = `x-${"original-url-".repeat(4000)}x`;
  for (let round = 0; round < 200; round++) expect(fate(name)).toBe("kept");
});
