import { describe, expect, it } from "vitest";
import { canonicalUrl } from "../../src/request/url.js";

/** The canonical URL, or the code of the refusal. */
const form = (raw: string): string => {
  const result = canonicalUrl(raw);
  return result.ok ? result.url : result.code;
};
/** The canonical path and query of a URL on one host. */
const at = (pathAndQuery: string): string => {
  const text = form(`https://h.example${pathAndQuery}`);
  return text.startsWith("https://h.example") ? text.slice("https://h.example".length) : text;
};

describe("a URL in canonical form", () => {
  it.each([
    ["https://h.example", "https://h.example/"],
    ["https://h.example?x=1", "https://h.example/?x=1"],
    ["HTTPS://H.Example/A", "https://h.example/A"],
    ["https://h.example:443/", "https://h.example/"],
    ["http://h.example:80/", "http://h.example/"],
    ["http://h.example:443/", "http://h.example:443/"],
    ["https://h.example./x", "https://h.example/x"],
    ["https://h.example/x#secret", "https://h.example/x"],
    ["https://h.example/x?#y", "https://h.example/x"],
    ["https://bücher.example/", "https://xn--bcher-kva.example/"],
    ["https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"],
    ["https://[2001:DB8::0:1]/", "https://[2001:db8::1]/"],
    ["https://127.0.0.1./", "https://127.0.0.1/"],
    ["https://a_b.h.example/", "https://a_b.h.example/"],
  ])("of %s is %s", (raw, canonical) => {
    expect(form(raw)).toBe(canonical);
  });

  it("keeps the parts that are judged apart", () => {
    expect(canonicalUrl("https://h.example:8443/a/b%2fc?x=1&y=%C3%A9&x=2")).toMatchObject({
      scheme: "https",
      host: "h.example",
      port: 8443,
      origin: "https://h.example:8443",
      address: null,
      path: "/a/b%2Fc",
      segments: ["a", "b%2Fc"],
      encodedSlash: true,
      search: "?x=1&y=%C3%A9&x=2",
      query: [
        ["x", "1"],
        ["y", "é"],
        ["x", "2"],
      ],
    });
  });

  it("names the address of a literal host", () => {
    expect(canonicalUrl("https://[::FFFF:127.0.0.1]/")).toMatchObject({
      host: "[::ffff:7f00:1]",
      address: "::ffff:7f00:1",
    });
    expect(canonicalUrl("https://10.1.2.3/")).toMatchObject({ address: "10.1.2.3" });
  });
});

