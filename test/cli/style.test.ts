import { describe, expect, test } from "vitest";
import { createStyle, wantsColour, wrap } from "../../src/cli/style.js";

describe("wantsColour", () => {
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ TERM: "dumb" }, true, false],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ FORCE_COLOR: "false" }, true, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, true],
  ] as const)("with %j, on a terminal: %s, is %s", (env, isTerminal, expected) => {
    expect(wantsColour(env, isTerminal)).toBe(expected);
  });
});

describe("createStyle", () => {
  test("closes what it opens", () => {
    expect(createStyle(true).red("no")).toBe("\x1b[31mno\x1b[39m");
  });

  test("changes nothing where colours are off", () => {
    const style = createStyle(false);
    expect(Object.values(style).map((paint) => paint("text"))).toEqual(Array(8).fill("text"));
  });
});

describe("wrap", () => {
  test("breaks at blanks, and long words where they must be broken", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij x", 4)).toEqual(["abcd", "efgh", "ij x"]);
    expect(wrap("a\n\nb", 10)).toEqual(["a", "", "b"]);
  });

  test("loses no character but blanks", () => {
    const text = "GET /api/customers/1042 with a rather long explanation behind it";
    for (let width = 1; width < 40; width++) {
      const lines = wrap(text, width);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
      expect(lines.every((line) => line.length <= width)).toBe(true);
    }
  });
});
