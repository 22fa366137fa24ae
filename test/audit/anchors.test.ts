import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type AnchorSink,
  type AuditReport,
  type AuditVerdict,
  fileAnchor,
  httpAnchor,
  verifyAudit,
} from "../../src/audit/index.js";
import { signNote } from "../../src/audit/note.js";
import { systemClock } from "../../src/clock.js";
import { fakeClock } from "../support/fake-clock.js";
import { Attacker } from "./attacker.js";
import { appendCalls, denied, linesOf, type Opened, openedLog, temporaryDirectory, testSigner } from "./support.js";

/** A sink that keeps what it gets, and can be told to fail or to hang. */
function collectingSink(): AnchorSink & { readonly notes: string[]; mode: "well" | "down" | "hanging"; calls: number } {
  const sink = {
    name: "collector",
    notes: [] as string[],
    mode: "well" as "well" | "down" | "hanging",
    calls: 0,
    publish(note: string): Promise<void> {
      sink.calls++;
      if (sink.mode === "hanging") return new Promise(() => {});
      if (sink.mode === "down") return Promise.reject(new Error("down"));
      sink.notes.push(note);
      return Promise.resolve();
    },
  };
  return sink;
}

interface Anchored extends Opened {
  readonly anchors: string;
}

/** One closed session whose heads were published. */
async function anchoredLog(): Promise<Anchored> {
  const sink = collectingSink();
  const opened = await openedLog({ anchors: [sink] });
  appendCalls(opened.session);
  await opened.log.close();
  return { ...opened, anchors: sink.notes.join("\n") };
}

const verifyAnchored = ({ directory, signer, anchors }: Anchored): Promise<AuditReport> =>
  verifyAudit(directory, { key: signer.verifierKey, anchors });

/** Somebody who holds the signing key makes the ledger agree with what is left of the session. */
function forgeLedger({ ledger, signer, segment }: Anchored): void {
  const attacker = new Attacker(ledger);
  const head = JSON.parse(new Attacker(segment).lines.at(-1) ?? "{}") as { note: string };
  const [, size, root] = head.note.split("\n");
  attacker.lines = attacker.lines.map((line) =>
    line.includes('"session.closed"') ? JSON.stringify({ ...JSON.parse(line), size: Number(size), root }) : line,
  );
  attacker.recompute(signer);
  attacker.save();
}

/** The last column of the attack matrix: what a published head adds. */
const MATRIX: readonly [string, AuditVerdict, (opened: Anchored, log: Attacker) => void][] = [
  ["nothing", "COMPLETE", () => {}],
  ["edit a line", "INVALID", (_, log) => log.edit(6, (line) => line.replace("r3", "r9"))],
  ["delete a line", "INVALID", (_, log) => void log.lines.splice(3, 1)],
  [
    "edit, and recompute the chain",
    "INVALID",
    (_, log) => {
      log.edit(6, (line) => line.replace("r3", "r9"));
      log.recompute();
    },
  ],
  ["cut the tail after a checkpoint", "DIVERGED", (opened, log) => cutBoth(opened, log, 8)],
  ["cut the tail between checkpoints", "DIVERGED", (opened, log) => cutBoth(opened, log, 5)],
  [
    "cut the tail and append plausible lines without a key",
    "DIVERGED",
    (opened, log) => {
      cutBoth(opened, log, 8);
      for (let count = 0; count < 35; count++) log.lines.push(log.lines[3] ?? "");
      log.recompute();
    },
  ],
  [
    "strip all checkpoints, and recompute the chain",
    "DIVERGED",
    (opened, log) => {
      cutBoth(opened, log, log.lines.length);
      log.lines = log.lines.filter((line) => !line.includes('"log.checkpoint"'));
      log.recompute();
    },
  ],
  [
    "rewrite all with another key",
    "DIVERGED",
    (opened, log) => {
      cutBoth(opened, log, log.lines.length);
      log.edit(6, (line) => line.replace("r3", "r9"));
      log.recompute(testSigner("other"));
    },
  ],
  [
    "rewrite all with the stolen key",
    "DIVERGED",
    (opened, log) => {
      log.edit(6, (line) => line.replace("r3", "r9"));
      log.recompute(opened.signer);
      log.save();
      forgeLedger(opened);
    },
  ],
  ["15: delete the session", "INVALID", (opened, log) => deleteSession(opened, log)],
  [
    "16: delete the session and the ledger",
    "DIVERGED",
    (opened, log) => {
      deleteSession(opened, log);
      rmSync(opened.ledger);
    },
  ],
  [
    "16: delete everything",
    "DIVERGED",
    (opened, log) => {
      deleteSession(opened, log);
      rmSync(join(opened.directory, opened.log.writer), { recursive: true });
    },
  ],
];

/** Cuts the session's log, and the ledger before it heard of the end. */
function cutBoth({ ledger }: Opened, log: Attacker, lines: number): void {
  log.lines.splice(lines);
  const attacker = new Attacker(ledger);
  attacker.lines.splice(attacker.lines.findIndex((line) => line.includes('"session.closed"')));
  attacker.save();
}

function deleteSession(_opened: Opened, log: Attacker): void {
  rmSync(join(log.path, ".."), { recursive: true });
  log.save = () => {};
}