describe("a URL that somebody could read another way is refused:", () => {
  it.each([
    ["not absolute", "/x", "URL_INVALID"],
    ["no scheme", "//h.example/x", "URL_INVALID"],
    ["empty", "", "URL_INVALID"],
    ["another scheme", "ftp://h.example/", "SCHEME_REFUSED"],
    ["javascript", "javascript:alert(1)", "SCHEME_REFUSED"],
    ["a scheme that nests", "view-source:https://h.example/", "SCHEME_REFUSED"],
    ["no slashes", "https:h.example/", "URL_AMBIGUOUS"],
    ["one slash", "https:/h.example/", "URL_AMBIGUOUS"],
    ["three slashes", "https:///h.example/", "URL_AMBIGUOUS"],
    ["backslashes", "https:\\\\h.example\\x", "URL_AMBIGUOUS"],
    ["a backslash in the host", "https://h.example\\@evil.example/", "URL_AMBIGUOUS"],
    ["a backslash in the path", "https://h.example/a\\..\\b", "URL_AMBIGUOUS"],
    ["a blank before", " https://h.example/", "URL_AMBIGUOUS"],
    ["a no-break space after", "https://h.example/\u00a0", "URL_AMBIGUOUS"],
    ["a tab inside", "https://h.exa\tmple/", "URL_AMBIGUOUS"],
    ["a line end inside", "https://h.example/a\nb", "URL_AMBIGUOUS"],
    ["NUL", "https://h.example/\0", "URL_AMBIGUOUS"],
    ["a C1 control", "https://h.example/\u0085", "URL_AMBIGUOUS"],
    ["credentials", "https://u:p@h.example/", "URL_USERINFO"],
    ["an empty user", "https://@h.example/", "URL_USERINFO"],
    ["a host before the host", "https://h.example:443@evil.example/", "URL_USERINFO"],
    ["an escape in the host", "https://h%2eexample/", "HOST_REFUSED"],
    ["an empty port", "https://h.example:/", "HOST_REFUSED"],
    ["port zero", "https://h.example:0/", "HOST_REFUSED"],
    ["a padded port", "https://h.example:0443/", "HOST_REFUSED"],
    ["a port that wraps around", "https://h.example:65979/", "HOST_REFUSED"],
    ["a signed port", "https://h.example:+443/", "HOST_REFUSED"],
    ["two ports", "https://h.example:443:80/", "HOST_REFUSED"],
    ["two trailing dots", "https://h.example../", "HOST_REFUSED"],
    ["an empty label", "https://h..example/", "HOST_REFUSED"],
    ["a leading dot", "https://.h.example/", "HOST_REFUSED"],
    ["only a dot", "https://./", "HOST_REFUSED"],
    ["a host longer than names are", `https://${"a.".repeat(150)}example/`, "HOST_REFUSED"],
    ["full-width letters", "https://ｈ.example/", "HOST_REFUSED"],
    ["an ideographic full stop", "https://h。example/", "HOST_REFUSED"],
    ["a soft hyphen", "https://h\u00ad.example/", "HOST_REFUSED"],
    ["a zero-width joiner", "https://h\u200d.example/", "HOST_REFUSED"],
    ["a label that is no punycode", "https://xn--a.example/", "HOST_REFUSED"],
    ["punctuation in the host", "https://a&b.h.example/", "HOST_REFUSED"],
    ["a star in the host", "https://*.h.example/", "HOST_REFUSED"],
    ["a comma in the host", "https://evil.example,h.example/", "HOST_REFUSED"],
    ["a short IPv4 address", "https://127.1/", "ADDRESS_REFUSED"],
    ["a decimal IPv4 address", "https://2130706433/", "ADDRESS_REFUSED"],
    ["a hexadecimal IPv4 address", "https://0x7f000001/", "ADDRESS_REFUSED"],
    ["an octal IPv4 address", "https://0177.0.0.1/", "ADDRESS_REFUSED"],
    ["a padded IPv4 address", "https://127.000.000.001/", "ADDRESS_REFUSED"],
    ["full-width digits", "https://１２７.0.0.1/", "ADDRESS_REFUSED"],
    ["five numbers", "https://1.2.3.4.5/", "HOST_REFUSED"],
    ["IPv6 without brackets", "https://::1/", "URL_AMBIGUOUS"],
    ["IPv6 with a zone", "https://[fe80::1%25eth0]/", "HOST_REFUSED"],
    ["a bracket left open", "https://[::1/", "HOST_REFUSED"],
  ])("%s", (_name, raw, code) => {
    expect(form(raw)).toBe(code);
  });

  it("longer than 8 KiB, as written or once it is escaped", () => {
    expect(form(`https://h.example/?${"a".repeat(8200)}`)).toBe("URL_TOO_LONG");
    expect(form(`https://h.example/?${"é".repeat(4000)}`)).toBe("URL_TOO_LONG");
    expect(at(`/${"a".repeat(4096)}`)).toBe("URL_TOO_LONG");
    expect(at(`/${"é".repeat(1000)}`)).toBe("URL_TOO_LONG");
    expect(at(`/${"a".repeat(4095)}`)).toHaveLength(4096);
  });
});

