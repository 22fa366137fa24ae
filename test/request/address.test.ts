import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressRangeProblem,
  classifyAddress,
  compileAddressRule,
  isMetadataName,
  parseHostLiteral,
} from "../../src/request/address.js";

const classOfUrl = (url: string): string => {
  const literal = parseHostLiteral(new URL(url).hostname);
  return literal === null ? "a name" : classifyAddress(literal);
};

describe("every spelling of an address in a URL gets the class of the address", () => {
  it.each([
    ["ssrf-ip-006", "http://017700000001/", "loopback"],
    ["ssrf-ip-008", "http://127.0.1/", "loopback"],
    ["ssrf-ip-010", "http://127.255.255.254/", "loopback"],
    ["ssrf-ip-011", "http://10.0.0.001/", "private"],
    ["ssrf-ip-012", "http://0/", "unspecified"],
    ["ssrf-ip-013", "http://0.0.0.0/", "unspecified"],
    ["ssrf-ip-014", "http://0.1.2.3/", "unspecified"],
    ["ssrf-ip-019", "http://[::ffff:7f00:1]/", "embedded:loopback"],
    ["ssrf-ip-020", "http://[::127.0.0.1]/", "embedded:loopback"],
    ["ssrf-ip-026", "http://0251.0376.0251.0376/", "metadata"],
    ["ssrf-ip-027", "http://169.254.43518/", "metadata"],
    ["ssrf-ip-028", "http://0xA9.254.0251.0376/", "metadata"],
    ["ssrf-ip-030", "http://[0000:0000:0:0000:0000:ffff:a9fe:a9fe]/", "embedded:metadata"],
    ["ssrf-ip-033", "http://100.100.100.200/", "metadata"],
    ["ssrf-ip-034", "http://168.63.129.16/", "metadata"],
    ["ssrf-ip-035", "http://192.0.0.192/", "metadata"],
    ["ssrf-ip-036", "http://169.254.170.2/", "metadata"],
    ["ssrf-ip-040", "http://[2002:a00:1::1]/", "embedded:private"],
    ["ssrf-ip-041", "http://[2002:7f00:1::]/", "embedded:loopback"],
    ["ssrf-ip-042", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "embedded:documentation"],
    ["ssrf-ip-044", "http://100.64.0.1/", "cgnat"],
    ["ssrf-ip-046", "http://100.63.255.254/", "public"],
    ["ssrf-ip-048", "http://172.31.255.255/", "private"],
    ["ssrf-ip-049", "http://172.32.0.1/", "public"],
    ["ssrf-ip-050", "http://[febf::1]/", "link-local"],
    ["ssrf-ip-051", "http://[fec0::1]/", "private"],
    ["ssrf-ip-053", "http://224.0.0.1/", "multicast"],
    ["ssrf-ip-060", "http://[100::1]/", "reserved"],
    ["ssrf-ip-066", "http://010.8.8.8/", "public"],
    ["ssrf-ip-067", "http://\uff11\uff12\uff17.0.0.1/", "loopback"],
    ["ssrf-ip-068", "http://\u2460\u2461\u2466.0.0.1/", "loopback"],
    ["ssrf-ip-069", "http://127\u30020\u30020\u30021/", "loopback"],
    ["ssrf-ip-070", "http://127.0.0.1./", "loopback"],
    ["ssrf-ip-072", "http://[2606:4700:4700::1111]/", "public"],
  ])("%s %s is %s", (_id, url, expected) => {
    expect(classOfUrl(url)).toBe(expected);
    expect(compileAddressRule()(parseHostLiteral(new URL(url).hostname) ?? "").ok).toBe(expected === "public");
  });

  it.each(["http://1.2.3.4.5/", "http://[fe80::1%25eth0]/"])("%s is no URL at all (ssrf-ip-063, -064)", (url) => {
    expect(URL.canParse(url)).toBe(false);
  });
});

