import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/masking/index.js";
import { plainEnd } from "../../src/masking/json/plain.js";
import { everyChunking, JSON_TYPE, masker, TEXT_TYPE, whole } from "./support.js";

const UUID = "550e8400-e29b-41d4-a716-446655440000";

const plain = fc.oneof(
  fc.stringMatching(/^[A-Za-z_ ]{0,15}$/),
  fc.uuid(),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }).map((date) => date.toISOString()),
  fc.constantFrom("2026-01-15T12:30:45Z", "2026-01-15T12:30:45.123456Z"),
);

describe("a string that is a few words, a UUID or an instant", () => {
  it("is known from its bytes, and is nothing that any detector looks for", () => {
    fc.assert(
      fc.property(plain, (text) => {
        const bytes = Buffer.from(`${text}"        `);
        expect(plainEnd(bytes, 0, bytes.length)).toBe(text.length);
        expect(masker.detect(text)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    "jane@example.com",
    "4111111111111111",
    "::1",
    "words and words and",
    "tab\\tand",
    `${UUID}0`,
    `x${UUID.slice(1)}`,
    "2026-01-15T12:30:45 4111111111111111",
    "2026-01-15 12:30:45Z",
    "12026-01-15T12:30:45Z",
  ])("is not %s", (text) => {
    const bytes = Buffer.from(`${text}"        `);
    expect(plainEnd(bytes, 0, bytes.length)).toBe(-1);
  });

  it("is nothing in the middle of a text, either, though a group of its digits may pass a check", () => {
    // 3500657B is a DNI of seven digits; the last group of the others is a number with check digits.
    for (const id of ["3500657b-a000-8462-8000-000000000000", "a0b1c2d3-e4f5-4a6b-8c7d-199003052397"])
      expect(everyChunking(TEXT_TYPE, `see ${id}, please`)).toEqual(new Set([`see ${id}, please`]));
    expect(whole(TEXT_TYPE, "nif 3500657b-a000")).toBe("nif [REDACTED:ES_NIF]-a000");
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(masker.detect(`see ${id}, please`)).toEqual([]);
      }),
      { numRuns: 5000 },
    );
  });

  it("is masked all the same where its name says so, where it is a secret of the guard, and where a user looks for it", () => {
    const json = JSON.stringify({ password: "Zxcvbnmasdfgh", client_secret: UUID, id: UUID, note: "some words" });
    expect(whole({ ...JSON_TYPE, secrets: [UUID, "some words"] }, json)).toBe(
      '{"password":"[REDACTED:SECRET:generic]","client_secret":"[REDACTED:CREDENTIAL]","id":"[REDACTED:CREDENTIAL]","note":"[REDACTED:CREDENTIAL]"}',
    );
    expect(whole({ ...JSON_TYPE, secrets: ["446655440000"] }, JSON.stringify([UUID]))).toContain("CREDENTIAL");
    const by = createMasker({ custom: [{ name: "WORD", keyword: "some", pattern: "some words" }] });
    expect(whole(JSON_TYPE, JSON.stringify(["some words"]), by)).toBe('["[REDACTED:WORD]"]');
    expect(everyChunking(JSON_TYPE, json)).toEqual(
      new Set([
        `{"password":"[REDACTED:SECRET:generic]","client_secret":"[REDACTED:SECRET:generic]","id":"${UUID}","note":"some words"}`,
      ]),
    );
  });
});
