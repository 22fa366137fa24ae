import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicaliseRequest } from "../../src/request/canonical.js";
import { canonicalHeaders } from "../../src/request/headers.js";
import { canonicalUrl } from "../../src/request/url.js";
import { anyUrl, headerPairs, pathAndQuery, tamePathAndQuery } from "./arbitraries.js";

const someUrl = fc.oneof(
  anyUrl,
  pathAndQuery.map((rest) => `https://h.example${rest}`),
  tamePathAndQuery.map((rest) => `https://h.example${rest}`),
  fc.string({ unit: "binary" }),
);

describe("canonical form", () => {
  it("of a URL is the same when it is brought into canonical form again, or through the URL parser", () => {
    let accepted = 0;
    fc.assert(
      fc.property(someUrl, (raw) => {
        const once = canonicalUrl(raw);
        if (!once.ok) return;
        accepted++;
        expect(canonicalUrl(once.url)).toEqual(once);
        expect(new URL(once.url).href).toBe(once.url);
        expect(new URL(once.url).origin).toBe(once.origin);
        expect(once.url).toBe(once.origin + once.path + once.search);
        expect(`/${once.segments.join("/")}`).toBe(once.path);
      }),
      { numRuns: 2_500 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("of a URL reaches the host, path and query that the URL parser reads in what was written", () => {
    fc.assert(
      fc.property(someUrl, (raw) => {
        const canonical = canonicalUrl(raw);
        if (!canonical.ok) return;
        const parsed = new URL(raw);
        expect(parsed.hostname.replace(/\.$/, "")).toBe(canonical.host);
        expect(decodeURIComponent(parsed.pathname)).toBe(decodeURIComponent(canonical.path));
        expect([...parsed.searchParams]).toEqual(canonical.query);
      }),
      { numRuns: 2_500 },
    );
  });

  it("of a path never holds what one more decoding would turn into a separator or a dot segment", () => {
    fc.assert(
      fc.property(pathAndQuery, (rest) => {
        const canonical = canonicalUrl(`https://h.example${rest}`);
        if (!canonical.ok) return;
        for (const segment of canonical.segments) {
          const decoded = decodeURIComponent(segment);
          expect(decoded).not.toMatch(/[\\\p{Cc}]|%[0-9A-Fa-f]{2}/u);
          for (const piece of decoded.normalize("NFKC").split("/"))
            expect(piece.split(";")[0]?.trim()).not.toMatch(/^\.{1,2}$/);
        }
      }),
      { numRuns: 2_500 },
    );
  });

  it("of header fields is the same when it is brought into canonical form again", () => {
    fc.assert(
      fc.property(headerPairs, (pairs) => {
        const once = canonicalHeaders(pairs, "https://h.example");
        if (once.ok) expect(canonicalHeaders(once.fields, "https://h.example")).toEqual({ ...once, dropped: [] });
      }),
      { numRuns: 1_000 },
    );
  });

  it("of a request is a value of its text alone, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), someUrl, headerPairs, (method, url, headers) => {
        expect(canonicaliseRequest({ method, url, headers })).toEqual(canonicaliseRequest({ method, url, headers }));
      }),
      { numRuns: 500 },
    );
  });
});
