import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/masking/index.js";
import { BASE62, below, DIGITS, HEX, oneOf, type Random, randomFrom, textOf } from "./third-set.js";

const masker = createMasker();
const kindsIn = (text: string): string[] => masker.detect(text).map(({ kind }) => kind);

/** Half a megabyte of bytes as a picture has them, in base64. */
function picture(random: Random): string {
  return Buffer.from(Uint8Array.from({ length: 400_000 }, () => below(random, 256))).toString("base64");
}

const hexadecimal = (random: Random, length: number): string => textOf(random, HEX, length);

/** What systems number their things with. */
const IDENTIFIERS: Record<string, (random: Random) => string> = {
  "eight digits of a commit": (random) => hexadecimal(random, 8),
  "twelve digits of a digest": (random) => `${hexadecimal(random, 11)}f`,
  "half a UUID": (random) => `${hexadecimal(random, 3)}e-00${hexadecimal(random, 2)}-${hexadecimal(random, 4)}-9220`,
  "an id of a social network": (random) =>
    `6${oneOf(random, ["6", "7"])}${textOf(random, DIGITS, oneOf(random, [15, 16]))}`,
  "an id of a video": (random) => `69${textOf(random, DIGITS, 17)}`,
  "a licence key": (random) =>
    Array.from({ length: 5 }, () => textOf(random, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 5)).join("-"),
  "an article number": (random) => `EAN ${oneOf(random, ["4", "5"])}${textOf(random, DIGITS, 12)}`,
  "an order number": (random) =>
    `order 00${below(random, 9) + 1}-${textOf(random, DIGITS, 7)}-${textOf(random, DIGITS, 7)}`,
  "an account of a cloud": (random) => `arn:aws:iam::19${textOf(random, DIGITS, 10)}:role/${textOf(random, BASE62, 6)}`,
  "a browser": (random) => `AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${below(random, 150)}.0.0.0 Safari/537.36`,
};

describe("identifiers that systems give out", () => {
  it.each(Object.entries(IDENTIFIERS))("leaves %s alone", (_name, make) => {
    const random = randomFrom(47);
    for (let i = 0; i < 5_000; i++) {
      const text = `see ${make(random)} for it`;
      expect(kindsIn(text), text).toEqual([]);
    }
  });

  it("leaves a picture in base64 as it is", () => {
    const random = randomFrom(11);
    for (let i = 0; i < 2; i++) expect(masker.detect(picture(random))).toEqual([]);
  });

  it("finds a token behind a step of a path, and one that stands by itself", () => {
    const key = `AKIA${"Q3EGRIB7KL2MNOPX"}`;
    for (const text of [`GET /v1/accounts/of/the/firm/${key}`, `${"abcdefgh/".repeat(6)}${key}`, key])
      expect(kindsIn(text)).toEqual(["SECRET"]);
  });
});

describe("numbers of two kinds", () => {
  it.each([
    ["4006381330060", []],
    ["card 4006381330060", ["CREDIT_CARD"]],
    ["EAN: 4222222222222", []],
    ["4222222222222", ["CREDIT_CARD"]],
    ["610492575329282000", []],
    ["card number 610492575329282000", ["CREDIT_CARD"]],
    ["2200123456789019", ["CREDIT_CARD"]],
    ["localhost/127.0.0.1:8080", ["IP_ADDRESS"]],
    ['"Chromium";v="120.0.0.0"', []],
    ["DNI 4238382b", ["ES_NIF"]],
    ["4238382b", []],
    ["call 00 49 30 1234567", ["PHONE"]],
    ["005-7639665-6142229", []],
    ["BE398B7F415984C4", []],
  ])("takes %s for what it is", (text, kinds) => {
    expect(kindsIn(text)).toEqual(kinds);
  });

  it("leaves what a field calls an article number alone", () => {
    const body = new TextEncoder().encode(
      '{"ean":"4006381330060","productBarcode":"8001015009087","user":"8001015009087"}',
    );
    const pass = masker.open({ contentType: "application/json" });
    expect(new TextDecoder().decode(pass.whole(body))).toBe(
      '{"ean":"4006381330060","productBarcode":"8001015009087","user":"[REDACTED:ZA_ID]"}',
    );
  });
});
