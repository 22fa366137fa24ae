import { describe, expect, it } from "vitest";
import { everyChunking, FORM_TYPE, JSON_TYPE, masker, TEXT_TYPE, through, whole } from "./support.js";

const SECRET = "s3cr3t/t0ken+with=odd chars";

describe("known secrets", () => {
  const options = { ...TEXT_TYPE, secrets: [SECRET, "other-token", "other-token-longer"] };

  it("are masked wherever they stand, in every chunking", () => {
    expect(everyChunking(options, `a${SECRET}b ${SECRET}`)).toEqual(
      new Set(["a[REDACTED:CREDENTIAL]b [REDACTED:CREDENTIAL]"]),
    );
  });

  it.each([
    ["percent-encoded", encodeURIComponent(SECRET)],
    ["percent-encoded in lower case", encodeURIComponent(SECRET).replace(/%../g, (code) => code.toLowerCase())],
    ["encoded as in a form", encodeURIComponent(SECRET).replaceAll("%20", "+")],
  ])("are masked %s", (_how, text) => {
    expect(whole(options, `x=${text};`)).toBe("x=[REDACTED:CREDENTIAL];");
  });

  it.each(["", "u", "us", "user:"])(
    "leave nothing readable of themselves in the base64 of %j and themselves",
    (before) => {
      for (const encoding of ["base64", "base64url"] as const) {
        const text = Buffer.from(`${before}${SECRET}:after`).toString(encoding);
        const masked = whole(options, `Basic ${text}`);
        expect(masked).toContain("[REDACTED:CREDENTIAL]");
        const left = masked
          .replace(/^Basic /, "")
          .split("[REDACTED:CREDENTIAL]")
          .map((part) => Buffer.from(part, encoding).toString("latin1"));
        for (let i = 0; i + 6 <= SECRET.length; i++)
          for (const part of left) expect(part).not.toContain(SECRET.slice(i, i + 6));
      }
    },
  );

  it("are masked in JSON strings, however they are escaped, and in forms", () => {
    expect(whole({ ...JSON_TYPE, secrets: ['qu"ote\\d'] }, JSON.stringify({ a: 'x qu"ote\\d y' }))).toBe(
      '{"a":"x [REDACTED:CREDENTIAL] y"}',
    );
    expect(whole({ ...FORM_TYPE, secrets: [SECRET] }, new URLSearchParams({ a: SECRET }).toString())).toBe(
      "a=%5BREDACTED%3ACREDENTIAL%5D",
    );
    expect(whole({ ...JSON_TYPE, secrets: ["123456"] }, '{"pin":123456}')).toBe('{"pin":"[REDACTED:CREDENTIAL]"}');
  });

  it("of which one begins like another are masked as a whole", () => {
    expect(everyChunking(options, "x other-token-longer y other-token z")).toEqual(
      new Set(["x [REDACTED:CREDENTIAL] y [REDACTED:CREDENTIAL] z"]),
    );
  });

  it("are not cut in two by a finding that begins in front of them", () => {
    const token = "x@example.org tail-of-the-secret";
    const text = `mail jane${token} end`;
    const masked = whole({ ...TEXT_TYPE, secrets: [token] }, text);
    expect(masked).not.toContain("tail-of");
    expect(everyChunking({ ...TEXT_TYPE, secrets: [token] }, text).size).toBe(1);
  });

  it("of several lines are masked line by line", () => {
    const masked = whole({ ...TEXT_TYPE, secrets: ["first line\nsecond line"] }, "log: second line\nlog: first line");
    expect(masked).toBe("log: [REDACTED:CREDENTIAL]\nlog: [REDACTED:CREDENTIAL]");
  });

  it("of fewer than six characters are ignored, as they would spoil everything", () => {
    expect(whole({ ...TEXT_TYPE, secrets: ["true", ""] }, "it is true")).toBe("it is true");
  });

  it("change from one body to the next", () => {
    for (let i = 0; i < 20; i++) {
      const secret = `secret-number-${i}`;
      expect(
        through(masker.open({ ...TEXT_TYPE, secrets: [secret] }), [Buffer.from(`a ${secret} b secret-number-x`)]),
      ).toBe("a [REDACTED:CREDENTIAL] b secret-number-x");
    }
  });
});
