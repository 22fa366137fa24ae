import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { recordedEvents } from "../support/guards.js";
import { attacked, CARD, MAIL, outcome, type Reply, TOKEN, textOf } from "./support/service.js";

const BODY = `card ${CARD}, mail ${MAIL}, token ${TOKEN}`;
const MASKED = "card [REDACTED:CREDIT_CARD], mail [REDACTED:EMAIL], token [REDACTED:CREDENTIAL]";
const text = { "content-type": "text/plain" };

describe("what codings a response may have", () => {
  it.each(["compress", "zstd-with-our-dictionary", "gzip;q=0, exi", "*", "identity;q=0, pack200-gzip"])(
    "is not the agent's to say: %s",
    async (wanted) => {
      const target = await attacked(() => ({ headers: text, body: BODY }));
      expect(await textOf(target, { headers: { "Accept-Encoding": wanted } })).toBe(MASKED);
      expect(target.api.received[0]?.headers["accept-encoding"]).toBe("gzip, deflate");
    },
  );

  it("is not to be said in another spelling, either", async () => {
    const target = await attacked(() => ({ headers: text, body: BODY }));
    expect(await textOf(target, { headers: { accept_encoding: "compress" } })).toBe("HEADER_REFUSED");
    expect(target.api.received).toEqual([]);
  });

  it("is one, or several, that are undone before the response is masked", async () => {
    const stacked = gzipSync(gzipSync(BODY));
    const target = await attacked(() => ({ headers: { ...text, "content-encoding": "gzip, gzip" }, body: stacked }));
    expect(await textOf(target)).toBe(MASKED);
  });
});

/** Fields by which some server or other can be asked for a piece of a response. */
const ASKING = [
  "range",
  "Range",
  "if-range",
  "x-ms-range",
  "request-range",
  "x-goog-range",
  "x-oss-range",
  "x-amz-range",
  "x-byte-range",
  "x_range",
  "ranges",
  "x-ranges-of-bytes",
  "a-im",
];

describe("a piece of a response", () => {
  it.each(ASKING)("is not asked for by `%s`, which is noted as left out", async (name) => {
    const target = await attacked(() => ({ headers: text, body: BODY }));
    expect(await textOf(target, { headers: { [name]: "bytes=5-9", "x-request-id": "1" } })).toBe(MASKED);
    expect(Object.keys(target.api.received[0]?.headers ?? {})).not.toContain(name.toLowerCase());
    expect(target.api.received[0]?.headers["x-request-id"]).toBe("1");
    expect(JSON.stringify(recordedEvents(target.directory))).toContain(name.toLowerCase());
  });

  const PIECES: readonly (readonly [string, Reply])[] = [
    ["206", { status: 206, headers: text, body: CARD.slice(0, 9) }],
    ["206 that says its range", { status: 206, headers: { ...text, "content-range": "bytes 0-8/19" }, body: "4111" }],
    ["200 that says its range", { headers: { ...text, "content-range": "bytes 0-8/19" }, body: CARD.slice(0, 9) }],
    ["404 that says its range", { status: 404, headers: { ...text, "content-range": "x 0-8/19" }, body: "4111" }],
    ["226", { status: 226, headers: { ...text, im: "range" }, body: CARD.slice(0, 9) }],
    [
      "multipart/byteranges",
      { headers: { "content-type": "multipart/byteranges; boundary=x" }, body: "--x\r\n\r\n4111" },
    ],
    ["Multipart/ByteRanges", { headers: { "content-type": "Multipart/ByteRanges" }, body: "4111" }],
    [
      "a second media type",
      { headers: { "content-type": ["text/plain", "multipart/byteranges; boundary=x"] }, body: "4" },
    ],
    ["206 of a picture", { status: 206, headers: { "content-type": "image/png" }, body: "4111" }],
  ];
  it.each(PIECES)("that comes unasked is withheld: %s", async (_what, reply) => {
    for (const sized of [true, false]) {
      const target = await attacked(() => ({ ...reply, sized }), { options: { masking: { unmaskable: "pass" } } });
      expect(await textOf(target)).toBe("MEDIA_REFUSED");
      expect(recordedEvents(target.directory).at(-1)).toMatchObject({ error: { code: "MEDIA_REFUSED", sent: "yes" } });
    }
  });

  it("is the caller's to ask for where masking is off", async () => {
    const target = await attacked(() => ({ status: 206, headers: text, body: "card" }), {
      options: { masking: false },
      credential: false,
    });
    expect(await textOf(target, { headers: { range: "bytes=0-3" } })).toBe("card");
    expect(target.api.received[0]?.headers["range"]).toBe("bytes=0-3");
  });

  it.each([
    ["a piece of what is uploaded", "content-range", "bytes 0-3/8"],
    ["a piece of what is uploaded later", "x-upload-content-range", "bytes 0-3/8"],
    ["what is copied", "x-amz-copy-source-range", "bytes=0-3"],
  ])("is not what this is: %s", async (_what, name, value) => {
    const target = await attacked(() => ({ headers: text, body: "kept" }), { credential: false });
    expect(await textOf(target, { method: "PUT", body: "4711", headers: { [name]: value } })).toBe("kept");
    expect(target.api.received[0]?.headers[name]).toBe(value);
  });

  it("is not what a 416 and an error without a body are", async () => {
    let reply: Reply = { status: 416, headers: { ...text, "content-range": "bytes */19" }, body: "no such range" };
    const target = await attacked(() => reply);
    expect(await textOf(target)).toBe("no such range");
    reply = { status: 304, headers: { "content-range": "bytes */19" }, body: "" };
    expect(await outcome(target)).toMatchObject({ response: { status: 304 } });
  });
});