describe("the edges of a block are exact", () => {
  it.each([
    ["9.255.255.255", "public"],
    ["10.0.0.0", "private"],
    ["10.255.255.255", "private"],
    ["11.0.0.0", "public"],
    ["126.255.255.255", "public"],
    ["127.0.0.0", "loopback"],
    ["128.0.0.0", "public"],
    ["100.64.0.0", "cgnat"],
    ["100.127.255.255", "cgnat"],
    ["100.128.0.0", "public"],
    ["100.100.100.199", "cgnat"],
    ["100.100.100.201", "cgnat"],
    ["168.63.129.15", "public"],
    ["168.63.129.17", "public"],
    ["169.253.255.255", "public"],
    ["169.254.0.0", "link-local"],
    ["169.254.171.0", "link-local"],
    ["169.254.255.255", "link-local"],
    ["169.255.0.0", "public"],
    ["172.15.255.255", "public"],
    ["172.16.0.0", "private"],
    ["192.0.0.0", "reserved"],
    ["192.0.1.0", "public"],
    ["192.0.2.255", "documentation"],
    ["192.0.3.0", "public"],
    ["192.167.255.255", "public"],
    ["192.168.0.0", "private"],
    ["192.169.0.0", "public"],
    ["198.17.255.255", "public"],
    ["198.18.0.0", "reserved"],
    ["198.19.255.255", "reserved"],
    ["198.20.0.0", "public"],
    ["203.0.113.1", "documentation"],
    ["223.255.255.255", "public"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.0", "reserved"],
    ["255.255.255.255", "reserved"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::2", "embedded:unspecified"],
    ["1fff:ffff::", "reserved"],
    ["2000::", "public"],
    ["2001:1ff:ffff::", "reserved"],
    ["2001:200::", "public"],
    ["2001:db8::1", "documentation"],
    ["2001:db9::1", "public"],
    ["2001:ffff::", "public"],
    ["2003::", "public"],
    ["3fff:fff:ffff::", "documentation"],
    ["3fff:1000::", "public"],
    ["4000::", "reserved"],
    ["5f00::1", "reserved"],
    ["fbff:ffff::", "reserved"],
    ["fc00::", "private"],
    ["fdff:ffff::", "private"],
    ["fe00::", "reserved"],
    ["fe80::1", "link-local"],
    ["feff::1", "private"],
    ["ff02::1", "multicast"],
    ["fd00:ec2::254", "metadata"],
    ["fd20:ce::254", "metadata"],
    ["fd20:ce::253", "private"],
  ])("%s is %s", (address, expected) => {
    expect(classifyAddress(address)).toBe(expected);
  });
});

describe("text that is no strict address is invalid, and refused", () => {
  it.each([
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "010.0.0.1",
    "1.2.3.256",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4\n",
    "[::1]",
    "fe80::1%eth0",
    "::ffff:010.0.0.1",
    "::ffff:0x7f.0.0.1",
    "1::2::3",
    `${"0".repeat(60)}::1`,
  ])("%j", (text) => {
    expect(classifyAddress(text)).toBe("invalid");
    expect(compileAddressRule()(text)).toEqual({ ok: false, class: "invalid" });
    expect(compileAddressRule(["0.0.0.0/0", "::/0"])(text).ok).toBe(false);
  });
});

describe("IPv6 forms that embed IPv4", () => {
  type Octets = readonly [number, number, number, number];
  const group = (high: number, low: number): string => ((high << 8) | low).toString(16);
  const tail = ([a, b, c, d]: Octets): string => `${group(a, b)}:${group(c, d)}`;
  const flipped = ([a, b, c, d]: Octets): Octets => [a ^ 255, b ^ 255, c ^ 255, d ^ 255];
  const FORMS: Record<string, (v4: Octets) => string> = {
    "mapped, hexadecimal": (v4) => `::ffff:${tail(v4)}`,
    "mapped, dotted": (v4) => `::ffff:${v4.join(".")}`,
    "mapped, written out": (v4) => `0:0:0:0:0:FFFF:${tail(v4)}`,
    compatible: (v4) => `::${tail(v4)}`,
    translated: (v4) => `::ffff:0:${tail(v4)}`,
    NAT64: (v4) => `64:ff9b::${tail(v4)}`,
    "local NAT64 /96": (v4) => `64:ff9b:1::${tail(v4)}`,
    "local NAT64 /64": ([a, b, c, d]) => `64:ff9b:1:0:${group(0, a)}:${group(b, c)}:${group(d, 0)}:0`,
    "local NAT64 /56": ([a, b, c, d]) => `64:ff9b:1:${group(0, a)}:${group(0, b)}:${group(c, d)}:0:0`,
    "local NAT64 /48": ([a, b, c, d]) => `64:ff9b:1:${group(a, b)}:${group(0, c)}:${group(d, 0)}:0:0`,
    "6to4": (v4) => `2002:${tail(v4)}::1`,
    "Teredo client": (v4) => `2001:0:808:808:0:0:${tail(flipped(v4))}`,
    "Teredo server": (v4) => `2001:0:${tail(v4)}:0:0:${tail(flipped([8, 8, 8, 8]))}`,
    "ISATAP, private identifier": (v4) => `2606:4700::5efe:${tail(v4)}`,
    "ISATAP, global identifier": (v4) => `2606:4700::200:5efe:${tail(v4)}`,
  };
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const everyRange = ["0.0.0.0/0", "::/0"];

  it.each(Object.entries(FORMS))("%s: whatever it carries, it is refused unless the form is listed", (_name, form) => {
    fc.assert(
      fc.property(octets, (v4) => {
        fc.pre(v4[0] !== 0);
        const text = form(v4);
        const plain = classifyAddress(v4.join("."));
        const is = classifyAddress(text);
        // Local NAT64 is read in several layouts, of which another may be worse.
        if (!text.startsWith("64:ff9b:1:")) expect(is).toBe(`embedded:${plain}`);
        expect(is.startsWith("embedded:")).toBe(true);
        expect(compileAddressRule()(text).ok).toBe(false);
        expect(compileAddressRule(everyRange)(text).ok).toBe(false);
      }),
    );
  });

  it.each(Object.entries(FORMS))(
    "%s: a private address inside stays closed even where the form is listed",
    (_n, form) => {
      const forms = ["::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16"];
      const rule = compileAddressRule([...forms, "2001::/32", "2606:4700::/32"]);
      const inside = fc.oneof(
        fc.tuple(fc.constantFrom(10, 127), fc.nat(255), fc.nat(255), fc.nat(255)),
        fc.tuple(fc.constant(192), fc.constant(168), fc.nat(255), fc.nat(255)),
        fc.constant([169, 254, 169, 254] as [number, number, number, number]),
      );
      fc.assert(
        fc.property(inside, (v4) => {
          expect(rule(form(v4)).ok).toBe(false);
        }),
      );
    },
  );

  it("behind NAT64 a service lists the form and reaches public addresses, and private ones only when listed too", () => {
    const rule = compileAddressRule(["64:ff9b::/96"]);
    expect(rule("64:ff9b::808:808").ok).toBe(true);
    expect(rule("64:ff9b::a00:5")).toEqual({ ok: false, class: "embedded:private" });
    expect(rule("::ffff:808:808").ok).toBe(false);
    const wider = compileAddressRule(["64:ff9b::/96", "10.0.0.0/24"]);
    expect(wider("64:ff9b::a00:5").ok).toBe(true);
    expect(wider("64:ff9b::a00:105").ok).toBe(false);
    expect(wider("64:ff9b::a9fe:a9fe").ok).toBe(false);
  });
});

describe("a list of ranges", () => {
  it("opens exactly what it names", () => {
    const rule = compileAddressRule(["10.20.0.0/16"]);
    expect(rule("10.20.255.255").ok).toBe(true);
    expect(rule("10.21.0.0")).toEqual({ ok: false, class: "private" });
    expect(rule("10.19.255.255").ok).toBe(false);
    expect(rule("8.8.8.8")).toEqual({ ok: false, class: "public" });
    expect(rule("127.0.0.1").ok).toBe(false);
    expect(compileAddressRule([])("8.8.8.8").ok).toBe(false);
  });

  it("opens loopback only when loopback itself is named", () => {
    expect(compileAddressRule(["127.0.0.0/8"])("127.0.0.1").ok).toBe(true);
    expect(compileAddressRule(["127.0.0.1/32"])("127.0.0.2").ok).toBe(false);
    expect(compileAddressRule(["::1/128"])("::1").ok).toBe(true);
  });

  it("that spans public and special space opens the public part only", () => {
    const rule = compileAddressRule(["0.0.0.0/0", "::/0"]);
    expect(rule("8.8.8.8").ok).toBe(true);
    expect(rule("2606:4700::1").ok).toBe(true);
    for (const ip of ["127.0.0.1", "10.0.0.1", "169.254.1.1", "0.0.0.0", "::1", "fc00::1", "4000::1"]) {
      expect(rule(ip).ok).toBe(false);
    }
  });

  it("never opens a metadata, multicast or unspecified address", () => {
    const rule = compileAddressRule(["169.254.0.0/16", "100.64.0.0/10", "168.0.0.0/8", "fc00::/7", "192.0.0.0/24"]);
    const metadata = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"];
    for (const ip of [...metadata, "fd00:ec2::254", "fd20:ce::254"]) {
      expect(rule(ip)).toEqual({ ok: false, class: "metadata" });
    }
    expect(rule("169.254.171.1").ok).toBe(true);
    expect(rule("100.100.100.201").ok).toBe(true);
  });
});

describe("a range in a policy", () => {
  it.each(["10.20.0.0/16", "127.0.0.0/8", "127.0.0.1/32", "::1/128", "fd12:3456::/32", "0.0.0.0/0", "64:ff9b::/96"])(
    "%s is fine",
    (cidr) => expect(addressRangeProblem(cidr)).toBeUndefined(),
  );

  it.each([
    ["10.20.0.1/16", 'write "10.20.0.0/16"'],
    ["fd00::1/8", 'write "fd00::/8"'],
    ["10.0.0.1", 'write "10.0.0.1/32"'],
    ["::1", 'write "::1/128"'],
    ["10.0.0.0/33", "longer than 32 bits"],
    ["10.0.0.0/08", "must be an address range"],
    ["10.0.0.0/", "must be an address range"],
    ["10.0/8", "must be an address range"],
    ["crm.internal.example", "must be an address range"],
    ["fe80::%eth0/64", "must be an address range"],
    ["169.254.169.254/32", "metadata space, which no policy can open"],
    ["fd00:ec2::254/128", "metadata space"],
    ["0.0.0.0/32", "unspecified space"],
    ["224.0.0.0/4", "multicast space"],
  ])("%s is refused with what to write", (cidr, expected) => {
    expect(addressRangeProblem(cidr)).toContain(expected);
    expect(() => compileAddressRule([cidr])).toThrow(TypeError);
  });

  it("never crashes the validator, whatever text stands there", () => {
    fc.assert(fc.property(fc.string(), (text) => void addressRangeProblem(text)));
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(40), (ip, prefix) => {
        const cidr = `${ip}/${prefix}`;
        if (addressRangeProblem(cidr) === undefined) expect(() => compileAddressRule([cidr])).not.toThrow();
      }),
    );
  });
});

it("well-known metadata names are known by name", () => {
  expect(isMetadataName("metadata.google.internal")).toBe(true);
  expect(isMetadataName("metadata.google.internal.")).toBe(true);
  expect(isMetadataName("crm.internal.example")).toBe(false);
});
