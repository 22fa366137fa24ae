import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openAuditLog, verifyAudit } from "../../src/audit/index.js";
import { startUpstream } from "../support/upstream.js";
import { OPENING, temporaryDirectory } from "./support.js";

const OUTPUT = fileURLToPath(new URL("../../node_modules/.cache/sallyport-crash-test", import.meta.url));
/** How often the writer is killed: 200 times where nobody waits. A point takes a sixth of a second of processor time. */
const POINTS = Number(process.env["SALLYPORT_CRASH_POINTS"] ?? (process.env["CI"] === undefined ? 20 : 200));
const LANES = 4;

beforeAll(async () => {
  const children = ["writer", "guarded", "ending", "many"];
  await build({
    entryPoints: children.map((name) => fileURLToPath(new URL(`children/${name}.ts`, import.meta.url))),
    outdir: OUTPUT,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
  });
});

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
}

function run(name: string, args: readonly string[], onOutput: (run: Run) => void = () => {}): Run {
  const child = spawn(process.execPath, [join(OUTPUT, `${name}.js`), ...args], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  const one = { child, output: () => output };
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    onOutput(one);
  });
  return one;
}

const writersIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.length === 36);

/** Lines of all segments of the only session. */
function sessionLines(directory: string, writer: string): Record<string, unknown>[] {
  const [session = ""] = readdirSync(join(directory, writer)).filter((name) => !/[.]|lock|ballast/.test(name));
  const place = join(directory, writer, session);
  const segments = readdirSync(place).filter((name) => name.endsWith(".jsonl"));
  // Thousands of lines that differ in a number: what they look like is looked at elsewhere.
  const text = segments.sort().map((name) => readFileSync(join(place, name), "utf8"));
  return text
    .join("")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What was acknowledged, as lines of `seq id`. */
const acknowledgedIn = (output: string): readonly string[] =>
  output
    .split("\n")
    .slice(0, -1)
    .filter((line) => /^\d+ r\d+$/.test(line));

function expectAll(acknowledged: readonly string[], lines: readonly Record<string, unknown>[]): void {
  const found = new Map(lines.map((line) => [line["seq"], line["request_id"]]));
  const lost = acknowledged.filter((line) => {
    const [seq, id] = line.split(" ");
    return found.get(Number(seq)) !== id;
  });
  expect(lost).toEqual([]);
}

async function reopen(directory: string): Promise<void> {
  // Written to the operating system is enough here: it is not the machine that dies.
  await (await openAuditLog({ directory, warn: () => {}, sync: "os" })).close();
}

/** Starts a writer, kills it at a random moment, and looks at what it left, before and after the next one opens. */
async function killOne(): Promise<void> {
  const directory = temporaryDirectory();
  const after = Math.floor(Math.random() * 300) + 1;
  const { child, output } = run("writer", [directory], (one) => {
    if (one.output().length > after * 6) one.child.kill("SIGKILL");
  });
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  const [writer = ""] = writersIn(directory);
  const segment = join(directory, writer, OPENING.id, "000000.jsonl");
  const left = readFileSync(segment);
  const before = left.subarray(0, left.lastIndexOf("\n") + 1);
  expect((await verifyAudit(directory)).exitCode).toBe(3);
  await reopen(directory);
  expect(readFileSync(segment).equals(before)).toBe(true);
  const acknowledged = acknowledgedIn(output());
  expect(acknowledged.length).toBeGreaterThan(0);
  const lines = sessionLines(directory, writer);
  expectAll(acknowledged, lines);
  const intents = lines.filter(({ type }) => type === "request.intent");
  // At most the one that was being acknowledged.
  expect(intents.length - acknowledged.length).toBeLessThanOrEqual(1);
  expect(lines.filter(({ type }) => type === "request.outcome_unknown")).toHaveLength(intents.length);
  const report = await verifyAudit(directory);
  expect(report.exitCode).toBe(3);
  expect(report.logs.find(({ log }) => log.endsWith(`${writer}/${OPENING.id}`))).toMatchObject({
    recovered: true,
    unsigned: 0,
    tornBytes: 0,
  });
}

test(
  `26: a writer killed at ${POINTS} random points loses nothing it acknowledged, and is recovered`,
  async () => {
    // Most of a point is waiting for a process to start: some of them at once cost little more than one.
    let left = POINTS;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await killOne();
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  },
  30_000 + POINTS * 5_000,
);

describe("27: a process that dies around a request", () => {
  test.each([
    ["before", 0],
    ["during", 1],
  ])("%s it is sent, of which the server saw %i: the outcome is unknown", async (when, seen) => {
    const running: ChildProcess[] = [];
    const api = await startUpstream(() => running[0]?.kill("SIGKILL"));
    onTestFinished(() => api.close());
    const directory = temporaryDirectory();
    const { child } = run("guarded", [directory, api.origin, when]);
    running.push(child);
    await once(child, "close");
    expect(child.signalCode).toBe("SIGKILL");
    expect(api.received).toHaveLength(seen);
    const [writer = ""] = writersIn(directory);
    await reopen(directory);
    const types = sessionLines(directory, writer).map(({ type }) => String(type));
    expect(types.filter((type) => type.startsWith("request."))).toEqual(["request.intent", "request.outcome_unknown"]);
  });
});

describe("28, 41: the ways in which a process ends", () => {
  test.each([
    ["exit", 0],
    ["exception", 1],
    ["idle", 0],
  ])("by %s, nothing that was acknowledged is lost", async (way, code) => {
    const directory = temporaryDirectory();
    const { child, output } = run("ending", [directory, way]);
    await once(child, "close");
    expect(child.exitCode).toBe(code);
    const [writer = ""] = writersIn(directory);
    const acknowledged = acknowledgedIn(output());
    expect(acknowledged).toHaveLength(40);
    expectAll(acknowledged, sessionLines(directory, writer));
    expect((await verifyAudit(directory)).exitCode).toBe(3);
  });

  test("closing resolves although nothing else keeps the process alive", async () => {
    const directory = temporaryDirectory();
    const { child, output } = run("ending", [directory, "close"]);
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    expect(output()).toContain("closed");
    expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
  });

  test("by SIGTERM, with a handler that closes: complete", async () => {
    const directory = temporaryDirectory();
    const { child } = run("ending", [directory, "SIGTERM"], (one) => {
      if (one.output().includes("ready")) one.child.kill("SIGTERM");
    });
    await once(child, "close");
    expect(child.exitCode).toBe(0);
    expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
  });
});

test("36: threads and cluster workers get a directory each, and no chain has two writers", async () => {
  const directory = temporaryDirectory();
  const { child } = run("many", [directory]);
  await once(child, "close");
  expect(child.exitCode).toBe(0);
  const writers = writersIn(directory);
  expect(writers).toHaveLength(5);
  const report = await verifyAudit(directory);
  expect(report.verdict).toBe("COMPLETE");
  expect(report.logs).toHaveLength(10);
  for (const writer of writers)
    expect(sessionLines(directory, writer).filter(({ type }) => type === "request.intent")).toHaveLength(200);
}, 60_000);
