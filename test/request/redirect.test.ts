import { describe, expect, it } from "vitest";
import { type CanonicalRequest, canonicaliseRequest } from "../../src/request/canonical.js";
import { isRedirect, redirectedHead } from "../../src/request/redirect.js";

function request(method: string, headers: [string, string][] = []): CanonicalRequest {
  const canonical = canonicaliseRequest({ method, url: "https://a.example/x/y?q=1", headers });
  if (!canonical.ok) throw new Error(canonical.reason);
  return canonical;
}

describe("a redirect", () => {
  it("is one of five statuses", () => {
    expect([200, 300, 301, 302, 303, 304, 305, 306, 307, 308].filter(isRedirect)).toEqual([301, 302, 303, 307, 308]);
  });

  it.each([
    [301, "POST", "GET", false],
    [302, "POST", "GET", false],
    [301, "PUT", "PUT", true],
    [302, "DELETE", "DELETE", true],
    [303, "POST", "GET", false],
    [303, "PUT", "GET", false],
    [303, "HEAD", "HEAD", true],
    [303, "GET", "GET", true],
    [307, "POST", "POST", true],
    [308, "PATCH", "PATCH", true],
  ])("%i turns %s into %s, and keeps the body: %s", (status, method, next, keepsBody) => {
    expect(redirectedHead(request(method), status, "/z")).toMatchObject({
      method: next,
      keepsBody,
      url: "https://a.example/z",
    });
  });

  it.each([
    ["/z", "https://a.example/z"],
    ["z", "https://a.example/x/z"],
    ["?r=2", "https://a.example/x/y?r=2"],
    ["//b.example/z", "https://b.example/z"],
    ["https://b.example", "https://b.example/"],
    ["", "https://a.example/x/y?q=1"],
  ])("to %j goes to %s", (location, url) => {
    expect(redirectedHead(request("GET"), 302, location)).toMatchObject({ ok: true, url });
  });

  it("to what is no URL has no next hop", () => {
    expect(redirectedHead(request("GET"), 302, "https://[")).toMatchObject({ ok: false });
    expect(redirectedHead(request("GET"), 302, "https://a b/")).toMatchObject({ ok: false });
  });

  it("to what fetch would not follow is refused, or then has no canonical form", () => {
    for (const location of [
      "file:///etc/passwd",
      "https://u:p@a.example/",
      "blob:https://a.example/x",
      "https://0x7f.1\\@a/",
    ]) {
      const head = redirectedHead(request("GET"), 302, location);
      // The URL parser has normalised 0x7f.1: what is left is a literal address, which the service's own rule judges.
      const next = head.ok ? canonicaliseRequest(head) : null;
      expect(next === null || !next.ok || next.address === "127.0.0.1").toBe(true);
    }
  });

  it("within one origin carries the header fields, but not those about a body that does not go along", () => {
    const headers: [string, string][] = [
      ["x-api-key", "k"],
      ["content-type", "text/plain"],
      ["content-encoding", "gzip"],
      ["accept", "*/*"],
    ];
    const names = (status: number, method: string): string[] => {
      const head = redirectedHead(request(method, headers), status, "/z");
      return head.ok ? head.headers.map(([name]) => name) : [];
    };
    expect(names(307, "POST")).toEqual(["x-api-key", "content-type", "content-encoding", "accept"]);
    expect(names(302, "POST")).toEqual(["x-api-key", "accept"]);
  });

  it.each(["https://b.example/", "http://a.example/", "https://a.example:8443/", "https://sub.a.example/"])(
    "to another origin carries nothing that could be a credential: %s",
    (location) => {
      const head = redirectedHead(
        request("POST", [
          ["x-api-key", "k"],
          ["x-csrf-token", "t"],
          ["private-token", "p"],
          ["accept", "*/*"],
          ["content-type", "text/plain"],
        ]),
        307,
        location,
      );
      expect(head).toMatchObject({
        headers: [
          ["accept", "*/*"],
          ["content-type", "text/plain"],
        ],
      });
    },
  );
});
