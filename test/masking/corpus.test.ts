import { describe, expect, it } from "vitest";
import { createMasker, type Masker, type OpenOptions } from "../../src/masking/index.js";
import {
  CASES,
  type Case,
  everyChunking,
  FORM_TYPE,
  JSON_TYPE,
  oneByOne,
  SSE_TYPE,
  TEXT_TYPE,
  through,
  whole,
} from "./support.js";

/** Kinds that are about people and money; the others are secrets. */
const PERSONAL =
  /^(?:a[u]|ca|de|es|fi|in|it|kr|pl|se|sg|th|tr|uk|us|za)_|^(?:credit_card|crypto_wallet|email|iban|ip|mac_address|phone)$/;

/** Addresses of web pages are no secret and nobody's own: they are not looked for. */
const SCORED: readonly Case[] = CASES.filter(({ strength, kind }) => strength === "strong" && kind !== "url");

/** Recall at least, share of look-alikes at most. */
const FLOORS = {
  "personal data": { cases: SCORED.filter(({ kind }) => PERSONAL.test(kind)), recall: 0.99, flagged: 0.02 },
  secrets: { cases: SCORED.filter(({ kind }) => !PERSONAL.test(kind)), recall: 0.98, flagged: 0.01 },
};

/** The detectors that a look-alike of this kind must not set off. */
function detectorsOf(kind: string): readonly string[] {
  if (kind === "ip") return ["IP_ADDRESS"];
  if (kind === "jwt") return ["JWT"];
  return PERSONAL.test(kind) ? [kind.toUpperCase()] : ["SECRET", "URL_CREDENTIALS", "PRIVATE_KEY"];
}

const maskers = new Map<string, Masker>();
function maskerFor({ region }: Case): Masker {
  const key = region ?? "";
  const found = maskers.get(key) ?? createMasker({ regions: key === "" ? [] : [key] });
  maskers.set(key, found);
  return found;
}

/** No six characters in a row of any span are outside of what was found; of a shorter span nothing. */
function isFound({ text, spans, ...rest }: Case): boolean {
  const findings = maskerFor({ text, spans, ...rest }).detect(text);
  const covered = (i: number): boolean => findings.some(({ start, end }) => start <= i && i < end);
  return spans.every(([start, end]) => {
    let run = 0;
    let longest = 0;
    for (let i = start; i < end; i++) {
      run = covered(i) ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    return longest < 6 && longest < end - start;
  });
}

const FORMATS: Record<string, readonly [OpenOptions, (text: string) => string, (masked: string) => string]> = {
  text: [TEXT_TYPE, (text) => text, (masked) => masked],
  "a JSON value": [JSON_TYPE, (text) => JSON.stringify({ id: 1, note: text }), (masked) => JSON.parse(masked).note],
  "a JSON value, all escaped": [
    JSON_TYPE,
    (text) =>
      JSON.stringify({ note: text })
        .replace(/(?<!\\)[@.4:-]/g, escaped)
        .replace('note"\\u003a', 'note":'),
    (masked) => JSON.parse(masked).note,
  ],
  NDJSON: [
    { contentType: "application/x-ndjson" },
    (text) => `{"a":1}\n${JSON.stringify({ note: text })}\n`,
    (masked) => JSON.parse(masked.split("\n")[1] ?? "").note,
  ],
  "the data of an event": [
    SSE_TYPE,
    (text) => `event: note\r\ndata: ${JSON.stringify({ note: text })}\r\n\r\n`,
    (masked) => JSON.parse((masked.split("\r\n")[1] ?? "").slice(6)).note,
  ],
  "a part of a multipart body": [
    { contentType: "multipart/form-data; boundary=cut-here" },
    (text) =>
      `--cut-here\r\nContent-Disposition: form-data; name="note"\r\n\r\n${text}\r\n` +
      `--cut-here\r\nContent-Disposition: form-data; name="b"\r\n\r\n1\r\n--cut-here--\r\n`,
    (masked) =>
      masked.slice(
        masked.indexOf("\r\n\r\n") + 4,
        masked.indexOf('\r\n--cut-here\r\nContent-Disposition: form-data; name="b"'),
      ),
  ],
  "a form": [
    FORM_TYPE,
    (text) => `a=1&note=${encodeURIComponent(text)}&b=2`,
    (masked) => new URLSearchParams(masked).get("note") ?? "",
  ],
};

function escaped(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

describe("the corpus", () => {
  for (const [name, { cases, recall, flagged }] of Object.entries(FLOORS)) {
    it(`finds at least ${recall * 100} % of ${name} and flags at most ${flagged * 100} % of its look-alikes`, () => {
      const positives = cases.filter(({ positive }) => positive);
      const missed = positives.filter((one) => !isFound(one)).map(({ id }) => id);
      expect(positives.length).toBeGreaterThan(300);
      expect(1 - missed.length / positives.length, `missed: ${missed.join(", ")}`).toBeGreaterThanOrEqual(recall);
      const negatives = cases.filter(({ positive }) => !positive);
      const wrong = negatives.filter((one) =>
        maskerFor(one)
          .detect(one.text)
          .some((finding) => detectorsOf(one.kind).includes(finding.kind)),
      );
      expect(wrong.length / negatives.length, wrong.map(({ id }) => id).join(", ")).toBeLessThanOrEqual(flagged);
    });

    it(`takes at most 3 % of the look-alikes of ${name} for anything else`, () => {
      const negatives = cases.filter(({ positive }) => !positive);
      const wrong = negatives.filter((one) => maskerFor(one).detect(one.text).length > 0);
      expect(wrong.length / negatives.length, wrong.map(({ id }) => id).join(", ")).toBeLessThanOrEqual(0.03);
    });
  }

  for (const [name, [options, wrap, unwrap]] of Object.entries(FORMATS)) {
    it(`is masked in ${name} as it is as a text`, () => {
      for (const one of CASES) {
        const by = maskerFor(one);
        expect(unwrap(whole(options, wrap(one.text), by)), one.id).toBe(by.mask(one.text).text);
      }
    });

    it(`gives the same output byte by byte in ${name}`, () => {
      for (const one of CASES) {
        const by = maskerFor(one);
        const text = wrap(one.text);
        expect(through(by.open(options), oneByOne(text)), one.id).toBe(whole(options, text, by));
      }
    });

    it(`masks what was masked in ${name} no further`, () => {
      for (const one of CASES) {
        const masked = whole(options, wrap(one.text), maskerFor(one));
        expect(whole(options, masked, maskerFor(one)), one.id).toBe(masked);
      }
    });
  }

  it.each(["text", "a JSON value, all escaped"])("gives the same output for every split of %s into two", (name) => {
    const [options, wrap] = FORMATS[name]!;
    for (const one of CASES) {
      const text = wrap(one.text);
      if (Buffer.byteLength(text) <= 200) expect(everyChunking(options, text, maskerFor(one)).size, one.id).toBe(1);
    }
  });
});
