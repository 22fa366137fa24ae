import { describe, expect, it } from "vitest";
import { readStrictJson } from "../../src/request/body/json.js";
import { readMultipart } from "../../src/request/body/multipart.js";
import { allows, ask, policyOf, stops } from "../policy/support.js";

/**
 * The rule: a reader in C ends a text at NUL. A name with NUL in it is one that two servers read as two names, so the body
 * cannot be read; a value with NUL in it is doubt wherever text is compared.
 */
const NUL = "\\u0000";
const json = (text: string) => ({ body: text, headers: { "content-type": "application/json" } });

describe("a name with NUL in it", () => {
  const spellings = [
    ["behind it", `{"role${NUL}":"admin"}`],
    ["with more behind it", `{"role${NUL}x":"admin"}`],
    ["before it", `{"${NUL}role":"admin"}`],
    ["beside the name itself", `{"role":"user","role${NUL}":"admin"}`],
    ["in a list", `[{"role${NUL}":"admin"}]`],
    ["deep inside", `{"a":{"b":[{"c${NUL}":1}]},"role":"user"}`],
    ["in an object that is left out of sight", `{"role":"user","note":{"${NUL}":1}}`],
  ] as const;

  it.each(spellings)("%s is read by nobody here", (_where, text) => {
    expect(readStrictJson(new TextEncoder().encode(text)).ok).toBe(false);
  });

  it.each(spellings)("%s fires a deny and fails an allow", (_where, text) => {
    expect(stops({ methods: ["POST"], body: { "/role": "admin" } }, json(text))).toBe(true);
    expect(allows({ methods: ["POST"], body: { "/role": { optional: true, eq: "user" } } }, json(text))).toBe(false);
    expect(allows({ methods: ["POST"], body: { "/role": { not: "admin" } } }, json(text))).toBe(false);
  });

  it.each([
    ["in JSON", json(`{"_method${NUL}":"DELETE"}`)],
    ["in JSON, with more behind it", json(`{"x-http-method-override${NUL}abc" : "DELETE"}`)],
    ["in JSON, escaped as well", json(`{"\\u005fmethod${NUL}":"DELETE"}`)],
    ["in a form", { form: "_method%00=DELETE" }],
    [
      "in a part",
      {
        body: '--b\r\nContent-Disposition: form-data; name="_method\0"\r\n\r\nDELETE\r\n--b--',
        headers: { "content-type": "multipart/form-data; boundary=b" },
      },
    ],
  ])("is no way to run another method %s", (_where, request) => {
    expect(ask(policyOf({}), request).code).toBe("METHOD_OVERRIDE");
  });

  it("names no part of a form, and no file, with any control character", () => {
    const part = (name: string, file = "") =>
      readMultipart(
        new TextEncoder().encode(`--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\nx\r\n--b--`),
        "b",
      );
    expect(part("to")).toHaveLength(1);
    expect(part("to", '; filename="a.txt"')).toHaveLength(1);
    for (const character of ["\0", "\u0001", "\t", "\u007f", "\u0085"]) {
      expect(part(`to${character}`)).toBeNull();
      expect(part("to", `; filename="a.txt${character}.exe"`)).toBeNull();
    }
  });

  it("is not one that only holds the letters of an escape", () => {
    expect(allows({ body: { "/a\\u0000": 1 } }, json('{"a\\\\u0000":1}'))).toBe(true);
    expect(allows({ body: { "/role": "user" } }, json(`{"role":"user","note":"a${NUL}b"}`))).toBe(true);
  });
});

describe("a value with NUL in it", () => {
  it.each([
    ["equals", "admin", "admin\0x"],
    ["is one of", ["admin", "root"], "root\0"],
    ["begins", { prefix: "adm" }, "x\0admin"],
    ["ends", { suffix: "min" }, "admin\0x"],
    ["contains", { contains: "min" }, "a\0b"],
    ["matches", { matches: "^admin$" }, "admin\0"],
    ["is not", { not: "user" }, "user\0x"],
  ] as const)("is doubt where it %s", (_what, matcher, value) => {
    expect(stops({ methods: ["POST"], body: { "/role": matcher } }, { json: { role: value } })).toBe(true);
    expect(allows({ body: { "/role": matcher } }, { json: { role: value } })).toBe(false);
  });

  it("is one that is there, and has a length", () => {
    expect(allows({ body: { "/role": { exists: true, maxLength: 3 } } }, { json: { role: "a\0b" } })).toBe(true);
  });
});
