import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "./support/guards.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const fences = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map((match) => match[1] ?? "");

describe("the README", () => {
  it("shows the quick start as it is in the examples", () => {
    expect(fences("js")[0]).toBe(readFileSync(new URL("../examples/quick-start.js", import.meta.url), "utf8"));
  });

  it("shows exactly what the quick start prints", async () => {
    const home = process.cwd();
    process.chdir(temporaryDirectory());
    onTestFinished(() => process.chdir(home));
    const printed: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
    onTestFinished(() => log.mockRestore());
    await import(new URL("../examples/quick-start.js", import.meta.url).href);
    expect(`${printed.join("\n").replace(/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT")}\n`).toBe(fences("text")[0]);
  });

  it("names only commands that exist", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm (?:run )?(demo|test|bench|docs)\b/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
