import { createHash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type AuditReport, openAuditLog, verifyAudit } from "../../../src/audit/index.js";
import { stateOf } from "../../../src/audit/writer/lock.js";
import { Attacker } from "../attacker.js";
import { completed, intent, linesOf, OPENING, type Opened, openedLog, temporaryDirectory } from "../support.js";

/** A process number that nobody has: the largest that Linux gives out, and more than others do. */
const NOBODY = 4_194_303;

/** A log whose writer is dead, as far as its lock can tell. */
async function deadLog(): Promise<Opened> {
  const opened = await openedLog();
  opened.session.append(intent("r1"));
  opened.session.append(completed("r1"));
  opened.session.append(intent("r2"));
  pretendDead(opened);
  return opened;
}

function pretendDead({ directory, log }: Pick<Opened, "directory" | "log">): void {
  const holder = { pid: NOBODY, started: "2026-01-15T12:00:00.000Z", host: hostname() };
  writeFileSync(join(directory, log.writer, "lock"), JSON.stringify(holder));
}

interface Next {
  readonly report: AuditReport;
  readonly warnings: readonly string[];
}

/** The next process opens the directory, and closes it again. */
async function nextProcess({ directory, signer }: Opened): Promise<Next> {
  const warnings: string[] = [];
  const next = await openAuditLog({ directory, signer, sync: "os", warn: (message) => void warnings.push(message) });
  await next.close();
  return { report: await verifyAudit(directory, { key: signer.verifierKey }), warnings };
}

const logOf = (report: AuditReport, suffix: string): AuditReport["logs"][number] | undefined =>
  report.logs.find(({ log }) => log.endsWith(suffix));

describe("10, 27: what a dead process left open is ended by the next one", () => {
  test("an intent without an outcome becomes request.outcome_unknown, the session recovered", async () => {
    const opened = await deadLog();
    const before = readFileSync(opened.segment);
    const { report } = await nextProcess(opened);
    expect(readFileSync(opened.segment).equals(before)).toBe(true);
    const added = linesOf(opened.segment.replace("000000", "000001"));
    expect(added.map(({ type }) => type)).toEqual([
      "log.recovered",
      "request.outcome_unknown",
      "session.recovered",
      "log.checkpoint",
    ]);
    expect(added[0]).toMatchObject({ predecessor: "000000.jsonl", size: before.length });
    expect(added[1]).toMatchObject({
      request_id: "r2",
      attempt: 1,
      http: { method: "GET" },
      error: { sent: "unknown" },
    });
    expect(added[2]).toMatchObject({ unknown_outcomes: 1, principal: { id: "ada" } });
    expect(logOf(report, "/s1")).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", recovered: true, unsigned: 0 });
    const ledger = linesOf(opened.ledger.replace("000000", "000001"));
    expect(ledger.map(({ type }) => type)).toEqual([
      "log.recovered",
      "session.recovered",
      "log.closed",
      "log.checkpoint",
    ]);
    expect(ledger[1]).toMatchObject({ session_id: "s1", final: true });
    expect(report.verdict).toBe("PREFIX_VALID_END_UNPROVEN");
    expect(readdirSync(join(opened.directory, opened.log.writer)).sort()).toEqual([
      "ledger-000000.jsonl",
      "ledger-000001.jsonl",
      "s1",
    ]);
  });

  test("a third process finds nothing left to do", async () => {
    const opened = await deadLog();
    await nextProcess(opened);
    const files = readdirSync(join(opened.directory, opened.log.writer), { recursive: true });
    const { warnings } = await nextProcess(opened);
    expect(readdirSync(join(opened.directory, opened.log.writer), { recursive: true })).toEqual(files);
    expect(warnings).toEqual([]);
  });

  test("cutting the tail before the recovery does not make the rest look complete", async () => {
    const opened = await deadLog();
    const attacker = new Attacker(opened.segment);
    attacker.lines.splice(3);
    attacker.save();
    const { report } = await nextProcess(opened);
    expect(logOf(report, "/s1")?.verdict).toBe("PREFIX_VALID_END_UNPROVEN");
  });

  test("a line added to what was recovered is found", async () => {
    const opened = await deadLog();
    await nextProcess(opened);
    const path = opened.segment.replace("000000", "000001");
    appendFileSync(path, readFileSync(opened.segment, "utf8").split("\n")[2] ?? "");
    appendFileSync(path, "\n");
    const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
    expect(logOf(report, "/s1")?.verdict).toBe("INVALID");
  });
});

