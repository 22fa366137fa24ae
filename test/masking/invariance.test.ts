import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OpenOptions } from "../../src/masking/index.js";
import { FORM_TYPE, JSON_TYPE, masker, SSE_TYPE, split, TEXT_TYPE, through, whole } from "./support.js";

const TOKEN = `ghp_${"wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"}`;

/** Sensitive values and words, none of which is glued to another: a mask ends a word, and may so complete the next one. */
const spoken = fc
  .array(
    fc.constantFrom(
      "jane@example.com",
      "4111 1111 1111 1111",
      "DE89 3704 0044 0532 0130 00",
      TOKEN,
      "words",
      "ü",
      '"',
      "<&>",
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(", "));
const row = fc.record({ note: spoken, n: fc.integer(), inner: fc.array(spoken, { maxLength: 2 }) });
const xml = (text: string): string => `<a b='x'>${text.replace(/[<&>"]/g, "-")}</a>`;
const part = (text: string): string => `--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n${text}\r\n`;

const FORMATS: [string, OpenOptions, fc.Arbitrary<string>][] = [
  ["text", TEXT_TYPE, spoken],
  ["XML", { contentType: "application/xml" }, spoken.map(xml)],
  ["JSON", JSON_TYPE, row.map((value) => JSON.stringify(value, null, 1))],
  [
    "NDJSON",
    { contentType: "application/x-ndjson" },
    fc.array(row, { maxLength: 3 }).map((rows) => rows.map((value) => `${JSON.stringify(value)}\n`).join("")),
  ],
  [
    "events",
    SSE_TYPE,
    fc
      .array(
        fc.oneof(
          row,
          spoken.map((content) => ({ choices: [{ index: 0, delta: { content: `${content}, ` } }] })),
        ),
        { maxLength: 3 },
      )
      .map((events) => events.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("")),
  ],
  ["a form", FORM_TYPE, spoken.map((text) => new URLSearchParams({ text, other: text }).toString())],
  [
    "multipart",
    { contentType: "multipart/form-data; boundary=b" },
    fc.array(spoken, { maxLength: 2 }).map((texts) => `${texts.map(part).join("")}--b--\r\n`),
  ],
];

describe.each(FORMATS)("%s", (_name, options, bodies) => {
  it("is masked the same wherever it is split, and a second mask changes nothing", () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const masked = whole(options, body);
        expect(masked).not.toMatch(/jane|4111|3704|ghp_/);
        expect(whole(options, masked)).toBe(masked);
        for (let at = 1; at < Buffer.byteLength(body); at++)
          expect(through(masker.open(options), split(body, at)), `split at ${at}`).toBe(masked);
      }),
      { numRuns: 12 },
    );
  });
});
