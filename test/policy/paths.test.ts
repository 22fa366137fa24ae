import { describe, expect, it } from "vitest";
import { allows, ask, effectOf, policyOf, stops } from "./support.js";

describe("a path template in an allow", () => {
  it.each([
    ["/a/b", "/a/b", true],
    ["/a/b", "/a/B", false],
    ["/a/b", "/a/b/", false],
    ["/a/b", "//a/b", false],
    ["/a/b", "/a/b;x=1", false],
    ["/a/b", "/a/b/c", false],
    ["/a/b", "/%61/b", true],
    ["/", "/", true],
    ["/", "/a", false],
    ["/{id}", "/42", true],
    ["/{id}", "/", false],
    ["/{id}", "/4/2", false],
    ["/{id}", "/4%2F2", false],
    ["/a/{id}/b", "/a//b", false],
    ["/a/{id}/b", "/a/x/b", true],
    ["/a/**", "/a", true],
    ["/a/**", "/a/", true],
    ["/a/**", "/a/b/c", true],
    ["/a/**", "/ab", false],
    ["/a/**", "/A/b", false],
    ["/**", "/", true],
    ["/**", "/any/thing", true],
    ["/{a}/**", "/x", true],
    ["/{a}/**", "/", false],
    ["/a/", "/a/", true],
    ["/a/", "/a", false],
    ["/café", "/caf%C3%A9", true],
    ["/a b", "/a%20b", true],
    ["/a//b", "/a//b", true],
    ["/a:b@c", "/a:b@c", true],
    ["/$count", "/$count", true],
  ])("%s for %s: %s", (path, at, expected) => {
    expect(allows({ path }, { at })).toBe(expected);
  });
});

describe("a path template in a deny", () => {
  it.each([
    "/admin",
    "/admin/",
    "//admin",
    "/admin//users",
    "/Admin/Users",
    "/ADMIN",
    "/%61dmin",
    "/admin;x=1/users",
    "/admin;/users",
    "/;x/admin",
    "/admin%3Bx=1",
    "/ａｄｍｉｎ",
    "/ADM\u0130N",
    "/adm\u0131n",
    "/ad\u00admin",
    "/ad\u200bmin/x",
    "/admin.",
    "/admin%20/x",
  ])("/admin/** is not stepped around by %s", (at) => {
    expect(stops({ path: "/admin/**" }, { at })).toBe(true);
  });

  it.each(["/administrator", "/x/admin", "/adm", "/admin-x/y", "/a/dmin"])("/admin/** does not reach %s", (at) => {
    expect(stops({ path: "/admin/**" }, { at })).toBe(false);
  });

  it.each([
    "/users/;x/keys",
    "/users/%20/keys",
    "/users/%E2%80%8B/keys",
    "/users/./keys".replace("./", "a./"),
    "/USERS/1/keys/",
  ])("/users/{id}/keys takes any segment for the parameter: %s", (at) => {
    expect(stops({ path: "/users/{id}/keys" }, { at })).toBe(true);
  });

  it("reads an escaped slash both ways", () => {
    const slug = { id: "slug", path: "/p/{id}", encodedSlash: true } as const;
    const withDeny = (path: string): ReturnType<typeof policyOf> => policyOf(slug, { id: "no", effect: "deny", path });
    expect(effectOf(withDeny("/p/group/secret"), { at: "/p/group%2Fsecret" })).toBe("deny");
    expect(effectOf(withDeny("/p/{x}"), { at: "/p/group%2Fsecret" })).toBe("deny");
    expect(effectOf(withDeny("/p/group/other"), { at: "/p/group%2Fsecret" })).toBe("allow");
  });

  it("without a path stops every path", () => {
    const everywhere = { path: undefined as unknown as string };
    expect(stops(everywhere, { at: "/x/y" })).toBe(true);
  });

  it("is folded as the request is", () => {
    expect(stops({ path: "/Admin/" }, { at: "/admin" })).toBe(true);
    expect(stops({ path: "/ﬁles;v=1/{id}" }, { at: "/files/7" })).toBe(true);
    expect(stops({ path: "/" }, { at: "//" })).toBe(true);
  });
});

describe("a parameter of an allow", () => {
  it.each(["/users/;/keys", "/users/;x=1/keys", "/users/%3Bx/keys", "/users/{id}/keys", "/users/%7bid%7D/keys"])(
    "stands for a value, not for %s",
    (at) => {
      expect(allows({ path: "/users/{id}/keys" }, { at })).toBe(false);
    },
  );

  it.each(["/users/1;v=2/keys", "/users/{6F9619FF-8B86-D011-B42D-00CF4FC964FF}/keys", "/users/{}/keys"])(
    "stands for %s",
    (at) => {
      expect(allows({ path: "/users/{id}/keys" }, { at })).toBe(true);
    },
  );
});

describe("encodedSlash", () => {
  const rule = { path: "/p/{id}", encodedSlash: true } as const;

  it("lets one parameter hold one slash inside", () => {
    expect(allows(rule, { at: "/p/group%2Fproject" })).toBe(true);
    expect(allows(rule, { at: "/p/group%2fproject" })).toBe(true);
    expect(allows(rule, { at: "/p/plain" })).toBe(true);
    expect(allows({ ...rule, params: { id: "group/project" } }, { at: "/p/group%2Fproject" })).toBe(true);
  });

  it.each(["/p/a%2Fb%2Fc", "/p/%2Fb", "/p/a%2F", "/p/%2F", "/p/a%2F..", "/p/a%2F%2e%2e", "/p/a%252Fb", "/p/a%5Cb"])(
    "lets it hold nothing else: %s",
    (at) => {
      expect(allows(rule, { at })).toBe(false);
    },
  );

  it("opens only the rule that says so", () => {
    const policy = policyOf(rule, { path: "/q/{id}" });
    expect(ask(policy, { at: "/q/a%2Fb" }).code).toBe("NO_RULE");
    expect(ask(policy, { at: "/p/a%2Fb" }).effect).toBe("allow");
    expect(ask(policyOf({ path: "/q/{id}" }), { at: "/q/a%2Fb" }).code).toBe("URL_AMBIGUOUS");
  });

  it("of a deny rule opens nothing", () => {
    const policy = policyOf({ path: "/q/{id}" }, { effect: "deny", path: "/z", encodedSlash: true });
    expect(ask(policy, { at: "/q/a%2Fb" }).code).toBe("URL_AMBIGUOUS");
  });
});
