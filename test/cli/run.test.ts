import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { demoCommand } from "../../src/cli/demo/command.js";
import { realParts } from "../../src/cli/demo/world.js";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "./support.js";

test("where oidc-provider is missing, the demo says exactly what to install and exits 69", async () => {
  const io = fakeIo();
  let code: number | undefined;
  const missing = Object.assign(new Error("Cannot find package 'oidc-provider' imported from /somewhere/main.js"), {
    code: "ERR_MODULE_NOT_FOUND",
  });
  const exit = (given: number): void => {
    code = given;
  };
  const parts = { ...realParts, startAuthorizationServer: () => Promise.reject(missing) };
  await demoCommand(io, exit, { parts }).parseAsync([], { from: "user" });
  expect(code).toBe(69);
  expect(io.err()).toContain("npm install --no-save oidc-provider@~9.13\n");
  expect(io.out()).toBe("");
});

describe("the command line", () => {
  test("--version is the package's", async () => {
    const io = fakeIo();
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect(await run(["--version"], io)).toBe(0);
    expect(io.out()).toBe(`${version}\n`);
  });

  test.each([
    [["--help"], "Exit codes"],
    [["demo", "--help"], "130 interrupted"],
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

  test.each([[[]], [["nope"]], [["policy"]], [["policy", "check"]], [["demo", "--nope"]], [["demo", "extra"]]])(
    "%j is wrong usage: 64, and nothing on standard output",
    async (argv) => {
      const io = fakeIo();
      expect(await run(argv, io)).toBe(64);
      expect(io.out()).toBe("");
      expect(io.err()).not.toBe("");
    },
  );
});
