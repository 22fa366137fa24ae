import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "./support.js";

describe("the command line", () => {
  test("--version is the package's", async () => {
    const io = fakeIo();
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect(await run(["--version"], io)).toBe(0);
    expect(io.out()).toBe(`${version}\n`);
  });

  test.each([
    [["--help"], "Exit codes"],
    [["policy", "--help"], "decide"],
    [["policy", "check", "--help"], "Exit codes: 0 the policy loads"],
    [["policy", "decide", "--help"], "Exit codes: 0 allow, 3 approve"],
    [["audit", "--help"], "verify"],
    [["audit", "verify", "--help"], "Exit codes: 0 COMPLETE"],
    [["audit", "show", "--help"], "session"],
  ])("%j explains itself on standard output and exits 0", async (argv, text) => {
    const io = fakeIo();
    expect(await run(argv, io)).toBe(0);
    expect(io.out()).toContain(text);
    expect(io.err()).toBe("");
  });

  test.each([[[]], [["nope"]], [["policy"]], [["policy", "check"]], [["policy", "check", "--nope"]], [["demo"]]])(
    "%j is wrong usage: 64, and nothing on standard output",
    async (argv) => {
      const io = fakeIo();
      expect(await run(argv, io)).toBe(64);
      expect(io.out()).toBe("");
      expect(io.err()).not.toBe("");
    },
  );
});
