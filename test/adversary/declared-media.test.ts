import { describe, expect, it } from "vitest";
import { attacked, CARD, MAIL, outcome, TOKEN, textOf } from "./support/service.js";

const BODY = `card ${CARD}, mail ${MAIL}, token ${TOKEN}`;
const MASKED = "card [REDACTED:CREDIT_CARD], mail [REDACTED:EMAIL], token [REDACTED:CREDENTIAL]";

describe("a media type that nobody knows", () => {
  it.each([
    "application/x-foo",
    "application/vnd.acme.thing",
    "*/*",
    "application/json, text/plain",
    "text",
    "x-acme/whatever; v=1",
    "multipart/form-data",
  ])("is masked as text: %s", async (type) => {
    const target = await attacked(() => ({ headers: { "content-type": type }, body: BODY }));
    expect(await textOf(target)).toBe(MASKED);
  });
});

describe("a character set that the detectors do not read", () => {
  it.each([
    ["text/html; charset=utf-16le", Buffer.from(BODY, "utf16le")],
    ["text/plain;charset=UTF-16", Buffer.from(BODY, "utf16le").swap16()],
    ['application/json; charset="utf-16be"', Buffer.from(JSON.stringify({ BODY }), "utf16le").swap16()],
    ["text/plain; charset=utf-7", Buffer.from(BODY)],
    ["text/plain; x=1; Charset = ebcdic-cp-us", Buffer.from(BODY)],
    ["application/x-foo; charset=utf-32", Buffer.from(BODY)],
  ])("withholds the response: %s", async (type, body) => {
    const target = await attacked(() => ({ headers: { "content-type": type }, body }));
    expect(await textOf(target)).toBe("MEDIA_REFUSED");
  });

  it.each(["text/plain; charset=utf-8", "text/plain; charset=iso-8859-1", "application/json; charset=utf-8"])(
    "is not this one, which is masked: %s",
    async (type) => {
      const body = type.startsWith("application/json") ? JSON.stringify(BODY) : BODY;
      const target = await attacked(() => ({ headers: { "content-type": type }, body }));
      expect(await textOf(target)).toBe(type.startsWith("application/json") ? JSON.stringify(MASKED) : MASKED);
    },
  );
});

describe("a type that is known to be binary", () => {
  const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");

  it.each(["image/png", "application/octet-stream", "application/pdf", "image/png; charset=binary"])(
    "passes as it is: %s",
    async (type) => {
      const target = await attacked(() => ({ headers: { "content-type": type }, body: PNG }));
      const seen = await outcome(target);
      expect(typeof seen === "string" ? seen : seen.bytes).toEqual(PNG);
    },
  );
});