describe("29: a torn tail", () => {
  test("of any length is moved aside with its hash, and a new segment begun", async () => {
    const whole = await deadLog();
    const last = readFileSync(whole.segment, "utf8").split("\n").at(-2) ?? "";
    const bytes = readFileSync(whole.segment).length;
    for (const torn of [1, 2, 100, last.length]) {
      const opened = await deadLog();
      const length = bytes - (last.length + 1) + torn;
      truncateSync(opened.segment, length);
      const { report } = await nextProcess(opened);
      const half = Buffer.from(last.slice(0, torn));
      expect(readFileSync(`${opened.segment}.torn`)).toHaveLength(torn);
      const [first] = linesOf(opened.segment.replace("000000", "000001"));
      expect(first).toMatchObject({ type: "log.recovered", torn_bytes: torn, size: bytes - last.length - 1 });
      expect(String(first?.["torn_hash"])).toBe(
        createHash("sha256")
          .update(readFileSync(`${opened.segment}.torn`))
          .digest("hex"),
      );
      expect(half).toHaveLength(torn);
      expect(logOf(report, "/s1")).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", tornBytes: 0 });
    }
  });

  test("a second crash at any point of the recovery is recovered, too", async () => {
    const reference = await deadLog();
    appendFileSync(reference.segment, '{"v":1,"half');
    await nextProcess(reference);
    const done = readFileSync(reference.segment.replace("000000", "000001"));
    const cuts = [0, 1, done.indexOf(10), done.indexOf(10) + 1, done.indexOf(10) + 9, done.length - 1, done.length];
    for (const cut of cuts) {
      const opened = await deadLog();
      appendFileSync(opened.segment, '{"v":1,"half');
      await nextProcess(opened);
      const second = opened.segment.replace("000000", "000001");
      truncateSync(second, Math.min(cut, readFileSync(second).length));
      for (const name of ["ledger-000001.jsonl"]) rmSync(join(opened.directory, opened.log.writer, name));
      pretendDead(opened);
      const { report } = await nextProcess(opened);
      expect(report.verdict).toBe("PREFIX_VALID_END_UNPROVEN");
      expect(logOf(report, "/s1")).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", unsigned: 0, tornBytes: 0 });
    }
    // Or between the copy of the half line and its removal.
    const opened = await deadLog();
    writeFileSync(`${opened.segment}.torn`, '{"v":1,"ha');
    appendFileSync(opened.segment, '{"v":1,"half');
    await nextProcess(opened);
    expect(readFileSync(`${opened.segment}.torn`, "utf8")).toBe('{"v":1,"half');
    expect(readFileSync(opened.segment, "utf8").endsWith("\n")).toBe(true);
  });
});

