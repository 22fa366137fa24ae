import fc from "fast-check";
import { expect, it } from "vitest";
import { createMasker } from "../../src/masking/index.js";
import { JSON_TYPE, whole } from "./support.js";

const AWS_KEY = ["AKIA", "Z7QK3NVW5PDX2MHT"].join("");
const CARD = "4539 1488 0343 6467";

/** Names that call for a rule, names that hold a finding, and names that say nothing; several share a slot of the cache. */
const names = fc.oneof(
  fc.constantFrom("password", "api_key", "ssn", "card", "note", "ada@corp.example", AWS_KEY, "dob", "a", "b"),
  fc.string({ minLength: 1, maxLength: 3 }),
);
const values = fc.constantFrom<unknown>(
  "hunter2hunter2",
  CARD,
  AWS_KEY,
  "078-05-1121",
  "nothing",
  4539148803436467,
  null,
  true,
);
const bodies = fc.array(fc.dictionary(names, values, { maxKeys: 4 }), { minLength: 1, maxLength: 5 });

it("a body is masked the same whatever the masker has seen before", () => {
  fc.assert(
    fc.property(fc.array(bodies, { minLength: 2, maxLength: 12 }), (all) => {
      const texts = all.map((body) => JSON.stringify(body));
      const [last = ""] = texts.slice(-1);
      const used = createMasker();
      expect(texts.map((text) => whole(JSON_TYPE, text, used)).at(-1)).toBe(whole(JSON_TYPE, last, createMasker()));
    }),
    { numRuns: 40 },
  );
});

it("what is looked for with one set of secrets is not forgotten with another", () => {
  const masker = createMasker();
  const body = '{"tenant-4711-blue":"x","other":"tenant-4711-blue"}';
  expect(whole(JSON_TYPE, body, masker)).toBe(body);
  const masked = whole({ ...JSON_TYPE, secrets: ["tenant-4711-blue"] }, body, masker);
  expect(masked).not.toContain("tenant-4711-blue");
  expect(whole(JSON_TYPE, body, masker)).toBe(body);
});

it("bytes of one body are never seen in the next, however short it is", () => {
  const masker = createMasker();
  for (let length = 0; length < 200; length++) {
    expect(whole(JSON_TYPE, JSON.stringify({ long: "z".repeat(length), card: CARD }), masker)).toContain("REDACTED");
    expect(whole(JSON_TYPE, "{}", masker)).toBe("{}");
    expect(whole(JSON_TYPE, '{"a":"1234"}', masker)).toBe('{"a":"1234"}');
  }
});
