import { describe, expect, it } from "vitest";
import { createMasker, type OpenOptions } from "../../src/masking/index.js";
import {
  everyChunking,
  FORM_TYPE,
  JSON_TYPE,
  masker,
  oneByOne,
  SSE_TYPE,
  split,
  TEXT_TYPE,
  through,
  whole,
} from "./support.js";

const TOKEN = `ghp_${"wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"}`;
const JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJsb3JlbSI6Imlwc3VtIn0.ymiJSsMJXR6tMSr8G9usjQ15_8hKPDv_CArLhxw28MI";
const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${"MIICWwIBAAKBgQCYdGaf5uYMsilGHfnx\n".repeat(8)}-----END RSA PRIVATE KEY-----`;

/** How others leaked while they masked streams, one test each. */
describe("a stream", () => {
  it("(a) masks a value that is split across chunks, wherever it is split", () => {
    expect(everyChunking(TEXT_TYPE, "card 4111 1111 1111 1111, thanks")).toEqual(
      new Set(["card [REDACTED:CREDIT_CARD], thanks"]),
    );
  });

  it("(b) leaves UTF-8 sequences whole that are split across chunks", () => {
    const text = "Grüße an müller@exämple.de 👋🏽 — 日本語";
    expect(everyChunking(TEXT_TYPE, text)).toEqual(new Set(["Grüße an [REDACTED:EMAIL] 👋🏽 — 日本語"]));
    expect(everyChunking(JSON_TYPE, JSON.stringify({ text }))).toEqual(
      new Set(['{"text":"Grüße an [REDACTED:EMAIL] 👋🏽 — 日本語"}']),
    );
  });

  it.each(["\n", "\r\n", "\r"])("(c) reads events whose lines end with %j, also with several data lines", (end) => {
    const lines = [
      "event: a@b.example",
      'data: {"mail":"a@b.example",',
      'data: "n":1}',
      "",
      "data: a@b.example",
      "data: c@d.example",
      "",
      ": e@f.example",
      "",
      "",
    ];
    const expected = lines.join(end).replace(/\w@\w\.example/g, "[REDACTED:EMAIL]");
    expect(everyChunking(SSE_TYPE, lines.join(end))).toEqual(new Set([expected]));
  });

  it("(d) masks a line of JSON that is split across chunks", () => {
    const options: OpenOptions = { contentType: "application/x-ndjson", paths: ["/name"] };
    const expected = '{"name":"[REDACTED:FIELD]"}\n{"name":"[REDACTED:FIELD]"}\n';
    expect(everyChunking(options, '{"name":"Ada"}\n{"name":"Bob"}\n')).toEqual(new Set([expected]));
  });

  it("(f) emits no prefix of a secret before it is complete", () => {
    for (const secret of [TOKEN, JWT, "jane.doe@example.com", "DE89 3704 0044 0532 0130 00", "+49 30 12345678"]) {
      const pass = masker.open(TEXT_TYPE);
      let out = "";
      for (const byte of oneByOne(`x ${secret}`)) {
        out += Buffer.from(pass.push(byte)).toString();
        expect(secret.startsWith(out.slice(2)) && out.length > 2, `${out} of ${secret}`).toBe(false);
      }
    }
  });

  it("(g) replaces by places in the original, whatever the lengths of earlier replacements", () => {
    const text = "a@b.example 4111111111111111 z@y.example 192.168.1.1 end";
    expect(whole(TEXT_TYPE, text)).toBe(
      "[REDACTED:EMAIL] [REDACTED:CREDIT_CARD] [REDACTED:EMAIL] [REDACTED:IP_ADDRESS] end",
    );
  });

  it("(h) does not take the end of a chunk for the end of a word", () => {
    expect(through(masker.open(TEXT_TYPE), split("to jane.doe@example.com now", 8))).toBe("to [REDACTED:EMAIL] now");
    expect(through(masker.open(TEXT_TYPE), split("to jane@example.com now", 15))).toBe("to [REDACTED:EMAIL] now");
    // and the other way round: what is a card at the end of a chunk may be something longer
    expect(through(masker.open(TEXT_TYPE), split("no 41111111111111112222222 card", 19))).toBe(
      "no 41111111111111112222222 card",
    );
  });

  it("(i) masks what is still open at the end, and hands out what is innocent", () => {
    expect(whole(TEXT_TYPE, "jane@example.com")).toBe("[REDACTED:EMAIL]");
    expect(whole(TEXT_TYPE, "4111111111111111")).toBe("[REDACTED:CREDIT_CARD]");
    expect(whole(TEXT_TYPE, "jane@")).toBe("jane@");
    expect(whole(JSON_TYPE, '{"cut":"jane@example.com')).toBe('{"cut":"[REDACTED:EMAIL]');
    expect(whole(TEXT_TYPE, PEM.slice(0, 200))).toBe("[REDACTED:PRIVATE_KEY]");
  });

  it("(j) scans events of a shape it does not know, and fields that nobody knows", () => {
    expect(
      whole(SSE_TYPE, 'data: {"type":"new","x":[{"y":{"z":"a@b.example"}}]}\nfoo: a@b.example\na@b.example\n\n'),
    ).toBe('data: {"type":"new","x":[{"y":{"z":"[REDACTED:EMAIL]"}}]}\nfoo: [REDACTED:EMAIL]\n[REDACTED:EMAIL]\n\n');
  });

  it("(j) withholds an event whose data begins like JSON and is none", () => {
    expect(() => whole(SSE_TYPE, 'data: {"mail" "x"}\n\n')).toThrow("MASKING_FAILED");
    expect(whole(SSE_TYPE, "data: [DONE]\n\ndata: [INFO] user a@b.example\n\n")).toBe(
      "data: [DONE]\n\ndata: [INFO] user [REDACTED:EMAIL]\n\n",
    );
  });

  it("(k) hands out all that is decided with every chunk", () => {
    const pass = masker.open(SSE_TYPE);
    for (let i = 0; i < 50; i++) {
      const event = Buffer.from(`data: {"text":"word ${i} and more"}\n\n`);
      expect(Buffer.from(pass.push(event)).toString()).toBe(event.toString());
    }
  });

  it("(l) sees through the escapes of JSON strings", () => {
    expect(everyChunking(JSON_TYPE, '{"a":"jane\\u0040example.com"}')).toEqual(new Set(['{"a":"[REDACTED:EMAIL]"}']));
    expect(everyChunking(JSON_TYPE, '{"a":"x\\/jane@example.com\\/y"}')).toEqual(
      new Set(['{"a":"x\\/[REDACTED:EMAIL]\\/y"}']),
    );
    expect(everyChunking(JSON_TYPE, '{"a":"\\u0034111-1111\\u002d1111-1111"}')).toEqual(
      new Set(['{"a":"[REDACTED:CREDIT_CARD]"}']),
    );
    expect(everyChunking(JSON_TYPE, '{"a":"\\ud83d\\ude00m\\u00fcller@example.com\\ud83d\\ude00"}').size).toBe(1);
    expect(whole(JSON_TYPE, JSON.stringify({ a: `key:\n${PEM}\nend` }))).toBe(
      '{"a":"key:\\n[REDACTED:PRIVATE_KEY]\\nend"}',
    );
    expect(everyChunking(JSON_TYPE, JSON.stringify({ a: PEM })).size).toBe(1);
  });

  it("(l) sees through percent-encoding in forms", () => {
    expect(everyChunking(FORM_TYPE, "mail=jane%40example.com&card=4111+1111+1111+1111&x=%4")).toEqual(
      new Set(["mail=%5BREDACTED%3AEMAIL%5D&card=%5BREDACTED%3ACREDIT_CARD%5D&x=%4"]),
    );
  });

  it("swallows a private key across chunks, and across the data lines of an event", () => {
    expect(everyChunking(TEXT_TYPE, `a\n${PEM}\nb`)).toEqual(new Set(["a\n[REDACTED:PRIVATE_KEY]\nb"]));
    const event = PEM.split("\n")
      .map((line) => `data: ${line}`)
      .join("\n");
    const masked = whole(SSE_TYPE, `data: key\n${event}\ndata: after\n\n`);
    expect(masked).not.toContain("MIIC");
    expect(masked).toMatch(/^data: key\ndata: \[REDACTED:PRIVATE_KEY\]\n(?:data: \n)+data: after\n\n$/);
    expect(everyChunking(SSE_TYPE, `${event}\n\ndata: x\n\n`).size).toBe(1);
  });

  it("masks a member's name as it masks a value", () => {
    expect(whole(JSON_TYPE, '{"jane@example.com":{"4111111111111111":1}}')).toBe(
      '{"[REDACTED:EMAIL]":{"[REDACTED:CREDIT_CARD]":1}}',
    );
  });

  it("returns a chunk in which nothing is found as it is, without a copy", () => {
    const chunk = Buffer.from(
      `${JSON.stringify({ list: Array.from({ length: 50 }, (_, i) => ({ id: i, name: "plain" })) })}\n`,
    );
    const pass = masker.open(JSON_TYPE);
    expect(pass.push(chunk)).toBe(chunk);
    expect(pass.push(chunk)).toBe(chunk);
    expect(pass.flush()).toHaveLength(0);
    expect(pass.counts).toEqual({});
  });

  it("works as a TransformStream", async () => {
    const source = new Blob(['{"mail":"jane@', 'example.com"}']).stream();
    const text = await new Response(source.pipeThrough(masker.stream(JSON_TYPE))).text();
    expect(text).toBe('{"mail":"[REDACTED:EMAIL]"}');
  });
});

describe("a pass that fails", () => {
  it("withholds the rest, and everything after it", () => {
    const pass = masker.open(JSON_TYPE);
    expect(Buffer.from(pass.push(Buffer.from('{"a":1,'))).toString()).toBe('{"a":1,');
    expect(() => pass.push(Buffer.from(']"secret":"x"}'))).toThrow("MASKING_FAILED");
    expect(() => pass.push(Buffer.from("{}"))).toThrow("MASKING_FAILED");
    expect(() => pass.flush()).toThrow("MASKING_FAILED");
  });

  it("errors the stream and passes nothing on", async () => {
    const response = new Response(
      new Blob(['{"a":1}}', '{"mail":"x"}']).stream().pipeThrough(masker.stream(JSON_TYPE)),
    );
    await expect(response.text()).rejects.toThrow("MASKING_FAILED");
  });

  it("says nothing of what it looked at", () => {
    try {
      whole(JSON_TYPE, '{"password":hunter2 "x"}');
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain("hunter2");
      expect(JSON.stringify(error)).not.toContain("hunter2");
    }
  });

  it.each([
    ["UTF-16 under a type that says nothing of it", TEXT_TYPE, Buffer.from("jane@example.com", "utf16le")],
    ["UTF-16 JSON", JSON_TYPE, Buffer.from('{"a":"jane@example.com"}', "utf16le")],
    ["brackets that do not match", JSON_TYPE, Buffer.from('{"a":[1}')],
    ["names without quotes", JSON_TYPE, Buffer.from("{email:'a@b.example'}")],
    ["nesting without end", JSON_TYPE, Buffer.from("[".repeat(5000))],
  ])("is what becomes of %s", (_what, options, bytes) => {
    expect(() => through(masker.open(options), [bytes])).toThrow("MASKING_FAILED");
  });

  it("is one that is used after its end", () => {
    const pass = masker.open(TEXT_TYPE);
    pass.flush();
    expect(() => pass.push(Buffer.from("x"))).toThrow("MASKING_FAILED");
  });
});

describe("memory", () => {
  /** Pushes for a while and returns the most that was held back. */
  function mostHeld(options: OpenOptions, begin: string, part: string, by = masker): number {
    const pass = by.open(options);
    pass.push(Buffer.from(begin));
    const chunk = Buffer.from(part.repeat(Math.ceil(1000 / part.length)));
    let most = 0;
    for (let i = 0; i < 300; i++) {
      pass.push(chunk);
      most = Math.max(most, pass.held);
    }
    return most;
  }

  it.each([
    ["a long word", TEXT_TYPE, "", "a"],
    ["digits", TEXT_TYPE, "", "4"],
    ["numbers", TEXT_TYPE, "", "4111 "],
    ["e-mail signs", TEXT_TYPE, "", "@"],
    ["local parts", TEXT_TYPE, "", "a@"],
    ["domains", TEXT_TYPE, "a@", "b."],
    ["colons", TEXT_TYPE, "", "a:"],
    ["a token that does not end", TEXT_TYPE, "x eyJhbGciOiJIUzI1NiJ9.", "a"],
    ["a header that does not end", TEXT_TYPE, "x eyJhbGciOiJIUzI1NiIsIng1YyI6WyJ", "QUFB"],
    ["a key that does not end", TEXT_TYPE, "-----BEGIN PRIVATE KEY-----", "AAAA\n"],
    ["a string", JSON_TYPE, '{"a":"', "x"],
    ["a number", JSON_TYPE, '{"a":', "1"],
    ["white space", JSON_TYPE, '{"a":', " "],
    ["elements", JSON_TYPE, "[", "1,"],
    ["a line", SSE_TYPE, "data: ", "x"],
    ["a form value", FORM_TYPE, "a=", "%41"],
    ["keywords", TEXT_TYPE, "", "aws "],
  ])("holds back no more than 512 bytes of %s", (_what, options, begin, part) => {
    expect(mostHeld(options, begin, part)).toBeLessThanOrEqual(512);
  });

  it("holds back no more than 256 characters of a string of escapes", () => {
    expect(mostHeld(JSON_TYPE, '{"a":"', "\\u0041")).toBeLessThanOrEqual(256 * 6);
  });

  it("holds back no more than one longest name where path rules have to know it", () => {
    expect(mostHeld({ ...JSON_TYPE, paths: ["/a/b"] }, '{"', "x")).toBeLessThanOrEqual(2048);
    expect(mostHeld({ ...JSON_TYPE, paths: ["/a/b"] }, '{"a":{"b":"', "x")).toBeLessThanOrEqual(512);
  });

  it("holds back no more than 5 KiB where a strategy needs the whole value", () => {
    const hashing = createMasker({
      strategies: { JWT: "hash", PRIVATE_KEY: "partial", FIELD: "hash" },
      hashKey: "k".repeat(16),
    });
    expect(mostHeld(TEXT_TYPE, "x eyJhbGciOiJIUzI1NiJ9.", "a", hashing)).toBeLessThanOrEqual(5200);
    expect(mostHeld({ ...JSON_TYPE, paths: ["/a"] }, '{"a":"', "x", hashing)).toBeLessThanOrEqual(5200);
  });

  it("takes a chunk of any size in parts", () => {
    const text = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ id: i, mail: `user${i}@example.com` })));
    const masked = JSON.parse(whole(JSON_TYPE, text)) as { mail: string }[];
    expect(masked).toHaveLength(20_000);
    expect(new Set(masked.map(({ mail }) => mail))).toEqual(new Set(["[REDACTED:EMAIL]"]));
  });
});
