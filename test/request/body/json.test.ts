import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldCase, readStrictJson } from "../../../src/request/body/json.js";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, limits?: { maxDepth?: number }) => readStrictJson(encode(text), limits);
const reasonOf = (text: string): string => {
  const answer = read(text);
  return answer.ok ? `accepted ${JSON.stringify(answer.value)}` : answer.reason;
};

/** What fast-check generates, without the keys and numbers that a strict reading must refuse. */
const strictValue = fc
  .jsonValue({ maxDepth: 5 })
  .filter((value) => !JSON.stringify(value).includes("__proto__") && !hasCaseTwins(value));

function hasCaseTwins(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const keys = Object.keys(value);
  if (!Array.isArray(value) && new Set(keys.map(foldCase)).size < keys.length) return true;
  return Object.values(value).some(hasCaseTwins);
}

describe("reading", () => {
  test("agrees with JSON.parse on whatever JSON.stringify writes", () => {
    fc.assert(
      fc.property(strictValue, fc.constantFrom(undefined, 1, "\t", "\r\n "), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const answer = read(text);
        expect(answer.ok && JSON.stringify(answer.value)).toBe(JSON.stringify(JSON.parse(text)));
        expect(answer.ok && answer.exact).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("never throws, and accepts no text that JSON.parse refuses or reads in another way", () => {
    const piece = fc.constantFrom(
      ...'{}[],:"\\/ \n0123456789-+.eE',
      ...'null true false \\u0041 \\ud800 \\udc00 [1] {"a":1} "b" 1e5 -0 .5 01'.split(" "),
      "\ufeff",
      "\u0000",
      "é",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        const answer = read(text);
        if (answer.ok) expect(JSON.stringify(answer.value)).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 5000 },
    );
  });

  test("accepts any bytes only if they are the UTF-8 of what it read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const quoted = Uint8Array.from([0x22, ...bytes, 0x22]);
        const answer = readStrictJson(quoted);
        if (answer.ok) expect(answer.value).toBe(JSON.parse(Buffer.from(quoted).toString("utf8")));
      }),
      { numRuns: 2000 },
    );
  });

  test("objects have no prototype, at every level", () => {
    const answer = read('{"a":[{"b":{}}],"constructor":1,"toString":2}');
    if (!answer.ok) throw new Error(answer.reason);
    const top = answer.value as { a: { b: object }[] };
    for (const object of [top, top.a[0], top.a[0]?.b]) expect(Object.getPrototypeOf(object)).toBe(null);
  });

  test("whitespace around the value is accepted, and only JSON's four kinds", () => {
    expect(read(' \t\r\n{ "a" : [ 1 , 2 ] } \n').ok).toBe(true);
    for (const space of ["\u00a0", "\f", "\v", "\u2028", "/**/"]) expect(read(`${space}1`).ok).toBe(false);
  });

  test("a key of any length and an object of any width are read in linear time", () => {
    const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key${index}`, index]));
    expect(read(JSON.stringify(wide)).ok).toBe(true);
    const spellings = Array.from({ length: 1 << 14 }, (_, bits) => ({
      [[..."abcdefghijklmn"].map((letter, place) => ((bits >> place) & 1 ? letter.toUpperCase() : letter)).join("")]: 1,
    }));
    expect(read(JSON.stringify(spellings)).ok).toBe(true);
  });
});

describe("refusing", () => {
  test("invalid UTF-8, also an encoded surrogate and an overlong form", () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
      const answer = readStrictJson(Uint8Array.from([0x22, ...bytes, 0x22]));
      expect(answer).toEqual({ ok: false, reason: "the bytes are not valid UTF-8" });
    }
  });

  test("a byte order mark, and UTF-16", () => {
    expect(reasonOf("\ufeff{}")).toMatch(/byte order mark/);
    expect(readStrictJson(Buffer.from('{"a":1}', "utf16le")).ok).toBe(false);
  });

  test("anything after the value, and an empty text", () => {
    for (const text of ["{} {}", "1,", "null x", '"a""b"', "[]]", "{}\u0000"]) expect(read(text).ok).toBe(false);
    for (const text of ["", " ", "\n"]) expect(read(text).ok).toBe(false);
    expect(reasonOf("{} 1")).toMatch(/not one JSON value/);
  });

  test("a key that occurs twice, however it is written", () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '{"a":{"x":1},"b":1,"a":2}',
      '{"":1,"":2}',
      '[{"x":{"a":1,"a":2}}]',
    ]) {
      expect(reasonOf(text)).toMatch(/key occurs twice/);
    }
    const wide = Array.from({ length: 40 }, (_, index) => `"k${index}":0`).join(",");
    expect(reasonOf(`{${wide},"k7":0}`)).toMatch(/key occurs twice/);
  });

  test("two keys of one object that differ only in case", () => {
    const twins = [
      '{"role":1,"Role":2}',
      '{"a":1,"x":{"A":1},"A":2}',
      '[{"B":1},{"b":1},{"c":1,"B":2,"b":3}]',
      '{"É":1,"é":2}',
      '{"ΟΔΟΣ":1,"οδοσ":2}',
      '{"\\u0130":1,"i":2}',
      '{"\u212a":1,"k":2}',
      '{"pa\u017f\u017f":1,"pass":2}',
      '{"\u{10400}":1,"\u{10428}":2}',
    ];
    for (const text of twins) expect(reasonOf(text)).toMatch(/differ only in case/);
    const wide = Array.from({ length: 40 }, (_, index) => `"k${index}":0`).join(",");
    expect(reasonOf(`{${wide},"K7":0}`)).toMatch(/differ only in case/);
    expect(read('{"a":{"A":1},"b":[{"B":1}]}').ok).toBe(true);
  });

  test("a key __proto__, also written with escapes", () => {
    for (const text of ['{"__proto__":1}', '{"a":{"\\u005f_proto__":{}}}']) expect(reasonOf(text)).toMatch(/__proto__/);
    expect(read('{"a":"__proto__"}').ok).toBe(true);
  });

  test("a number that a double cannot hold", () => {
    const numbers = [
      "1e400",
      "-1e400",
      "9007199254740993",
      "123456789012345678",
      "0.1000000000000000055511",
      "1e-400",
      "4.9e-325",
      "1e99999999999",
    ];
    for (const number of numbers) expect(reasonOf(`[${number}]`)).toMatch(/round trip/);
  });

  test("a number that JSON does not know", () => {
    for (const number of [
      "01",
      "-",
      "+1",
      ".5",
      "1.",
      "1e",
      "1e+",
      "0x1",
      "NaN",
      "Infinity",
      "-Infinity",
      "1_0",
      "--1",
      "00",
    ]) {
      expect(read(number).ok).toBe(false);
    }
  });

  test("depth beyond the limit, 64 unless told, without using up the stack", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(read(nested(64)).ok).toBe(true);
    expect(reasonOf(nested(65))).toMatch(/too deeply/);
    expect(reasonOf(`${'{"a":'.repeat(65)}1${"}".repeat(65)}`)).toMatch(/too deeply/);
    expect(read(nested(3), { maxDepth: 2 }).ok).toBe(false);
    expect(read(nested(100_000), { maxDepth: Number.POSITIVE_INFINITY }).ok).toBe(false);
    expect(read(`[${Array(200).fill("[[]]").join(",")}]`, { maxDepth: 3 }).ok).toBe(true);
  });

  test("half a surrogate pair, in a value or a key, and a raw control character", () => {
    for (const text of ['"\\ud800"', '"\\udc00x"', '{"\\ud83d":1}', '"\\ude00\\ud83d"'])
      expect(reasonOf(text)).toMatch(/lone surrogate/);
    expect(read('"\\ud83d\\ude00 😀"').ok).toBe(true);
    for (const text of ['"\n"', '"\u0000"', '"\t"', '"open', '"open\\', '"\\x41"', '"\\u12"'])
      expect(read(text).ok).toBe(false);
  });

  test("with a reason that holds nothing of the content", () => {
    expect(reasonOf('{"hunter2":"s3cret","hunter2":1}')).toBe("a key occurs twice in one object");
  });
});

describe("exactness", () => {
  test("numbers written as JavaScript writes them are exact", () => {
    for (const text of ["0", "-1", "1.5", "123456789012345", "9007199254740992", "1e+21", "1e-7", "0.000001"]) {
      expect(read(text)).toMatchObject({ ok: true, exact: true, value: Number(text) });
    }
  });

  test("the same number written in another way is accepted and not exact", () => {
    for (const text of [
      "1.0",
      "1e2",
      "1E2",
      "-0",
      "-0.0",
      "0e0",
      "1.50",
      "100e-2",
      "1e21",
      "0.0000001",
      "9007199254740992.0",
    ]) {
      expect(read(`{"a":[${text}]}`)).toMatchObject({ ok: true, exact: false });
    }
  });

  test("agrees with a numerical comparison of the text with what a double prints", () => {
    const decimal = fc.stringMatching(/^-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?$/);
    fc.assert(
      fc.property(decimal, (text) => {
        expect(read(text).ok).toBe(rationalOf(text) === rationalOf(String(Number(text))));
      }),
      { numRuns: 2000 },
    );
  });
});

/** A decimal literal times 10^150, as an exact integer: another road to the same answer. */
function rationalOf(literal: string): bigint {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const scaled = BigInt(whole + fraction) * 10n ** BigInt(150 + Number(exponent) - fraction.length);
  return sign === "-" ? -scaled : scaled;
}
