import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, expect, test } from "vitest";
import { fileStore } from "../../src/store/index.js";
import { temporaryDirectory } from "../support/guards.js";

const OUTPUT = fileURLToPath(new URL("../../node_modules/.cache/sallyport-store-crash", import.meta.url));
const KILLS = Number(process.env["SALLYPORT_CRASH_POINTS"] ?? 100);

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

interface Running {
  readonly child: ChildProcess;
  readonly output: () => readonly string[];
}

test(`13, 24: a process killed at ${KILLS} random points while another one races it never yields a second send or loses a decision`, {
  timeout: 240_000,
}, async () => {
  const directory = temporaryDirectory();
  const sends = join(temporaryDirectory(), "sends");
  const acknowledged: string[] = [];
  let round = 0;
  const start = (onLine: (running: Running) => void): Running => {
    const child = spawn(process.execPath, [join(OUTPUT, "crash-child.js"), directory, sends, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    const running = { child, output: () => text.split("\n").slice(0, -1) };
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      onLine(running);
    });
    return running;
  };
  const killAtRandom = async (): Promise<void> => {
    const lines = 1 + Math.floor(Math.random() * 12);
    let asked = false;
    const victim = start(({ child, output }) => {
      if (asked || output().length < lines) return;
      asked = true;
      setTimeout(() => child.kill("SIGKILL"), Math.random() * 8);
    });
    await once(victim.child, "close");
    expect(victim.child.signalCode).toBe("SIGKILL");
    acknowledged.push(...victim.output());
  };
  for (let kill = 0; kill < KILLS; kill += 2) {
    await Promise.all([killAtRandom(), killAtRandom()]);
    round += 4;
  }

  const { approvals } = fileStore(directory);
  const sent = existsSync(sends) ? readFileSync(sends, "utf8").trim().split("\n") : [];
  expect(sent.length).toBeGreaterThan(KILLS / 2);
  expect(new Set(sent).size).toBe(sent.length);
  const decisions = acknowledged.filter((line) => line.startsWith("yes "));
  expect(decisions.length).toBeGreaterThan(KILLS);
  for (const line of decisions) {
    const [, id = "", by] = line.split(" ");
    expect((await approvals.get(id))?.votes.map((vote) => vote.by.id)).toContain(by);
  }
  for (const line of acknowledged.filter((text) => text.startsWith("used "))) {
    expect((await approvals.get(line.slice(5)))?.state).toBe("consumed");
  }
  // Whatever was sent can never be had again.
  for (const id of new Set(sent)) {
    const record = await approvals.get(id);
    expect(["reserved", "consumed"]).toContain(record?.state);
    const lease = { id: "late", at: Date.now(), expiresAt: Date.now() + 1_000 };
    expect(await approvals.reserve(id, record?.fingerprint ?? "", lease)).toBe("gone");
  }
});
