import { describe, expect, it } from "vitest";
import { OptionsError } from "../../src/errors/guard-error.js";
import { createMasker, isMaskable, type MaskerOptions } from "../../src/masking/index.js";
import { everyChunking, JSON_TYPE, masker, TEXT_TYPE } from "./support.js";

describe("createMasker", () => {
  it("lists everything that is wrong with its options at once", () => {
    const wrong = {
      detectors: ["EMAIL", "EMIAL"],
      paths: ["customer/email", "/a/**", "/a~2"],
      strategies: { EMAIL: "token", CARD: "redact", IBAN: "hide", US_SSN: "hash", CREDENTIAL: "partial" },
      custom: [
        { name: "lower", keyword: "x", pattern: "(a+)+" },
        { name: "EMAIL", keyword: "abc", pattern: "[" },
      ],
      allow: [7],
      regions: ["usa"],
      hashkey: "",
    };
    try {
      createMasker(wrong as never);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(OptionsError);
      const { problems } = error as OptionsError;
      expect(problems.map(({ pointer }) => pointer)).toEqual([
        "/hashkey",
        "/detectors/1",
        "/paths/0",
        "/paths/1",
        "/paths/2",
        "/strategies/EMAIL",
        "/strategies/IBAN",
        "/custom/0/name",
        "/custom/0/keyword",
        "/custom/0/pattern",
        "/custom/1/name",
        "/custom/1/pattern",
        "/allow/0",
        "/regions/0",
        "/strategies/CARD",
        "/strategies/US_SSN",
        "/strategies/CREDENTIAL",
      ]);
      expect(problems.find(({ pointer }) => pointer === "/strategies/EMAIL")?.message).toContain("must be");
    }
  });

  it("looks for what it is told to, and for nothing else", () => {
    const text = "jane@example.com 4111111111111111 192.168.1.1";
    expect(createMasker({ detectors: ["EMAIL"] }).detect(text)).toEqual([{ kind: "EMAIL", start: 0, end: 16 }]);
    expect(createMasker({ detectors: [] }).detect(text)).toEqual([]);
  });

  it("leaves listed values alone, whatever their separators", () => {
    const by = createMasker({ allow: ["4111111111111111", "test@example.com"] });
    const text = "4111 1111 1111 1111, test@example.com, jane@example.com, 4012888888881881";
    expect(everyChunking(TEXT_TYPE, text, by)).toEqual(
      new Set(["4111 1111 1111 1111, test@example.com, [REDACTED:EMAIL], [REDACTED:CREDIT_CARD]"]),
    );
  });

  it("finds by detectors of the user's own", () => {
    const by = createMasker({
      detectors: [],
      custom: [
        { name: "EMPLOYEE_ID", keyword: "EMP-", pattern: "EMP-[0-9]{6}" },
        { name: "BADGE", keyword: "badge", pattern: "\\b[0-9]{4,8}\\b" },
      ],
    });
    expect(everyChunking(TEXT_TYPE, "EMP-123456, EMP-12, badge no. 4711.", by)).toEqual(
      new Set(["[REDACTED:EMPLOYEE_ID], EMP-12, badge no. [REDACTED:BADGE]."]),
    );
  });

  it("passes nothing over between a keyword and the value that it gives away", () => {
    const by = createMasker({ custom: [{ name: "BADGE", keyword: "badge", pattern: "\\b[0-9]{5}\\b" }] });
    const text = "badge of jane@example.com with 4111 1111 1111 1111 is 12345, aws.4711: jane@example.com";
    expect(everyChunking(TEXT_TYPE, text, by)).toEqual(
      new Set([
        "badge of [REDACTED:EMAIL] with [REDACTED:CREDIT_CARD] is [REDACTED:BADGE], aws.4711: [REDACTED:EMAIL]",
      ]),
    );
  });

  it.each(["(a|b)", "a*", "a+", "a|b", "(?=a)", "\\1", "a{1,999}", "a?", "a{0,9}b?c{0,9}d{0,9}e"])(
    "refuses the pattern %s of a custom detector",
    (pattern) => {
      expect(() => createMasker({ custom: [{ name: "MINE", keyword: "key", pattern }] })).toThrow(OptionsError);
    },
  );

  it.each<[NonNullable<MaskerOptions["strategies"]>[string], string]>([
    ["redact", "a [REDACTED:CREDIT_CARD] b"],
    ["partial", "a ****-****-****-1111 b"],
    ["drop", "a  b"],
  ])("masks a card with the strategy %s", (strategy, expected) => {
    const by = createMasker({ strategies: { CREDIT_CARD: strategy } });
    expect(everyChunking(TEXT_TYPE, "a 4111-1111-1111-1111 b", by)).toEqual(new Set([expected]));
    expect(by.mask("a 4111-1111-1111-1111 b")).toEqual({ text: expected, counts: { CREDIT_CARD: 1 } });
    expect(by.mask(expected).text).toBe(expected);
  });

  it("hashes equal values to equal names, which no detector takes for anything", () => {
    const by = createMasker({ strategies: { EMAIL: "hash", JWT: "hash" }, hashKey: new Uint8Array(32).fill(7) });
    const { text } = by.mask("a@b.example and a@b.example and c@d.example");
    const [first, second, third] = text.split(" and ");
    expect(first).toBe(second);
    expect(first).not.toBe(third);
    expect(first).toMatch(/^\[EMAIL:[a-p]{32}\]$/);
    expect(by.mask(text).text).toBe(text);
    expect(everyChunking(TEXT_TYPE, `x eyJhbGciOiJIUzI1NiJ9.eyJ${"a".repeat(150)}.sig end`, by).size).toBe(1);
  });

  it("lets nobody who has one pass change what the others do", () => {
    const reached = Object.getPrototypeOf(masker.open(JSON_TYPE));
    expect(Reflect.set(reached, "push", (chunk: Uint8Array) => chunk)).toBe(false);
    expect(Reflect.defineProperty(reached, "whole", { value: (body: Uint8Array) => body })).toBe(false);
  });

  it("counts what it masked, by kind", () => {
    const pass = masker.open({ ...JSON_TYPE, paths: ["/p"] });
    pass.push(Buffer.from('{"a":"x@y.example z@y.example","b":4111111111111111,"p":[1,2]}'));
    pass.flush();
    expect(pass.counts).toEqual({ EMAIL: 2, CREDIT_CARD: 1, FIELD: 1 });
  });
});

