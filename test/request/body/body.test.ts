import { describe, expect, it } from "vitest";
import { type BodyView, declaredBody, readBody } from "../../../src/request/body/body.js";
import { overridesMethod } from "../../../src/request/override.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const declare = (contentType: string | null, contentEncoding?: string): ReturnType<typeof declaredBody> =>
  declaredBody([
    ...(contentType === null ? [] : [["content-type", contentType] as const]),
    ...(contentEncoding === undefined ? [] : [["content-encoding", contentEncoding] as const]),
  ]);
const read = (contentType: string, text: string): BodyView => readBody(bytesOf(text), declare(contentType));
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

describe("what the header fields declare", () => {
  it.each([
    ["application/json", "json"],
    ["application/json; charset=utf-8", "json"],
    ['application/json;charset="UTF-8"', "json"],
    ["APPLICATION/JSON", "json"],
    ["text/json", "json"],
    ["application/problem+json", "json"],
    [FORM, "form"],
    [`${FORM};charset=utf8`, "form"],
    ["text/plain", "opaque"],
    ["application/jsonp", "opaque"],
    ["application/json-seq", "opaque"],
    ["application/json, text/plain", "opaque"],
    ["application/json; charset=utf-16", "opaque"],
    ["application/json; charset=utf-8; charset=utf-7", "opaque"],
    ["application/json; charset", "opaque"],
    ["application/json text", "opaque"],
    ["json", "opaque"],
    ["", "opaque"],
  ])("%s is %s", (type, kind) => {
    expect(declare(type).kind).toBe(kind);
  });

  it("is nothing that is read without a type, with two types or with a coding", () => {
    expect(declare(null).kind).toBe("opaque");
    expect(
      declaredBody([
        ["content-type", JSON_TYPE],
        ["content-type", JSON_TYPE],
      ]).kind,
    ).toBe("opaque");
    expect(declare(JSON_TYPE, "gzip").kind).toBe("opaque");
    expect(declare(JSON_TYPE, "identity").kind).toBe("json");
    expect(declare(JSON_TYPE, "identity, gzip").kind).toBe("opaque");
  });
});

describe("a form", () => {
  it("is read as decoded pairs in order", () => {
    expect(read(FORM, "a=1&b=x+y&a=%C3%A9&c&=d&&e==f")).toEqual({
      kind: "form",
      pairs: [
        ["a", "1"],
        ["b", "x y"],
        ["a", "é"],
        ["c", ""],
        ["", "d"],
        ["e", "=f"],
      ],
    });
  });

  it.each([
    ["a broken escape", "a=%zz"],
    ["an escape cut off", "a=%4"],
    ["escapes that are no UTF-8", "a=%ff"],
    ["an overlong escape", "a=%c0%af"],
    ["a semicolon", "a=1;b=2"],
    ["a control character in a name", "a%00b=1"],
    ["too many fields", "a&".repeat(10_001)],
  ])("is unreadable with %s", (_name, text) => {
    expect(read(FORM, text).kind).toBe("unreadable");
  });

  it("may have a line end or a semicolon in a value", () => {
    expect(read(FORM, "a=x%0D%0Ay%3B")).toEqual({ kind: "form", pairs: [["a", "x\r\ny;"]] });
  });

  it("is unreadable when its bytes are not UTF-8", () => {
    expect(readBody(Uint8Array.of(0x61, 0x3d, 0xff), declare(FORM)).kind).toBe("unreadable");
  });
});

describe("a body that overrides the method", () => {
  const overrides = (type: string | null, text: string): boolean => {
    const bytes = bytesOf(text);
    const declared = declare(type);
    return overridesMethod(bytes, declared, () => readBody(bytes, declared));
  };

  it.each([
    [JSON_TYPE, '{"_method":"DELETE"}'],
    [JSON_TYPE, '{"a":1,"_METHOD" : "DELETE"}'],
    [JSON_TYPE, '{"\\u005fmethod":"DELETE"}'],
    [JSON_TYPE, '{"_\\u006dethod":"DELETE"}'],
    [JSON_TYPE, '{"x-http-method-override":"DELETE"}'],
    [JSON_TYPE, '{"_method":"DELETE","a":1,"a":2}'],
    [JSON_TYPE, '{"_method":"DELETE",}'],
    [FORM, "_method=DELETE"],
    [FORM, "a=1&%5Fmethod=DELETE"],
    [FORM, "+_method=DELETE"],
    [FORM, ".method=DELETE"],
    [FORM, "[method=DELETE"],
    [FORM, "_method[]=DELETE"],
    [FORM, "_method=DELETE&x=%zz"],
    [FORM, "a=1;_method=DELETE"],
    [FORM, "_method%00=DELETE"],
    [
      "multipart/form-data; boundary=b",
      '--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--b--\r\n',
    ],
    [
      "multipart/form-data; boundary=b",
      "--b\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--b--\r\n",
    ],
    [
      "multipart/form-data; boundary=b",
      '\r\n--b\r\ncontent-disposition:form-data;name="_METHOD"\r\n\r\nDELETE\r\n--b--',
    ],
    ["multipart/form-data", '--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--b--\r\n'],
    [
      "multipart/form-data; boundary=b; boundary=c",
      '--b\r\nContent-Disposition: form-data; name="_method"\r\n\r\nX\r\n--b--',
    ],
  ])("is recognised: %s %j", (type, text) => {
    expect(overrides(type, text)).toBe(true);
  });

  it.each([
    [JSON_TYPE, '{"method":"card"}'],
    [JSON_TYPE, '{"jsonrpc":"2.0","method":"x"}'],
    [JSON_TYPE, '{"order":{"_method":"x"}}'],
    [JSON_TYPE, '["_method"]'],
    [JSON_TYPE, '{"note":"\\"_method\\":1"}'],
    [FORM, "method=card"],
    [FORM, "note=_method"],
    ["text/plain", "_method=DELETE"],
    [null, "_method=DELETE"],
    [
      "multipart/form-data; boundary=b",
      '--b\r\nContent-Disposition: form-data; name="method"\r\n\r\n_method\r\n--b--\r\n',
    ],
    ["multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--b--\r\n'],
  ])("is not seen in %s %j", (type, text) => {
    expect(overrides(type, text)).toBe(false);
  });
});
