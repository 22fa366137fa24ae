import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker, type OpenOptions } from "../../src/masking/index.js";
import { everyChunking, masker, oneByOne, through, whole } from "./support.js";

const TYPE: OpenOptions = { contentType: 'multipart/form-data; boundary="b-42"' };
const CARD = "4111 1111 1111 1111";

const part = (headers: string, body: string, end = "\r\n"): string =>
  `--b-42${end}${headers.replaceAll("\n", end)}${end}${end}${body}${end}`;
const field = (name: string, value: string, further = ""): string =>
  part(`Content-Disposition: form-data; name="${name}"${further}`, value);
const END = "--b-42--\r\n";

describe("a multipart body", () => {
  it("is masked part by part, each as what it says it is", () => {
    const body =
      field("mail", "jane@example.com") +
      field("data", '{"mail":"jane\\u0040example.com"}', "\nContent-Type: application/json") +
      field("form", "mail=jane%40example.com", "\nContent-Type: application/x-www-form-urlencoded") +
      field("xml", "<mail>jane@example.com</mail>", '; filename="a.xml"\nContent-Type: application/xml') +
      END;
    expect(everyChunking(TYPE, body)).toEqual(
      new Set([
        field("mail", "[REDACTED:EMAIL]") +
          field("data", '{"mail":"[REDACTED:EMAIL]"}', "\nContent-Type: application/json") +
          field("form", "mail=%5BREDACTED%3AEMAIL%5D", "\nContent-Type: application/x-www-form-urlencoded") +
          field("xml", "<mail>[REDACTED:EMAIL]</mail>", '; filename="a.xml"\nContent-Type: application/xml') +
          END,
      ]),
    );
  });

  it("goes out as it came where nothing is found, also what stands around its parts", () => {
    for (const body of [
      `a preamble\r\n${field("a", "b")}${END}an epilogue`,
      `${field("a", "b\r\n--b-4\r\n--c")}--b-42-- \r\n`,
      part("", "no headers") + END,
      `--b-42 \t\r\ncontent-type: text/plain\r\n\r\n\r\n--b-42\r\n\r\n--b-42--`,
      `${part("X: y", "line feeds only", "\n")}--b-42--\n`,
      field("a", "cut off in the mid").slice(0, -8),
      field("a", "b").slice(0, 30),
      "",
    ])
      expect(everyChunking(TYPE, body), body).toEqual(new Set([body]));
  });

  it("is masked in the headers of its parts, and around them", () => {
    const body = `jane@example.com\r\n${field("jane@example.com", "x", `; filename="${CARD}.txt"`)}${END}jane@example.com`;
    expect(everyChunking(TYPE, body)).toEqual(
      new Set([
        `[REDACTED:EMAIL]\r\n${field("[REDACTED:EMAIL]", "x", '; filename="[REDACTED:CREDIT_CARD].txt"')}${END}[REDACTED:EMAIL]`,
      ]),
    );
  });

  it("says by the name of a field what its value is", () => {
    expect(
      everyChunking(TYPE, field("password", "correct-horse-7") + field("comment", "correct-horse-7") + END),
    ).toEqual(new Set([field("password", "[REDACTED:SECRET:generic]") + field("comment", "correct-horse-7") + END]));
  });

  it("is masked by paths whose first step is the name of the part", () => {
    const options: OpenOptions = { ...TYPE, paths: ["/pin", "/data/inner", "/file"] };
    const json = "\nContent-Type: application/json";
    const body =
      field("pin", "12\r\n34") +
      field("data", '{"inner":1,"pin":2}', json) +
      field("file", "\u0000\u0001", "\nContent-Type: image/png") +
      END;
    expect(everyChunking(options, body)).toEqual(
      new Set([
        field("pin", "[REDACTED:FIELD]") +
          field("data", '{"inner":"[REDACTED:FIELD]","pin":2}', json) +
          field("file", "[REDACTED:FIELD]", "\nContent-Type: image/png") +
          END,
      ]),
    );
  });

  it("within another one is masked too, and no more than four deep", () => {
    const nested = (depth: number): string =>
      depth === 0
        ? "jane@example.com"
        : `--b${depth}\r\n${depth === 1 ? "" : `Content-Type: multipart/mixed; boundary=b${depth - 1}\r\n`}\r\n${nested(depth - 1)}\r\n--b${depth}--`;
    const open = (depth: number): string =>
      whole({ contentType: `multipart/mixed; boundary=b${depth}` }, nested(depth));
    expect(open(3)).toBe(nested(3).replace("jane@example.com", "[REDACTED:EMAIL]"));
    expect(() => open(5)).toThrow("MASKING_FAILED");
  });

  it("has parts that cannot be masked: they are refused, or pass without the secrets of the guard", () => {
    for (const further of [
      "\nContent-Type: image/png",
      "\nContent-Transfer-Encoding: base64",
      "\nContent-Encoding: gzip",
      "\nContent-Type: nonsense",
    ]) {
      const body =
        field("file", "jane@example.com a-live-credential", further) + field("mail", "jane@example.com") + END;
      expect(() => whole(TYPE, body)).toThrow("MEDIA_REFUSED");
      expect(everyChunking({ ...TYPE, unmaskable: "pass", secrets: ["a-live-credential"] }, body)).toEqual(
        new Set([
          field("file", "jane@example.com [REDACTED:CREDENTIAL]", further) + field("mail", "[REDACTED:EMAIL]") + END,
        ]),
      );
    }
  });

  it.each([
    ["a name that is there twice", field("a", "x", '; name="b"')],
    ["a field that is there twice", part("Content-Type: image/png\nContent-Type: text/plain", "x")],
    ["a line of its headers that is none", part("Content-Type image/png", "x")],
    ["a carriage return in its headers", part("X: y\rContent-Type: image/png", "x")],
    ["something behind its delimiter", "--b-42x\r\n\r\nx\r\n"],
    ["headers without end", `--b-42\r\nX: ${"y".repeat(20_000)}\r\n\r\nx`],
    ["too many parts", part("", "").repeat(5000)],
  ])("with %s is withheld", (_what, body) => {
    expect(() => whole({ ...TYPE, unmaskable: "pass" }, body)).toThrow("MASKING_FAILED");
    if (body.length < 25_000)
      expect(() => through(masker.open({ ...TYPE, unmaskable: "pass" }), oneByOne(body))).toThrow("MASKING_FAILED");
  });

  it("is held back no further than a text, but for a delimiter", () => {
    for (const filling of ["a", "\r", "\n", "\r\n--b-4", "4111 "]) {
      const pass = masker.open(TYPE);
      pass.push(Buffer.from(field("a", "").slice(0, -2)));
      for (let i = 0; i < 200; i++) {
        pass.push(Buffer.from(filling.repeat(Math.ceil(1000 / filling.length))));
        expect(pass.held).toBeLessThan(600);
      }
    }
  });

  it("is masked the same for every way to cut it, and once masked stays as it is", () => {
    const value = fc
      .array(fc.constantFrom("jane@example.com", CARD, "\r\n", "--b-4", "word", "ü", "\n", "\r", "-"), {
        maxLength: 6,
      })
      .map((list) => list.join(" "));
    const one = fc.tuple(fc.constantFrom("a", "password", "pin"), value).map(([name, text]) => field(name, text));
    const by = createMasker({ paths: ["/pin"] });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 4 }), fc.integer({ min: 1, max: 40 }), (parts, step) => {
        const bytes = Buffer.from(parts.join("") + END);
        const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
          bytes.subarray(i * step, (i + 1) * step),
        );
        const masked = through(by.open(TYPE), chunks);
        expect(masked).toBe(whole(TYPE, bytes.toString(), by));
        expect(masked).not.toMatch(/jane|4111/);
        expect(whole(TYPE, masked, by)).toBe(masked);
      }),
      { numRuns: 100 },
    );
  });
});
