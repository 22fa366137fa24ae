import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";
import { problemsOf } from "./support.js";

/** A policy with one service for each list of origins, all open. */
function services(...origins: (readonly string[])[]): Policy {
  const names = origins.map((_, index) => `s${index}`);
  return compilePolicy({
    version: 1,
    services: Object.fromEntries(origins.map((list, index) => [`s${index}`, { origins: list }])),
    rules: names.length === 0 ? [] : [{ id: "all", effect: "allow", service: names, methods: ["*"], path: "/**" }],
  });
}
const serviceFor = (policy: Policy, url: string): string => {
  const decision = policy.decide({ method: "GET", url }, anyContext);
  return decision.effect === "allow" ? String(decision.service) : decision.code;
};

describe("an exact origin", () => {
  const policy = services(["https://h.example", "http://h.example:8080"]);

  it.each([
    ["https://h.example/", "s0"],
    ["https://H.EXAMPLE:443/", "s0"],
    ["https://h.example./", "s0"],
    ["http://h.example:8080/", "s0"],
    ["http://h.example/", "NO_SERVICE"],
    ["https://h.example:8080/", "NO_SERVICE"],
    ["https://h.example:444/", "NO_SERVICE"],
    ["https://x.h.example/", "NO_SERVICE"],
    ["https://h.example.evil.example/", "NO_SERVICE"],
    ["https://xh.example/", "NO_SERVICE"],
    ["https://h.exampl/", "NO_SERVICE"],
  ])("%s → %s", (url, expected) => {
    expect(serviceFor(policy, url)).toBe(expected);
  });
});

describe("a wildcard origin", () => {
  const policy = services(["https://*.saas.example"], ["https://*.eu.saas.example"], ["https://x.eu.saas.example"]);

  it.each([
    ["https://a.saas.example/", "s0"],
    ["https://a.b.saas.example/", "s0"],
    ["https://eu.saas.example/", "s0"],
    ["https://a.eu.saas.example/", "s1"],
    ["https://x.eu.saas.example/", "s2"],
    ["https://a.x.eu.saas.example/", "s1"],
    ["https://saas.example/", "NO_SERVICE"],
    ["https://evilsaas.example/", "NO_SERVICE"],
    ["https://a.saas.example.evil.example/", "NO_SERVICE"],
    ["https://a.saas.example:8443/", "NO_SERVICE"],
    ["http://a.saas.example/", "NO_SERVICE"],
    ["https://.saas.example/", "HOST_REFUSED"],
    ["https://a..saas.example/", "HOST_REFUSED"],
    ["https://evil.example,a.saas.example/", "HOST_REFUSED"],
    ["https://*.saas.example/", "HOST_REFUSED"],
  ])("%s → %s", (url, expected) => {
    expect(serviceFor(policy, url)).toBe(expected);
  });
});

describe("a wildcard above a public suffix", () => {
  const policy = services(["https://*.amazonaws.com", "https://*.www.ck", "https://*.example.co.uk"]);

  it.each([
    ["https://sts.eu-west-1.amazonaws.com/", "s0"],
    ["https://strangers-bucket.s3.amazonaws.com/", "NO_SERVICE"],
    ["https://a.strangers-bucket.s3.amazonaws.com/", "NO_SERVICE"],
    ["https://s3.amazonaws.com/", "NO_SERVICE"],
    ["https://a.www.ck/", "s0"],
    ["https://a.example.co.uk/", "s0"],
  ])("does not reach beyond what one owner has: %s → %s", (url, expected) => {
    expect(serviceFor(policy, url)).toBe(expected);
  });
});

