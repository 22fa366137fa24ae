import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { openAuditLog, verifyAudit } from "../../src/audit/index.js";
import { linesOf, OPENING, temporaryDirectory } from "./support.js";

const OUTPUT = fileURLToPath(new URL("../../node_modules/.cache/sallyport-crash-test", import.meta.url));

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL("crash-child.ts", import.meta.url))],
    outdir: OUTPUT,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
  });
});

/** Runs the writer until it has acknowledged so many lines, then kills it without warning; answers what it acknowledged. */
async function killAfter(lines: number, directory: string): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(OUTPUT, "crash-child.js"), directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let acknowledged = "";
  child.stdout.on("data", (chunk: Buffer) => {
    acknowledged += chunk.toString();
    if (acknowledged.split("\n").length > lines) child.kill("SIGKILL");
  });
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  return acknowledged.split("\n").slice(0, -1);
}

test.each([1, 7, 64, 300, 1500])(
  "26: a writer killed after %i lines loses none it acknowledged, and leaves a valid prefix",
  async (lines) => {
    const directory = temporaryDirectory();
    const acknowledged = await killAfter(lines, directory);
    expect(acknowledged.length).toBeGreaterThanOrEqual(lines);
    const writer = readdirSync(directory).find((name) => !name.startsWith("signer")) ?? "";
    const segment = join(directory, writer, OPENING.id, "000000.jsonl");
    const found = new Map(linesOf(segment).map((line) => [line["seq"], line["request_id"]]));
    for (const line of acknowledged) {
      const [seq, id] = line.split(" ");
      expect(found.get(Number(seq))).toBe(id);
    }
    expect(await verifyAudit(directory)).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", exitCode: 3 });

    // The next process begins anew beside it, and touches nothing.
    const before = readFileSync(segment);
    const next = await openAuditLog({ directory, warn: () => {} });
    await next.openSession(OPENING).close("done");
    await next.close();
    expect(readFileSync(segment).equals(before)).toBe(true);
    const report = await verifyAudit(directory);
    expect(
      report.logs.filter(({ verdict }) => verdict === "COMPLETE").map(({ log }) => log.includes(next.writer)),
    ).toEqual([true, true]);
  },
);
