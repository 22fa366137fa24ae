import { describe, expect, it } from "vitest";
import { isForm, isJson, parseMediaType } from "../../../src/request/body/media-type.js";

describe("a media type", () => {
  it("is parsed into a lower-case essence and its parameters", () => {
    expect(parseMediaType(' Text/HTML ; Charset=UTF-8;q="a\\"b;c" ;')).toEqual({
      essence: "text/html",
      parameters: new Map([
        ["charset", "UTF-8"],
        ["q", 'a"b;c'],
      ]),
    });
  });

  it.each([
    "",
    "text",
    "text/",
    "/html",
    "text/html/x",
    "text /html",
    "text/html, text/plain",
    "text/html; a=1, text/plain",
    "text/html; a=1; A=2",
    "text/html; a",
    "text/html; =1",
    'text/html; a="1',
    'text/html; a="1"x',
    "text/html; a=1 b=2",
    "text/html; a=\u00e9",
    `text/html; a=${"x".repeat(1024)}`,
  ])("is not guessed at: %j", (text) => {
    expect(parseMediaType(text)).toBeNull();
  });

  it("is JSON by name or by suffix, a form by name only", () => {
    expect(["application/json", "text/json", "application/a+json"].every(isJson)).toBe(true);
    expect(["application/jsonp", "application/json+xml", "application/xjson"].some(isJson)).toBe(false);
    expect(isForm("application/x-www-form-urlencoded")).toBe(true);
    expect(isForm("multipart/form-data")).toBe(false);
  });
});