describe("public-web", () => {
  const policy = services(["public-web"], ["https://crm.example.com"]);

  it.each([
    ["https://any.example.org/", "s0"],
    ["http://any.example.org/", "s0"],
    ["http://any.example.org:443/", "s0"],
    ["https://crm.example.com/", "s1"],
    ["https://8.8.8.8/", "s0"],
    ["https://any.example.org:8443/", "NO_SERVICE"],
    ["https://intranet/", "NO_SERVICE"],
    ["https://localhost/", "NO_SERVICE"],
    ["https://127.0.0.1/", "ADDRESS_REFUSED"],
    ["https://10.0.0.1/", "ADDRESS_REFUSED"],
    ["https://169.254.169.254/", "ADDRESS_REFUSED"],
    ["https://[::1]/", "ADDRESS_REFUSED"],
    ["https://[::ffff:8.8.8.8]/", "ADDRESS_REFUSED"],
    ["https://[64:ff9b::7f00:1]/", "ADDRESS_REFUSED"],
    ["https://0x7f.1/", "ADDRESS_REFUSED"],
    ["https://metadata.google.internal/", "ADDRESS_REFUSED"],
    ["https://METADATA.google.internal./", "ADDRESS_REFUSED"],
  ])("%s → %s", (url, expected) => {
    expect(serviceFor(policy, url)).toBe(expected);
  });
});

describe("a service's addresses", () => {
  it("decide about a literal host, also where the origin names it", () => {
    expect(serviceFor(services(["https://10.20.0.5"]), "https://10.20.0.5/")).toBe("ADDRESS_REFUSED");
    const policy = compilePolicy({
      version: 1,
      services: { s0: { origins: ["https://10.20.0.5", "https://10.30.0.5"], addresses: ["10.20.0.0/16"] } },
      rules: [{ id: "all", effect: "allow", service: "s0", methods: ["*"], path: "/**" }],
    });
    expect(serviceFor(policy, "https://10.20.0.5/")).toBe("s0");
    expect(serviceFor(policy, "https://10.30.0.5/")).toBe("ADDRESS_REFUSED");
  });
});

describe("an origin that says too much or too little does not load", () => {
  it.each([
    ["*", /every host/],
    ["https://*", /every host/],
    ["https://*:443", /every host/],
    ["https://*.com", /top-level/],
    ["https://*.co.uk", /public suffix/],
    ["https://*.github.io", /public suffix/],
    ["http://*.github.io:8080", /public suffix/],
    ["https://*.s3.amazonaws.com", /public suffix/],
    ["https://*.kobe.jp", /public suffix/],
    ["https://*.foo.ck", /public suffix/],
    ["https://*.xn--55qx5d.cn", /public suffix/],
    ["https://a.*.example", /whole first label/],
    ["https://a*.example", /whole first label/],
    ["https://*.*.example", /whole first label/],
    ["https://*.10.0.0.1", /address/],
    ["https://h.example/", /scheme and host only/],
    ["https://h.example/api", /scheme and host only/],
    ["https://h.example?x", /scheme and host only/],
    ["https://h.example#x", /scheme and host only/],
    ["https://H.example", /write "https:\/\/h\.example"/],
    ["https://h.example:443", /write "https:\/\/h\.example"/],
    ["https://h.example.", /write "https:\/\/h\.example"/],
    ["https://*.H.example", /write "https:\/\/\*\.h\.example"/],
    ["https://bücher.example", /xn--bcher-kva/],
    ["https://[0:0:0:0:0:0:0:1]", /write "https:\/\/\[::1\]"/],
    ["h.example", /not an origin/],
    ["ftp://h.example", /not an origin/],
    ["https://u@h.example", /not an origin/],
    ["https://0x7f.1", /not an origin/],
    ["https://a&b.example", /not an origin/],
  ])("%s", (origin, message) => {
    const problems = problemsOf({ version: 1, services: { s: { origins: [origin] } }, rules: [] });
    expect(problems).toEqual([{ pointer: "/services/s/origins/0", message: expect.stringMatching(message) }]);
  });

  it("nor one that two services claim", () => {
    const problems = problemsOf({
      version: 1,
      services: {
        a: { origins: ["https://h.example", "public-web"] },
        b: { origins: ["public-web", "https://h.example"] },
      },
      rules: [],
    });
    expect(problems.map(({ pointer }) => pointer)).toEqual(["/services/b/origins/0", "/services/b/origins/1"]);
  });
});