describe("11, 16: what an attacker does, against a head that was published elsewhere", () => {
  test.each(MATRIX)("%s: %s", async (_name, verdict, attack) => {
    const opened = await anchoredLog();
    const attacker = new Attacker(opened.segment);
    attack(opened, attacker);
    attacker.save();
    const report = await verifyAnchored(opened);
    expect(report.verdict).toBe(verdict);
    if (verdict === "DIVERGED") expect(report.exitCode).toBe(4);
  });

  test("the report says up to which line a log was published", async () => {
    const report = await verifyAnchored(await anchoredLog());
    expect(report.logs.map(({ lines, anchoredSize }) => lines - (anchoredSize ?? 0))).toEqual([1, 1]);
  });

  test("a head by another key proves nothing, and no head at all is no proof", async () => {
    const opened = await anchoredLog();
    const head = { origin: `sallyport/${opened.log.writer}/s1`, size: 400, root: Buffer.alloc(32) };
    const forged = signNote(head, testSigner());
    const both = await verifyAudit(opened.directory, {
      key: opened.signer.verifierKey,
      anchors: `${opened.anchors}\nrubbish\n${forged}`,
    });
    expect(both.verdict).toBe("COMPLETE");
    expect(both.notes.join()).toMatch(/1 published heads are not signed.*1 lines/);
    for (const anchors of ["", forged, "rubbish"]) {
      const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey, anchors });
      expect(report.verdict).toBe("CANNOT_VERIFY");
    }
  });
});

test("20: two signed heads of one size prove that their signer told two stories", async () => {
  const opened = await anchoredLog();
  const origin = `sallyport/${opened.log.writer}/s1`;
  const other = signNote({ origin, size: 7, root: Buffer.alloc(32, 7) }, opened.signer);
  const report = await verifyAudit(opened.directory, {
    key: opened.signer.verifierKey,
    anchors: `${opened.anchors}\n${other}`,
  });
  expect(report.verdict).toBe("DIVERGED");
  const [proof] = report.logs.flatMap(({ equivocations = [] }) => equivocations);
  expect(proof).toMatchObject({ log: origin, size: 7 });
  expect(proof?.notes).toContain(other);
  expect(new Set(proof?.notes).size).toBe(2);

  // The same against the log itself, when only the other story was published.
  const alone = await verifyAudit(opened.directory, { key: opened.signer.verifierKey, anchors: other });
  const session = alone.logs.find(({ log }) => log === origin);
  expect(session).toMatchObject({ verdict: "DIVERGED", equivocations: [{ size: 7 }] });
});

describe("39: an anchor sink", () => {
  test("that is down for ten minutes holds nothing up, is reported, and gets its backlog in order", async () => {
    const sink = collectingSink();
    sink.mode = "down";
    const clock = fakeClock();
    const warnings: string[] = [];
    const { log, session } = await openedLog({
      anchors: [sink],
      clock,
      warn: (message) => void warnings.push(message),
    });
    for (let minute = 0; minute < 10; minute++) {
      session.append(denied(`r${minute}`));
      await clock.advance(60_000);
    }
    expect(warnings.join()).toMatch(/collector is \d+ s behind/);
    expect(sink.notes).toEqual([]);
    sink.mode = "well";
    await clock.advance(60_000);
    const sizes = sink.notes.filter((note) => note.split("\n")[0]?.endsWith("/s1")).map((note) => note.split("\n")[1]);
    expect(sizes.length).toBeGreaterThanOrEqual(10);
    expect(sizes).toEqual([...sizes].sort((one, other) => Number(one) - Number(other)));
    await log.close();
  });

  test("that never answers delays the close by its deadline and no longer", async () => {
    const sink = collectingSink();
    sink.mode = "hanging";
    const clock = fakeClock();
    const warnings: string[] = [];
    const { log } = await openedLog({ anchors: [sink], clock, warn: (message) => void warnings.push(message) });
    const closed = log.close();
    await clock.advance(5_000);
    await closed;
    expect(warnings.join()).toMatch(/never reached collector/);
  });

  test("that throws at once does no harm", async () => {
    const sink: AnchorSink = {
      name: "thrower",
      publish() {
        throw new Error("at once");
      },
    };
    const clock = fakeClock();
    const { log, session } = await openedLog({ anchors: [sink], clock });
    session.append(denied("r1"));
    const closed = log.close();
    await clock.advance(5_000);
    await closed;
  });

  test("with a backlog of thousands keeps the newest head of each log", async () => {
    const sink = collectingSink();
    sink.mode = "down";
    const clock = fakeClock();
    const { log, session } = await openedLog({ anchors: [sink], clock });
    for (let count = 0; count < 4200; count++) session.append(denied(`r${count}`));
    sink.mode = "well";
    await log.close();
    expect(sink.notes.length).toBeLessThan(500);
    expect(sink.notes.some((note) => note.includes("/s1\n8403\n"))).toBe(true);
  });
});

test("a file and an HTTP server keep signed heads", async () => {
  const received: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      received.push(body);
      response.statusCode = received.length === 1 ? 503 : 201;
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const file = join(temporaryDirectory(), "heads");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/heads`;
  const { log, directory, signer, segment } = await openedLog({
    anchors: [fileAnchor(file), httpAnchor(url)],
    clock: systemClock,
  });
  await log.close();
  const heads = readFileSync(file, "utf8");
  expect((await verifyAudit(directory, { key: signer.verifierKey, anchors: heads })).verdict).toBe("COMPLETE");
  const notes = linesOf(segment).flatMap(({ note }) => (typeof note === "string" ? [note] : []));
  for (const note of notes) expect(heads).toContain(note);
  expect(received.length).toBeGreaterThan(1);
});

test("anchors that are none are refused", async () => {
  await expect(openedLog({ anchors: [{ name: "x" } as AnchorSink] })).rejects.toMatchObject({
    code: "OPTIONS_INVALID",
  });
});
