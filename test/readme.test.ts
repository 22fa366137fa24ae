import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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

  it("compiles: each program in it type-checks as strict TypeScript", () => {
    const directory = mkdtempSync(fileURLToPath(new URL("../node_modules/.cache-readme-", import.meta.url)));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const given = 'import type { Session } from "sallyport";\ndeclare const session: Session;\n';
    writeFileSync(join(directory, "quick-start.ts"), fences("js")[0] ?? "");
    for (const [index, program] of fences("ts").entries())
      writeFileSync(join(directory, `${index}.ts`), given + program);
    writeFileSync(
      join(directory, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }),
    );
    const root = fileURLToPath(new URL("..", import.meta.url));
    const { stdout, status } = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", directory], {
      cwd: root,
      encoding: "utf8",
    });
    expect(stdout).toBe("");
    expect([status, fences("ts").length]).toEqual([0, 1]);
  });

  it("names only commands that exist", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm (?:run )?(demo|test|bench|docs)\b/g)].map((match) => match[1] ?? "");
    expect(named.length).toBeGreaterThan(1);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  describe("its table of clients", () => {
    const clients = new URL("./clients/", import.meta.url);
    const rows = [...readme.matchAll(/^\| `([^`]+)`[^|]*\| (\d[^|]*) \|[^|]*\| ([^|]+) \| `([^`]+)` \|$/gm)].map(
      ([, name = "", version = "", presets = "", file = ""]) => ({ name, version, presets, file }),
    );
    const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", clients), "utf8")) as {
      packages: Record<string, { version: string; dependencies?: Record<string, string> }>;
    };

    it("names every client that is installed, in the version that is installed", () => {
      const installed = Object.keys(packages[""]?.dependencies ?? {}).filter((name) => name !== "graphql");
      expect(rows.map(({ name }) => name).sort()).toEqual(installed.sort());
      for (const { name, version } of rows)
        expect([name, packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
    });

    it("names for each a test that imports it and gives it what the table says", () => {
      for (const { name, presets, file } of rows) {
        const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
        expect([name, new RegExp(`from "${name}(?:/[^"]*)?"`).test(text)]).toEqual([name, true]);
        expect([file, presets.split(" or ").some((preset) => text.includes(preset.replaceAll("`", '"')))]).toEqual([
          file,
          true,
        ]);
      }
    });

    it("is about tests that hold a client to all seven things", () => {
      const contract = readFileSync(new URL("support/contract.ts", clients), "utf8");
      const things = [...contract.matchAll(/\bit\("([^"]+)"/g)].map(([, title = ""]) => title);
      expect(things).toHaveLength(7);
      for (const file of new Set(rows.map((row) => row.file))) {
        const text = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
        const missing = text.includes("describeClient(")
          ? []
          : things.filter((title) => !text.includes(`it("${title}"`));
        expect([file, missing]).toEqual([file, []]);
      }
    });
  });
});
