import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "./support.js";

const A = "https://a.internal.example";
const policy = (methods: readonly string[]): object => ({
  version: 1,
  services: { a: { origins: [A] } },
  rules: [{ id: "r", effect: "allow", service: "a", methods, path: "/x" }],
});

async function sallyport(files: Readonly<Record<string, unknown>>, ...argv: string[]): Promise<[number, string]> {
  const directory = mkdtempSync(join(tmpdir(), "policy-tools-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, value] of Object.entries(files)) writeFileSync(join(directory, name), JSON.stringify(value));
  const io = fakeIo();
  const paths = argv.map((word) => (word in files ? join(directory, word) : word));
  return [await run(["policy", ...paths], io), io.out() + io.err()];
}

describe("the policy tools on the command line", () => {
  it("check --strict exits with 2 when there are warnings", async () => {
    const files = { "p.json": { version: 1, services: { a: { origins: [A] } }, rules: [] } };
    expect(await sallyport(files, "check", "p.json")).toEqual([0, expect.stringContaining("warning")]);
    expect((await sallyport(files, "check", "p.json", "--strict"))[0]).toBe(2);
  });
  it("test exits with 1 on a miss", async () => {
    const request = { method: "GET", url: `${A}/x` };
    const files = {
      "p.json": policy(["GET"]),
      "good.json": [{ request, expect: "allow" }],
      "bad.json": [{ request, expect: "deny" }],
    };
    expect((await sallyport(files, "test", "p.json", "good.json"))[0]).toBe(0);
    expect(await sallyport(files, "test", "p.json", "bad.json")).toEqual([1, expect.stringContaining("MISS")]);
  });
  it("test skips the cases of other policies, and exits with 1 when nothing is left", async () => {
    const request = { method: "GET", url: `${A}/x` };
    const files = {
      "p.json": policy(["GET"]),
      "q.json": policy(["POST"]),
      "cases.json": [
        { policy: "p", request, expect: "allow" },
        { policy: "p.json", request, expect: "allow" },
        { policy: "q", request, expect: "deny" },
        { policy: "p", request, expect: "deny", env: { dns: {} } },
      ],
    };
    expect(await sallyport(files, "test", "p.json", "cases.json")).toEqual([0, expect.stringContaining("2 passed")]);
    expect(await sallyport(files, "test", "q.json", "cases.json")).toEqual([0, expect.stringContaining("1 passed")]);
    const others = { ...files, "cases.json": [{ policy: "r", request, expect: "allow" }] };
    expect(await sallyport(others, "test", "p.json", "cases.json")).toEqual([1, expect.stringContaining("0 passed")]);
  });
  it("diff exits with 3 when wider", async () => {
    const files = { "a.json": policy(["GET"]), "b.json": policy(["GET", "POST"]) };
    expect(await sallyport(files, "diff", "a.json", "b.json")).toEqual([3, expect.stringContaining("WIDER")]);
    expect((await sallyport(files, "diff", "b.json", "a.json"))[0]).toBe(0);
  });
  it("learn reads HAR files, segments and lists", async () => {
    const request = { method: "GET", url: `${A}/x` };
    const files = {
      "h.har": { log: { entries: [{ request }] } },
      "s.jsonl": { type: "request.intent", http: { method: "POST", url: `${A}/y` } },
      "l.json": [{ method: "GET", url: `${A}/z` }],
    };
    const [code, out] = await sallyport(files, "learn", "h.har", "s.jsonl", "l.json");
    expect(code).toBe(0);
    const { rules } = JSON.parse(out) as { rules: { effect: string; path: string }[] };
    expect(rules.map(({ effect, path }) => `${effect} ${path}`)).toEqual(["allow /x", "approve /y", "allow /z"]);
  });
});
