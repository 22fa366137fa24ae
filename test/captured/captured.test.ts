import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { startUpstream, type Upstream } from "../support/upstream.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SECRET = "k3y~of.the/Vault+that==nobody-may-hear";
let out: string;
let api: Upstream;

beforeAll(async () => {
  out = mkdtempSync(join(ROOT, "node_modules/.cache-captured-"));
  await build({
    entryPoints: ["overheard", "polluted"].map((name) => join(ROOT, `test/captured/children/${name}.ts`)),
    outdir: out,
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
  });
});
afterAll(() => rmSync(out, { recursive: true, force: true }));
beforeEach(async () => {
  api = await startUpstream();
  onTestFinished(() => api.close());
});

interface Use {
  readonly text: string;
  readonly denied: string;
  readonly overheard: readonly string[];
}

/** Runs a child. The service is in this process, so that its own doings are not overheard. */
async function run(name: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const child = spawn(process.execPath, [join(out, `${name}.mjs`)], {
    cwd: out,
    env: { PATH: process.env["PATH"] ?? "", API: api.origin, SECRET, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(text);
  }
}

const overhear = async (env: Readonly<Record<string, string>>) =>
  (await run("overheard", env)) as { readonly taps: number; readonly held: Use; readonly fetched: Use };

/**
 * What docs/threat-model.md says can see it: the functions by which a socket hands bytes to the system, and what Node asks of
 * the list in which it keeps them until they are sent together.
 */
const BY_THE_SOCKET =
  /^(?:node:(?:net|tls|stream)\.\w+\.prototype\.(?:_write|_writev|_writeGeneric|_unrefTimer|uncork)|Array\.prototype(?:\.push| "\d")|Object\.prototype "callback")$/;

describe.each([
  ["in a header field", { SCHEME: "bearer" }],
  ["in the query", { SCHEME: "query" }],
])("a credential %s", (_where, env) => {
  it("is seen by no function, accessor or member of a prototype that was replaced after the guard was made, but for those by which a socket writes", async () => {
    const { taps, held, fetched } = await overhear(env);
    expect(taps).toBeGreaterThan(2000);
    expect(held.overheard.filter((where) => !BY_THE_SOCKET.test(where))).toEqual([]);
    expect(fetched.overheard.filter((where) => !BY_THE_SOCKET.test(where))).toEqual([]);
    // The listening works: there it is seen.
    expect(held.overheard).toContain("node:net.Socket.prototype._writeGeneric");
    expect([held.denied, fetched.denied]).toEqual(["NO_RULE", "NO_RULE"]);
    const [first, ...others] = api.received.filter(({ url }) => url.startsWith("/items/"));
    expect(JSON.stringify(first)).toContain(env.SCHEME === "query" ? encodeURIComponent(SECRET) : `Bearer ${SECRET}`);
    expect(others.map(({ method, url }) => `${method} ${url.split("?key=")[0]?.split("&key=")[0]}`)).toEqual([
      "GET /items/1?a=b",
      "POST /items/2",
      "GET /items/1?a=b",
      "POST /items/2",
    ]);
    for (const one of others) expect(one.headers["authorization"]).toBe(first?.headers["authorization"]);
    expect(api.received).toHaveLength(5);
  });
});

it("calls work with a throwing getter on Object.prototype under any name that options are asked for, and the record is still watched", async () => {
  const outcome = (await run("polluted", {})) as { names: number; failed: string[]; longer: string; removed: string };
  expect(outcome.names).toBeGreaterThan(80);
  expect(outcome.failed).toEqual([]);
  expect([outcome.longer, outcome.removed]).toEqual(["AUDIT_UNAVAILABLE", "AUDIT_UNAVAILABLE"]);
});