describe("30: damage before the tail", () => {
  test("is reported with its place and not written behind; other sessions are recovered", async () => {
    const opened = await deadLog();
    opened.log.openSession({ ...OPENING, id: "s2" }).append(intent("x1"));
    const attacker = new Attacker(opened.segment);
    attacker.edit(2, (line) => line.replace("r1", "r7"));
    attacker.save();
    const damaged = readFileSync(opened.segment);
    const { report, warnings } = await nextProcess(opened);
    expect(warnings).toEqual([expect.stringMatching(/000000\.jsonl is damaged at line 2 and stays as it is/)]);
    expect(readFileSync(opened.segment).equals(damaged)).toBe(true);
    expect(existsSync(opened.segment.replace("000000", "000001"))).toBe(false);
    expect(logOf(report, "/s1")).toMatchObject({ verdict: "INVALID", problem: { segment: "000000.jsonl", seq: 2 } });
    expect(logOf(report, "/s2")).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", recovered: true });
  });

  test("of the ledger keeps no session from being recovered, and the next process from nothing", async () => {
    const opened = await deadLog();
    writeFileSync(opened.ledger, "rubbish\n");
    const { report } = await nextProcess(opened);
    expect(logOf(report, "/s1")).toMatchObject({ recovered: true });
    expect((await nextProcess(opened)).warnings).toEqual([]);
  });

  test("a directory full of rubbish holds nobody up", async () => {
    const opened = await deadLog();
    const writer = join(opened.directory, opened.log.writer);
    mkdirSync(join(writer, "s9", "000000.jsonl"), { recursive: true });
    mkdirSync(join(writer, "s8"));
    writeFileSync(join(writer, "s8", "000000.jsonl"), "");
    copyFileSync(opened.segment, join(writer, "s8", "000001.jsonl"));
    const { report } = await nextProcess(opened);
    expect(logOf(report, "/s1")).toMatchObject({ recovered: true });
  });
});

describe("35: a lock", () => {
  test("of a running process is respected, also of this one", async () => {
    const opened = await openedLog();
    opened.session.append(intent("r1"));
    await nextProcess(opened);
    expect(existsSync(opened.segment.replace("000000", "000001"))).toBe(false);
    expect(opened.session.append(completed("r1"))).toEqual({ seq: 3 });
  });

  test.runIf(process.platform === "linux")("whose number another program has by now is stale", async () => {
    const path = join(temporaryDirectory(), "lock");
    const opened = await openedLog();
    const mine = JSON.parse(readFileSync(join(opened.directory, opened.log.writer, "lock"), "utf8")) as {
      readonly process: string;
    };
    writeFileSync(path, JSON.stringify(mine));
    expect(stateOf(path)).toBe("live");
    writeFileSync(path, JSON.stringify({ ...mine, process: mine.process.replace(/\d+$/, "1") }));
    expect(stateOf(path)).toBe("stale");
    writeFileSync(
      path,
      JSON.stringify({ ...mine, process: `other-boot/${mine.process.split("/").slice(1).join("/")}` }),
    );
    expect(stateOf(path)).toBe("stale");
    writeFileSync(path, JSON.stringify({ ...mine, process: mine.process.replace(/\/.*\//, "/pid:[1]/") }));
    expect(stateOf(path)).toBe("foreign");
  });

  test("of another machine, or that cannot be read, is left alone", async () => {
    for (const lock of [JSON.stringify({ pid: NOBODY, host: "elsewhere" }), "", "rubbish", "null", '{"pid":-1}']) {
      const opened = await deadLog();
      writeFileSync(join(opened.directory, opened.log.writer, "lock"), lock);
      await nextProcess(opened);
      expect(existsSync(opened.segment.replace("000000", "000001"))).toBe(false);
    }
  });

  test("is taken over by one of many", async () => {
    const opened = await deadLog();
    await Promise.all(Array.from({ length: 5 }, () => nextProcess(opened)));
    const segments = readdirSync(join(opened.segment, "..")).filter((name) => name.endsWith(".jsonl"));
    expect(segments).toEqual(["000000.jsonl", "000001.jsonl"]);
    const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
    expect(report.verdict).toBe("PREFIX_VALID_END_UNPROVEN");
  });
});

test("a record that another key signed is left to who has that key", async () => {
  const opened = await deadLog();
  const other = await openedLog({ directory: opened.directory });
  await other.log.close();
  expect(existsSync(opened.segment.replace("000000", "000001"))).toBe(false);
  const { report } = await nextProcess(opened);
  expect(logOf(report, `${opened.log.writer}/s1`)).toMatchObject({ recovered: true });
});
