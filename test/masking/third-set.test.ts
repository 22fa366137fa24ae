import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/masking/index.js";
import { everyChunking, TEXT_TYPE } from "./support.js";
import {
  ASSIGNMENTS,
  BASE62,
  GENERAL,
  HARMLESS,
  HEX,
  type Made,
  NATIONAL,
  oneOf,
  type Random,
  randomFrom,
  SURROUNDINGS,
  textOf,
} from "./third-set.js";

const masker = createMasker();
const EACH = 120;

function times<T>(seed: number, make: (random: Random, index: number) => T): T[] {
  const random = randomFrom(seed);
  return Array.from({ length: EACH }, (_, i) => make(random, i));
}

const around = (value: string, i: number): string => SURROUNDINGS[i % SURROUNDINGS.length]?.(value) ?? value;

/** The digits and letters of a value that are left, six or more of them in a row. */
function isLeft(value: string, text: string): boolean {
  for (let i = 0; i + 6 <= value.length; i++) if (text.includes(value.slice(i, i + 6))) return true;
  return value.length < 6 && text.includes(value);
}

const named = (made: Made): string => made.kind;

describe("a third set of cases", () => {
  it.each(GENERAL.map((made, i) => [`${named(made)} (${i})`, made] as const))("has every %s found", (_name, made) => {
    for (const text of times(1, (random, i) => [made.positive(random), i] as const)) {
      const whole = around(...text);
      expect(
        masker.detect(whole).some(({ kind }) => kind === made.kind),
        whole,
      ).toBe(true);
      expect(isLeft(text[0], masker.mask(whole).text), whole).toBe(false);
    }
  });

  it.each(GENERAL.map((made, i) => [`${named(made)} (${i})`, made] as const))(
    "has nothing taken for %s that only looks like it",
    (_name, made) => {
      const texts = times(2, (random, i) => around(made.negative(random), i));
      const wrong = texts.filter((text) => masker.detect(text).length > 0);
      expect(wrong.filter((text) => masker.detect(text).some(({ kind }) => kind === made.kind))).toEqual([]);
      // By chance, a number that is wrong for one kind is right for another.
      expect(wrong.length, wrong.join("\n")).toBeLessThanOrEqual(EACH * 0.02);
    },
  );

  it.each(NATIONAL.map((made) => [made.kind, made] as const))(
    "has every %s found next to a word for it",
    (_name, made) => {
      for (const value of times(3, made.positive)) {
        for (const text of [
          `${made.word}: ${value}`,
          `(${made.word} ${value}), as agreed`,
          `"${made.word}": "${value}"`,
        ]) {
          expect(masker.mask(text).text, text).not.toContain(value.slice(-6));
          // Of what is right for two kinds, the first one is named.
          expect(masker.detect(text), text).toHaveLength(1);
        }
      }
    },
  );

  it.each(NATIONAL.map((made) => [made.kind, made] as const))(
    "has no %s found whose check digit is wrong",
    (_name, made) => {
      for (const value of times(4, made.negative)) {
        const text = `${made.word}: ${value}`;
        expect(
          masker.detect(text).filter(({ kind }) => kind === made.kind),
          text,
        ).toEqual([]);
      }
    },
  );

  it.each(Object.entries(HARMLESS))("has %s left as it is", (_name, make) => {
    const texts = times(5, (random, i) => around(make(random), i));
    expect(texts.filter((text) => masker.detect(text).length > 0)).toEqual([]);
  });

  it.each([9, 10, 11, 12, 13, 14, 15])(
    "has at most 2.5 %% of all numbers of %i digits in a sentence taken for anything",
    (length) => {
      const random = randomFrom(length);
      const texts = Array.from(
        { length: 1000 },
        () => `seen ${1 + Math.floor(random() * 9)}${textOf(random, "0123456789", length - 1)} there`,
      );
      expect(texts.filter((text) => masker.detect(text).length > 0).length).toBeLessThanOrEqual(25);
    },
  );

  it.each(ASSIGNMENTS.map((assign) => [assign("acme", "…"), assign] as const))(
    "has a secret found in %s",
    (_name, assign) => {
      for (const [name, value] of times(
        6,
        (random) =>
          [
            oneOf(random, ["acme", "billing", "internal"]),
            oneOf(random, [textOf(random, BASE62, 24), textOf(random, HEX, 32), `${textOf(random, BASE62, 20)}+/==`]),
          ] as const,
      )) {
        if (!/[0-9]/.test(value) || !/[A-Za-z]/.test(value)) continue;
        const text = assign(name, value);
        expect(masker.mask(text).text, text).not.toContain(value.slice(0, 20));
        for (const harmless of [
          "true",
          "12345678901234",
          "/var/run/acme.pid",
          "2026-01-10T12:00:00Z",
          ["$", "{ACME}"].join(""),
          "process.env.ACME_1",
        ])
          expect(masker.detect(assign(name, harmless)), assign(name, harmless)).toEqual([]);
      }
    },
  );

  it("has no IBAN whose check digits are not given out, though they pass", () => {
    expect(masker.detect("NL00CSOM9966091431")).toEqual([]);
    expect(masker.detect("NL97CSOM9966091431")).toHaveLength(1);
  });

  it("gives the same output for every split of an assignment into two", () => {
    for (const assign of ASSIGNMENTS) {
      const text = assign("acme", "a1B2c3D4e5F6g7H8+/==");
      expect(everyChunking(TEXT_TYPE, text, masker).size, text).toBe(1);
    }
  });
});
