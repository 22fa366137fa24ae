import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker, type OpenOptions } from "../../src/masking/index.js";
import { everyChunking, masker, oneByOne, SSE_TYPE, through, whole } from "./support.js";

const TOKEN = `ghp_${"wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"}`;
const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${"MIICWwIBAAKBgQCYdGaf5uYMsilGHfnx\n".repeat(8)}-----END RSA PRIVATE KEY-----`;

const event = (data: object, end = "\n"): string => `data: ${JSON.stringify(data)}${end}${end}`;
const chat = (delta: object, index = 0): object => ({ choices: [{ index, delta, finish_reason: null }] });
const claude = (delta: object, index = 0): object => ({ type: "content_block_delta", index, delta });
const DONE = "data: [DONE]\n\n";

/** A text in pieces of `size` characters. */
const pieces = (text: string, size = 3): string[] => text.match(new RegExp(`[^]{1,${size}}`, "gu")) ?? [];

/** The data of every event, read. */
const dataOf = (stream: string): unknown[] =>
  [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));

/** The texts at the end of a path in every event, put together. */
function said(stream: string, ...path: (string | number)[]): string {
  return dataOf(stream)
    .map((data) => path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)?.[step], data))
    .join("");
}

describe("a text that comes in many events", () => {
  it.each<[string, (text: string) => object, (string | number)[]]>([
    ["a chat completion", (content) => chat({ content }), ["choices", 0, "delta", "content"]],
    [
      "the arguments of a tool call",
      (text) => chat({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
      ["choices", 0, "delta", "tool_calls", 0, "function", "arguments"],
    ],
    ["an older completion", (text) => ({ choices: [{ text, index: 0 }] }), ["choices", 0, "text"]],
    [
      "a response",
      (delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta }),
      ["delta"],
    ],
    ["a message", (text) => claude({ type: "text_delta", text }), ["delta", "text"]],
    [
      "the input of a tool",
      (json) => claude({ type: "input_json_delta", partial_json: json }),
      ["delta", "partial_json"],
    ],
    ["thoughts", (thinking) => claude({ type: "thinking_delta", thinking }), ["delta", "thinking"]],
    [
      "generated content",
      (text) => ({ candidates: [{ content: { parts: [{ text }] } }] }),
      ["candidates", 0, "content", "parts", 0, "text"],
    ],
    ["a part of a message", (delta) => ({ type: "text-delta", id: "0", delta }), ["delta"]],
  ])("is masked as if it were in one: %s", (_what, data, path) => {
    const text = `mail jane.doe@example.com, card 4111 1111 1111 1111, key ${TOKEN}, "ü" end`;
    for (const size of [1, 4, 11]) {
      const stream =
        pieces(text, size)
          .map((piece) => event(data(piece)))
          .join("") + DONE;
      const masked = whole(SSE_TYPE, stream);
      expect(said(masked, ...path)).toBe(
        'mail [REDACTED:EMAIL], card [REDACTED:CREDIT_CARD], key [REDACTED:SECRET:github_token], "ü" end',
      );
      expect(dataOf(masked)).toHaveLength(dataOf(stream).length);
      expect(through(masker.open(SSE_TYPE), oneByOne(stream))).toBe(masked);
      expect(whole(SSE_TYPE, masked)).toBe(masked);
    }
  });

  it("(e) is told from the other texts that come at the same time, by choice and by tool call", () => {
    const tool = (choice: number, index: number, text: string): string =>
      event(chat({ tool_calls: [{ index, function: { arguments: text } }] }, choice));
    const stream =
      event(chat({ content: "to jane@" }, 0)) +
      event(chat({ content: "to bob@" }, 1)) +
      tool(2, 0, "4111 1111 ") +
      tool(2, 1, TOKEN.slice(0, 20)) +
      event(chat({ content: "example.com." }, 0)) +
      tool(2, 1, TOKEN.slice(20)) +
      event(chat({ content: "example.org." }, 1)) +
      tool(2, 0, "1111 1111") +
      DONE;
    const masked = whole(SSE_TYPE, stream);
    expect(masked.match(/\[REDACTED:[^\]]+\]/g)).toEqual([
      ...["[REDACTED:EMAIL]", "[REDACTED:EMAIL]", "[REDACTED:CREDIT_CARD]", "[REDACTED:SECRET:github_token]"],
    ]);
    expect(masked).not.toMatch(/example|jane|bob|4111|1111|INUx/);
    expect(everyChunking(SSE_TYPE, stream).size).toBe(1);
  });

  it("is swallowed from the first line of a private key to its last, over all events", () => {
    const masked = whole(
      SSE_TYPE,
      pieces(`a ${PEM} b`, 7)
        .map((content) => event(chat({ content })))
        .join(""),
    );
    expect(said(masked, "choices", 0, "delta", "content")).toBe("a [REDACTED:PRIVATE_KEY] b");
  });

  it("is found however its pieces are escaped, and whatever ends the lines", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const stream = [
        `event: x${end}data: {"delta":{"text":"jan\\u0065"},${end}data: "index":0}${end}${end}`,
        `data:{"delta":{"t\\u0065xt":"\\u0040example.com\\n"},"index":0}${end}${end}`,
      ].join("");
      const [masked = "", ...others] = everyChunking(SSE_TYPE, stream);
      expect(others).toEqual([]);
      expect(masked).toContain('"text":"[REDACTED:EMAIL]"');
      expect(masked).toContain('"t\\u0065xt":"\\n"');
    }
  });

  it("knows secrets of the guard, and needs no more of a value than its strategy does", () => {
    const by = createMasker({ strategies: { EMAIL: "hash" }, hashKey: "k".repeat(16) });
    const options: OpenOptions = { ...SSE_TYPE, secrets: ["a-live-credential"] };
    const stream = pieces("a-live-credential of jane@example.com.")
      .map((text) => event(claude({ text })))
      .join("");
    expect(said(whole(options, stream, by), "delta", "text")).toMatch(
      /^\[REDACTED:CREDENTIAL\] of \[EMAIL:[a-p]{32}\]\.$/,
    );
  });

  it("is masked the same for every way to cut the text and the stream", () => {
    const text = fc.array(
      fc.constantFrom("jane@example.com", "4111 1111 1111 1111", TOKEN, "a word", " ", "ü", '"', "\n", "::1", "-"),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(
        text,
        text,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 99 }),
        (one, two, size, step) => {
          const first = pieces(one.join(" "), size).map((content) => event(chat({ content }, 0)));
          const second = pieces(two.join(" "), size).map((content) => event(chat({ content }, 1)));
          const both = first.flatMap((part, i) => [part, second[i] ?? ""]).concat(second.slice(first.length));
          const bytes = Buffer.from(both.join("") + DONE);
          const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, i) =>
            bytes.subarray(i * step, (i + 1) * step),
          );
          const masked = through(masker.open(SSE_TYPE), chunks);
          expect(masked).toBe(whole(SSE_TYPE, bytes.toString()));
          expect(whole(SSE_TYPE, masked)).toBe(masked);
          for (const [index, spoken] of [one, two].entries())
            expect(
              dataOf(masked)
                .map((data) => contentOf(data, index))
                .join(""),
            ).toBe(masker.mask(spoken.join(" ")).text);
        },
      ),
      { numRuns: 150 },
    );
  });
});

function contentOf(data: unknown, index: number): string {
  const { choices } = data as { choices: { index: number; delta: { content?: string } }[] };
  return choices.find((choice) => choice.index === index)?.delta.content ?? "";
}

describe("an event", () => {
  const chunk = (text: string): Uint8Array => Buffer.from(text);
  const pushed = (pass: ReturnType<typeof masker.open>, text: string): string =>
    Buffer.from(pass.push(chunk(text))).toString();

  it("of a model waits for nothing but the end of its last word", () => {
    const pass = masker.open(SSE_TYPE);
    const first = event(chat({ content: "Hello, wor" }));
    const second = event(chat({ content: "ld, how " }));
    expect(pushed(pass, first)).toBe("");
    expect(pushed(pass, second)).toBe(first + second);
  });

  it("that belongs to no such text goes out at once", () => {
    const pass = masker.open(SSE_TYPE);
    for (const text of [
      event({ status: "ready", text: "word" }),
      event({ jsonrpc: "2.0", id: 1, result: { choices: [{ text: "word" }] } }),
      "event: ping\ndata: word\n\n",
      ": word\n\n",
    ])
      expect(pushed(pass, text)).toBe(text);
  });

  it.each([
    ["the stream's last one", chat({ content: "word" }), DONE],
    [
      "the end of its choice",
      chat({ content: "word" }),
      event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
    ],
    ["the end of its block", claude({ text: "word" }), event({ type: "content_block_stop", index: 0 })],
    ["the end of the message", claude({ text: "word" }), event({ type: "message_stop" })],
  ])("waits no longer than to %s", (_what, data, end) => {
    const pass = masker.open(SSE_TYPE);
    expect(pushed(pass, event(data))).toBe("");
    expect(pushed(pass, end)).toBe(event(data) + end);
  });

  it("goes out in its place, also when what came after it is decided before it", () => {
    const pass = masker.open(SSE_TYPE);
    const events = [chat({ content: "word" }, 0), chat({ content: "a b " }, 1), { note: "x" }].map((data) =>
      event(data),
    );
    for (const text of events) expect(pushed(pass, text)).toBe("");
    expect(Buffer.from(pass.flush()).toString()).toBe(events.join(""));
  });

  it("does not wait for a text that has not gone on for long; what it says alone is masked, and what goes on with it", () => {
    const pass = masker.open(SSE_TYPE);
    let out = pushed(pass, event(chat({ content: "jane@" }, 0)) + event(chat({ content: "example.co" }, 0)));
    expect(out).toBe("");
    for (let i = 0; i < 40; i++) out += pushed(pass, event(chat({ content: "other words, " }, 1)));
    expect(dataOf(out).length).toBeGreaterThanOrEqual(41);
    out += pushed(pass, event(chat({ content: "mpany.example. " }, 0)));
    expect(out).not.toMatch(/jane|mpany/);
  });

  it.each<[string, string, string]>([
    ["lines that are no data", "", "data: x\n\n"],
    ["comments without end", "", ": comment\n"],
    ["other events", "", event({ a: 1 })],
    ["more of the text", "", event(chat({ content: "word" }))],
    ["an event that does not end", 'data: {"delta":{"text":"', "x"],
  ])("is not held back with more than 128 KiB of %s behind it", (_what, begin, part) => {
    const pass = masker.open(SSE_TYPE);
    pass.push(chunk(event(chat({ content: "word" }, 7)) + begin));
    for (let i = 0; i < 200; i++) {
      pass.push(chunk(part.repeat(Math.ceil(2000 / part.length))));
      expect(pass.held).toBeLessThan(128 * 1024);
    }
  });

  it("of too many texts at once is withheld", () => {
    const key = "-----BEGIN PRIVATE KEY-----";
    const open = Array.from({ length: 200 }, (_, index) => event(chat({ content: key }, index))).join("");
    expect(() => whole(SSE_TYPE, open)).toThrow("MASKING_FAILED");
    // texts that have nothing open are forgotten instead
    const many = Array.from({ length: 500 }, (_, index) => event(chat({ content: "a word." }, index))).join("");
    expect(whole(SSE_TYPE, many)).toBe(many);
  });
});