describe("a path", () => {
  it.each([
    ["/a%2db%7e", "/a-b~"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/café", "/caf%C3%A9"],
    ["/a b", "/a%20b"],
    ['/"<>`{}|^', "/%22%3C%3E%60%7B%7D%7C%5E"],
    ["/a:b@c,d;e=f", "/a:b@c,d;e=f"],
    ["/a%3Bb", "/a%3Bb"],
    ["/100%25", "/100%25"],
    ["//a///b/", "//a///b/"],
    ["/.well-known/x", "/.well-known/x"],
    ["/a.b/..c/d..", "/a.b/..c/d.."],
    ["/...", "/..."],
    ["/a%2fb", "/a%2Fb"],
  ])("%s becomes %s", (raw, canonical) => {
    expect(at(raw)).toBe(canonical);
  });

  it.each([
    "/a/../b",
    "/a/./b",
    "/..",
    "/a/%E2%80%8B../b",
    "/a/.%E2%80%8B.%C2%AD/b",
    "/a/%2e%2e/b",
    "/a/.%2E/b",
    "/a/%2e",
    "/a/..;/b",
    "/a/..;x=1/b",
    "/a/..%3Bx/b",
    "/a/.;/b",
    "/a/..%20/b",
    "/a/%20../b",
    "/a/..%2fb",
    "/a%2f..%2fb",
    "/a%2f%2e%2e",
    "/a%5c..%5cb",
    "/a%5Cb",
    "/a%2",
    "/a%",
    "/a%zz",
    "/a%u002e",
    "/a%00",
    "/a%0d%0a",
    "/a%7f",
    "/a%C2%85",
    "/%252e%252e",
    "/a%252fb",
    "/%25%32%65%25%32%65/b",
    "/%2%35%32e",
    "/%2525",
    "/%c0%ae%c0%ae/b",
    "/%ff",
    "/%ed%a0%80",
    "/a/．．/b",
    "/a/‥/b",
    "/a／b",
    "/a＼b",
    "/a％2eb",
    "/a/..；/b",
    "/\ud800",
  ])("%s is refused", (raw) => {
    expect(at(raw)).toBe("URL_AMBIGUOUS");
  });
});

describe("a query", () => {
  it.each([
    ["?a=%7e", "?a=~"],
    ["?a=b%2fc", "?a=b%2Fc"],
    ["?q='x'", "?q=%27x%27"],
    ["?a[]=1", "?a%5B%5D=1"],
    ["?a=é", "?a=%C3%A9"],
    ["?a+b", "?a+b"],
    ["?a=%3B", "?a=%3B"],
    ["?a=b?c/d", "?a=b?c/d"],
    ["?a=\\", "?a=%5C"],
    ["?&&a=1&", "?&&a=1&"],
    ["?", ""],
  ])("%s becomes %s", (raw, canonical) => {
    expect(at(`/${raw}`)).toBe(`/${canonical}`);
  });

  it.each([
    "?a;b=1",
    "?a=1&amp;b=2",
    "?a=%",
    "?a=%2",
    "?a=%gg",
    "?a=%00",
    "?a=%0d%0aX",
    "?a=%7F",
    "?a=%ff",
    "?%c0%af",
    "?\udfff",
  ])("%s is refused", (raw) => {
    expect(at(`/${raw}`)).toBe("QUERY_REFUSED");
  });

  it.each([
    "?_method=DELETE",
    "?a=1&_METHOD=delete",
    "?%5fmethod=DELETE",
    "?_method",
    "?_method[]=DELETE",
    "?.method=DELETE",
    "?+_method=DELETE",
    "?X-HTTP-Method-Override=PUT",
    "?x_http_method=PUT",
    "?method_override=PUT",
  ])("%s, which overrides the method, is refused", (raw) => {
    expect(at(`/${raw}`)).toBe("METHOD_OVERRIDE");
  });

  it("may have a parameter that is merely called method", () => {
    expect(at("/?method=card&http_methods=x")).toBe("/?method=card&http_methods=x");
  });
});