describe("detect", () => {
  it("tells places in UTF-16 code units, in order and without overlap, and whose a secret is", () => {
    const text = `👋 ü jane@example.com → ghp_${"a1B2".repeat(9)} 👋`;
    const findings = masker.detect(text);
    expect(findings.map(({ kind, vendor, start, end }) => [kind, vendor, text.slice(start, end)])).toEqual([
      ["EMAIL", undefined, "jane@example.com"],
      ["SECRET", "github_token", `ghp_${"a1B2".repeat(9)}`],
    ]);
  });

  it("leaves a text with lone surrogates as it is outside of findings", () => {
    expect(masker.mask("\ud800 jane@example.com \udc00").text).toBe("\ud800 [REDACTED:EMAIL] \udc00");
  });

  it.each([
    ["https://user:hunter22@host.example/x", "https://user:[REDACTED:URL_CREDENTIALS]@host.example/x"],
    [
      "git+https://0a1b2c3d4e5f6a7b:x-oauth-basic@git.example/a.git",
      "git+https://[REDACTED:URL_CREDENTIALS]@git.example/a.git",
    ],
    ["postgres://app:p%40ss@db:5432/x", "postgres://app:[REDACTED:URL_CREDENTIALS]@db:5432/x"],
    [`https://user:\${PASSWORD}@host.example`, `https://user:\${PASSWORD}@host.example`],
    ["https://host.example:8080/@me:x", "https://host.example:8080/@me:x"],
  ])("masks the password in %s", (text, expected) => {
    expect(createMasker({ detectors: ["URL_CREDENTIALS"] }).mask(text).text).toBe(expected);
    expect(everyChunking(TEXT_TYPE, text).size).toBe(1);
  });
});

describe("isMaskable", () => {
  it.each([
    "application/json",
    "application/problem+json; charset=utf-8",
    "application/x-ndjson",
    "text/event-stream",
    "text/plain;charset=ISO-8859-1",
    "text/html",
    "image/svg+xml",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    'multipart/mixed; boundary="a b:c"',
  ])("says yes to %s", (type) => {
    expect(isMaskable(type)).toBe(true);
    expect(() => masker.open({ contentType: type })).not.toThrow();
  });

  it.each([
    null,
    "",
    "application/octet-stream",
    "image/png",
    "application/pdf",
    "multipart/form-data",
    "multipart/byteranges; boundary=x",
    'multipart/mixed; boundary="x "',
    "text/plain; charset=utf-16",
    "application/json; charset=utf-7",
    "text/plain; charset=shift_jis",
    "application/json, application/pdf",
    "application/json; charset=utf-8; charset=utf-16",
  ])("says no to %s, and such a body is not opened", (type) => {
    expect(isMaskable(type)).toBe(false);
    expect(() => masker.open({ contentType: type })).toThrow("MEDIA_REFUSED");
  });
});
