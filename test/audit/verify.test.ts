import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type AuditVerdict, verifyAudit } from "../../src/audit/index.js";
import { parseVerifierKey, type VerifierKey } from "../../src/audit/note.js";
import { Keyring } from "../../src/audit/verify/keyring.js";
import { LogVerifier } from "../../src/audit/verify/log-verifier.js";
import { Attacker } from "./attacker.js";
import {
  closedTwins,
  completed,
  denied,
  intent,
  type Opened,
  openedLog,
  temporaryDirectory,
  testSigner,
} from "./support.js";

/** The log was cut off before the ledger knew of the end: all an attacker or a crash leaves of both. */
function forgetEnd({ ledger }: Opened): void {
  const attacker = new Attacker(ledger);
  attacker.lines = attacker.lines.slice(
    0,
    attacker.lines.findIndex((line) => line.includes('"session.closed"')),
  );
  attacker.save();
}

interface Case {
  readonly name: string;
  readonly verdict: AuditVerdict;
  /** First bad line of session s1. */
  readonly seq?: number;
  readonly reason?: RegExp;
  readonly attack: (log: Attacker, opened: Opened) => void;
}

const swapDecision = (line: string): string => line.replace('"effect":"deny"', '"effect":"allow"');

const MATRIX: readonly Case[] = [
  { name: "nothing", verdict: "COMPLETE", attack: () => {} },
  { name: "edit a line", verdict: "INVALID", seq: 6, reason: /changed/, attack: (log) => log.edit(6, swapDecision) },
  {
    name: "delete a line",
    verdict: "INVALID",
    seq: 3,
    reason: /missing/,
    attack: (log) => void log.lines.splice(3, 1),
  },
  {
    name: "swap two lines",
    verdict: "INVALID",
    seq: 3,
    reason: /order/,
    attack: (log) => log.lines.splice(3, 2, log.lines[4] ?? "", log.lines[3] ?? ""),
  },
  {
    name: "repeat a line",
    verdict: "INVALID",
    seq: 4,
    attack: (log) => void log.lines.splice(4, 0, log.lines[3] ?? ""),
  },
  {
    name: "23: pretty-print",
    verdict: "INVALID",
    seq: 0,
    reason: /not the original bytes/,
    attack: (log) => {
      log.lines = log.lines.map((line) => JSON.stringify(JSON.parse(line), null, 1));
    },
  },
  {
    name: "23: sort the keys",
    verdict: "INVALID",
    seq: 0,
    reason: /not the original bytes/,
    attack: (log) => {
      log.lines = log.lines.map((line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).sort())));
    },
  },
  {
    name: "add a space inside one line",
    verdict: "INVALID",
    seq: 4,
    attack: (log) => log.edit(4, (line) => line.replace('"http":{', '"http": {')),
  },
  {
    name: "edit, and recompute the chain",
    verdict: "INVALID",
    seq: 7,
    attack: (log) => {
      log.edit(6, swapDecision);
      log.recompute();
    },
  },
  {
    name: "delete, and recompute the chain",
    verdict: "INVALID",
    attack: (log) => {
      log.lines.splice(6, 1);
      log.recompute();
    },
  },
  {
    name: "insert, and recompute the chain",
    verdict: "INVALID",
    attack: (log) => {
      log.lines.splice(3, 0, log.lines[4] ?? "");
      log.recompute();
    },
  },
  {
    name: "cut the tail, where the ledger knows the end",
    verdict: "INVALID",
    reason: /ledger says it was closed at/,
    attack: (log) => void log.lines.splice(6),
  },
  {
    name: "cut the tail after a checkpoint, of both logs",
    verdict: "PREFIX_VALID_END_UNPROVEN",
    attack: (log, opened) => {
      log.lines.splice(8);
      forgetEnd(opened);
    },
  },
  {
    name: "cut the tail between checkpoints, of both logs",
    verdict: "PREFIX_VALID_END_UNPROVEN",
    attack: (log, opened) => {
      log.lines.splice(6);
      forgetEnd(opened);
    },
  },
  {
    name: "cut the tail and append plausible lines without a key",
    verdict: "PREFIX_VALID_END_UNPROVEN",
    attack: (log, opened) => {
      log.lines.splice(8);
      for (let count = 0; count < 35; count++) log.lines.push(log.lines[3] ?? "");
      const signed = log.lines.slice(0, 8);
      log.recompute();
      expect(log.lines.slice(0, 8)).toEqual(signed);
      forgetEnd(opened);
    },
  },
  {
    name: "strip all checkpoints, and recompute the chain",
    verdict: "CANNOT_VERIFY",
    reason: /no signed checkpoint/,
    attack: (log, opened) => {
      log.lines = log.lines.filter((line) => !line.includes('"log.checkpoint"'));
      log.recompute();
      forgetEnd(opened);
    },
  },
  {
    name: "17: sign everything again with another key",
    verdict: "CANNOT_VERIFY",
    reason: /another key/,
    attack: (log, opened) => {
      log.edit(6, swapDecision);
      log.recompute(testSigner("other"));
      forgetEnd(opened);
    },
  },
  {
    name: "17: sign everything again with another key of the same name",
    verdict: "CANNOT_VERIFY",
    reason: /another key/,
    attack: (log, opened) => {
      log.recompute(testSigner("test"));
      forgetEnd(opened);
    },
  },
  {
    name: "18: copy another session's log over this one",
    verdict: "INVALID",
    seq: 0,
    reason: /another session/,
    attack: (log) => {
      log.lines = new Attacker(log.path.replace("/s1/", "/s2/")).lines;
    },
  },
  {
    name: "18: copy a checkpoint's note from another session",
    verdict: "INVALID",
    seq: 1,
    reason: /belongs to another log/,
    attack: (log) => {
      const other = JSON.parse(new Attacker(log.path.replace("/s1/", "/s2/")).lines[1] ?? "") as { note: string };
      log.edit(1, (line) => JSON.stringify({ ...JSON.parse(line), note: other.note }));
    },
  },
  {
    name: "19: a checkpoint that speaks of more lines than there are",
    verdict: "INVALID",
    seq: 1,
    reason: /speaks of 40 lines, there are 1/,
    attack: (log) => log.edit(1, (line) => line.replace("s1\\n1\\n", "s1\\n40\\n")),
  },
  {
    name: "a line after the signed end",
    verdict: "INVALID",
    seq: 11,
    reason: /signed end/,
    attack: (log) => void log.lines.push(log.lines[3] ?? ""),
  },
  {
    name: "half a line after the signed end",
    verdict: "PREFIX_VALID_END_UNPROVEN",
    attack: (log) => {
      log.save();
      appendFileSync(log.path, '{"v":1');
      log.lines = readFileSync(log.path, "utf8").split("\n");
      log.save = () => {};
    },
  },
  {
    name: "rewrite everything with the stolen key: only a head published elsewhere would tell",
    verdict: "COMPLETE",
    attack: (log, opened) => {
      log.edit(6, swapDecision);
      log.recompute(opened.signer);
      const head = JSON.parse(log.lines.at(-1) ?? "") as { note: string };
      const ledger = new Attacker(opened.ledger);
      const at = ledger.lines.findIndex(
        (line) => line.includes('"session.closed"') && line.includes('"session_id":"s1"'),
      );
      const [, size, root] = head.note.split("\n");
      ledger.edit(at, (line) => JSON.stringify({ ...JSON.parse(line), size: Number(size), root }));
      ledger.recompute(opened.signer);
      ledger.save();
    },
  },
  {
    name: "15: delete the session",
    verdict: "INVALID",
    reason: /it is not there/,
    attack: (log) => {
      rmSync(join(log.path, ".."), { recursive: true });
      log.save = () => {};
    },
  },
  {
    name: "15: empty the session",
    verdict: "INVALID",
    reason: /nothing is left/,
    attack: (log) => {
      log.lines = [];
    },
  },
];

describe("11: what an attacker does to a closed log, and what the verifier says", () => {
  test.each(MATRIX)("$name: $verdict", async ({ attack, verdict, seq, reason }) => {
    const opened = await closedTwins();
    const attacker = new Attacker(opened.segment);
    attack(attacker, opened);
    attacker.save();
    const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
    const session = report.logs.find(({ log }) => log.endsWith("/s1"));
    expect(session?.verdict).toBe(verdict);
    expect(report.logs.find(({ log }) => log.endsWith("/s2"))?.verdict).toBe("COMPLETE");
    if (seq !== undefined) expect(session?.problem?.seq).toBe(seq);
    if (reason !== undefined) expect(session?.problem?.reason).toMatch(reason);
    expect(report.verdict).toBe(verdict);
    expect(report.exitCode).toBe(
      { COMPLETE: 0, INVALID: 1, CANNOT_VERIFY: 2, PREFIX_VALID_END_UNPROVEN: 3 }[verdict as "COMPLETE"],
    );
  });

  test("the plausible lines without a key are counted", async () => {
    const opened = await closedTwins();
    const attacker = new Attacker(opened.segment);
    MATRIX.find(({ name }) => name.includes("plausible"))?.attack(attacker, opened);
    attacker.save();
    const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
    expect(report.logs.find(({ log }) => log.endsWith("/s1"))).toMatchObject({ unsigned: 35, head: { size: 7 } });
  });
});

test("a ledger that was deleted is missed by the sessions", async () => {
  const { directory, ledger, signer } = await closedTwins();
  rmSync(ledger);
  const report = await verifyAudit(directory, { key: signer.verifierKey });
  expect(report).toMatchObject({ verdict: "INVALID" });
  expect(report.logs[0]?.problem?.reason).toMatch(/ledger of these sessions is missing/);
});

test("a session with a genuine log that the complete ledger does not list is refused", async () => {
  const opened = await closedTwins();
  const ledger = new Attacker(opened.ledger);
  ledger.lines = ledger.lines.filter((line) => !line.includes('"session_id":"s2"'));
  ledger.recompute(opened.signer);
  ledger.save();
  const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
  expect(report.logs.map(({ verdict }) => verdict)).toEqual(["COMPLETE", "COMPLETE", "INVALID"]);
});

test("a writer's directory under another name is refused", async () => {
  const { directory, log, signer } = await closedTwins();
  renameSync(join(directory, log.writer), join(directory, "01890000-0000-7000-8000-000000000000"));
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("INVALID");
});

test("a session's log from another writer, under the same name and key, is refused at its first line", async () => {
  const { directory, segment, signer } = await closedTwins();
  const other = await openedLog({ directory, signer });
  await other.log.close();
  copyFileSync(other.segment, segment);
  const report = await verifyAudit(directory, { key: signer.verifierKey });
  const session = report.logs.find(({ verdict }) => verdict === "INVALID");
  expect(session?.problem).toMatchObject({ seq: 0, reason: expect.stringMatching(/another session or writer/) });
});

test("without any key the record is unverifiable, but damage still shows", async () => {
  const { directory, segment } = await closedTwins();
  expect(await verifyAudit(directory)).toMatchObject({
    verdict: "CANNOT_VERIFY",
    exitCode: 2,
    key: { source: "none" },
  });
  const attacker = new Attacker(segment);
  attacker.edit(3, (line) => line.replace("r1", "r9"));
  attacker.save();
  expect((await verifyAudit(directory)).verdict).toBe("INVALID");
});

test.each(["", "x", "test+00000000+AAAA", "\0"])("the key %j is no key", async (key) => {
  const { directory } = await closedTwins();
  const report = await verifyAudit(directory, { key });
  expect(report).toMatchObject({ verdict: "CANNOT_VERIFY", key: { source: "none" } });
});

test("an empty directory is empty, a missing one cannot be verified", async () => {
  const directory = temporaryDirectory();
  expect(await verifyAudit(directory)).toMatchObject({ verdict: "EMPTY", exitCode: 5 });
  expect(await verifyAudit(join(directory, "none"))).toMatchObject({ verdict: "CANNOT_VERIFY", exitCode: 2 });
});

test("10: a record whose writer is still running, or died, is a valid prefix, and the lock is mentioned", async () => {
  const { directory, session, signer } = await openedLog();
  session.append(intent("r1"));
  const report = await verifyAudit(directory, { key: signer.verifierKey });
  expect(report).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", exitCode: 3 });
  expect(report.notes).toContainEqual(expect.stringContaining("still holds its lock"));
});

describe("14: segments", () => {
  async function threeSegments(): Promise<Opened & { readonly paths: readonly string[] }> {
    const opened = await openedLog();
    for (let count = 0; count < 20_000; count++) opened.session.append(completed(`r${count}`));
    await opened.log.close();
    return { ...opened, paths: [0, 1, 2].map((number) => opened.segment.replace("000000", `00000${number}`)) };
  }

  test("a missing, renamed, repeated or shortened segment is named", async () => {
    const { directory, signer, paths } = await threeSegments();
    const [first = "", second = "", third = ""] = paths;
    const judge = async (): Promise<unknown> => {
      const report = await verifyAudit(directory, { key: signer.verifierKey });
      const { verdict, problem } = report.logs.at(-1) ?? {};
      return `${report.verdict} ${verdict} ${problem?.segment}`;
    };
    const kept = temporaryDirectory();
    const restore = (): void => cpSync(kept, join(first, ".."), { recursive: true, force: true });
    cpSync(join(first, ".."), kept, { recursive: true });
    expect(await judge()).toBe("COMPLETE COMPLETE undefined");

    rmSync(second);
    expect(await judge()).toBe("INVALID INVALID 000001.jsonl");
    restore();
    renameSync(second, `${second}.away`);
    renameSync(third, second);
    renameSync(`${second}.away`, third);
    expect(await judge()).toBe("INVALID INVALID 000001.jsonl");
    restore();
    copyFileSync(first, third);
    expect(await judge()).toBe("INVALID INVALID 000002.jsonl");
    restore();
    copyFileSync(third, third.replace("000002", "000003"));
    expect(await judge()).toBe("INVALID INVALID 000003.jsonl");
    rmSync(third.replace("000002", "000003"));
    restore();
    truncateSync(second, readFileSync(second).lastIndexOf("\n", -2) + 1);
    expect(await judge()).toBe("INVALID INVALID 000002.jsonl");
    restore();
    appendFileSync(second, "x");
    expect(await judge()).toBe("INVALID INVALID 000002.jsonl");
    restore();
    rmSync(third);
    expect(await judge()).toBe("INVALID INVALID undefined");
  });
});

/** The bytes of one log, judged in memory: for attacks by the thousand. */
function judgeBytes(bytes: Buffer, { log, signer }: Opened): AuditVerdict {
  const verifier = new LogVerifier(
    { origin: `sallyport/${log.writer}/s1`, session: "s1", firstType: "session.opened", lastType: "session.closed" },
    { keyring: new Keyring([parseVerifierKey(signer.verifierKey) as VerifierKey]) },
  );
  let start = 0;
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    if (!verifier.line(bytes.subarray(start, end))) return verifier.report(0).verdict;
    start = end + 1;
  }
  return verifier.report(bytes.length - start).verdict;
}

test("12: no single flipped bit in the last three lines of a log passes as complete", async () => {
  const opened = await openedLog();
  opened.session.append(intent("r1"));
  await opened.log.close();
  const original = readFileSync(opened.segment);
  expect(judgeBytes(original, opened)).toBe("COMPLETE");
  const lastThree = original.subarray(0, original.indexOf('"request.intent"')).lastIndexOf("\n") + 1;
  expect(original.subarray(lastThree).toString().split("\n")).toHaveLength(4);
  const bytes = Buffer.from(original);
  for (let at = lastThree; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] = (original[at] ?? 0) ^ (1 << bit);
      if (judgeBytes(bytes, opened) === "COMPLETE") expect.unreachable(`bit ${bit} of byte ${at} may be flipped`);
    }
    bytes[at] = original[at] ?? 0;
  }
}, 60_000);

test("12: no single flipped bit anywhere in a log of a hundred lines passes as complete", async () => {
  const opened = await openedLog();
  for (let count = 0; count < 94; count++) opened.session.append(intent(`r${count}`));
  await opened.log.close();
  const original = readFileSync(opened.segment);
  expect(original.toString().split("\n").length).toBeGreaterThan(99);
  expect(judgeBytes(original, opened)).toBe("COMPLETE");
  const bytes = Buffer.from(original);
  // 97 and 8 are coprime: every bit position, spread over all lines.
  for (let at = 0, turn = 0; at < bytes.length; at += 97, turn++) {
    bytes[at] = (original[at] ?? 0) ^ (1 << (turn % 8));
    if (judgeBytes(bytes, opened) === "COMPLETE") expect.unreachable(`byte ${at} may be changed`);
    bytes[at] = original[at] ?? 0;
  }
}, 60_000);

test("13: a log cut at any byte is never complete, and never an exception", async () => {
  const opened = await openedLog();
  for (let count = 0; count < 14; count++) opened.session.append(intent(`r${count}`));
  opened.session.append(denied("r"));
  await opened.log.close();
  const original = readFileSync(opened.segment);
  expect(original.toString().trimEnd().split("\n")).toHaveLength(20);
  expect(judgeBytes(original, opened)).toBe("COMPLETE");
  const verdicts = new Set<AuditVerdict>();
  for (let length = 0; length < original.length; length++)
    verdicts.add(judgeBytes(original.subarray(0, length), opened));
  expect([...verdicts].sort()).toEqual(["CANNOT_VERIFY", "EMPTY", "PREFIX_VALID_END_UNPROVEN"]);
}, 60_000);

test("13: the same through files, around every line's end, with the ledger that knows better", async () => {
  const { segment, directory, signer } = await closedTwins();
  const original = readFileSync(segment);
  for (let end = original.indexOf(10); end !== -1; end = original.indexOf(10, end + 1)) {
    for (const length of [end - 1, end, end + 1]) {
      writeFileSync(segment, original.subarray(0, length));
      const { verdict } = await verifyAudit(directory, { key: signer.verifierKey });
      if (length === original.length) expect(verdict).toBe("COMPLETE");
      else expect(["INVALID", "PREFIX_VALID_END_UNPROVEN", "CANNOT_VERIFY"]).toContain(verdict);
    }
  }
});

test("12: a log cut at a checkpoint cannot be made to look final by its unsigned parts", async () => {
  const opened = await closedTwins();
  const attacker = new Attacker(opened.segment);
  attacker.lines.splice(8);
  const doctored = [
    (line: string) => line.replace('"log.checkpoint"', '"session.closed"'),
    (line: string) => line.replace('"note":', '"final":true,"note":'),
    (line: string) => `${line.slice(0, -1)},"final":true}`,
    (line: string) => line.replace(/\\n"}$/, '\\n\\u2014 other AAAA\\n"}'),
    (line: string) => line.replace(/=\\n"}$/, '\\n"}'),
    (line: string) => line.replace(/"id":"[0-9a-f]/, '"id":"f'),
    (line: string) => line.replace('"ai"', '"human"'),
    (line: string) => line.replace('"tenant":"acme"', '"tenant":"evil"'),
  ];
  for (const change of doctored) {
    const lines = [...attacker.lines];
    lines[7] = change(lines[7] ?? "");
    expect(lines[7]).not.toBe(attacker.lines[7]);
    // Without its type it is no checkpoint any more, but one more line that nobody signed.
    const expected = lines[7]?.includes("log.checkpoint") === true ? "INVALID" : "PREFIX_VALID_END_UNPROVEN";
    expect(judgeBytes(Buffer.from(`${lines.join("\n")}\n`), opened)).toBe(expected);
  }
});

describe("25: bytes that were never a log", () => {
  const insert = (original: Buffer, what: string | Buffer): Buffer => Buffer.concat([Buffer.from(what), original]);
  const cases: readonly [string, (original: Buffer) => Buffer][] = [
    ["a byte order mark", (original) => insert(original, "\ufeff")],
    ["CRLF", (original) => Buffer.from(original.toString().replaceAll("\n", "\r\n"))],
    ["NUL bytes", (original) => insert(original, "\0\0\n")],
    ["nothing but NUL", () => Buffer.alloc(100_000)],
    ["nothing but newlines", () => Buffer.alloc(100_000, 10)],
    ["a line of 10 MB", (original) => insert(original, `${"x".repeat(10_000_000)}\n`)],
    ["10 MB without a newline", () => Buffer.alloc(10_000_000, 0x7b)],
    ["a repeated key in the head", (original) => Buffer.from(original.toString().replace("}\n", ',"seq":7}\n'))],
    ["another repeated key", (original) => Buffer.from(original.toString().replace("}\n", ',"purpose":"other"}\n'))],
    ["an own __proto__", (original) => Buffer.from(original.toString().replace("}\n", ',"__proto__":{"x":1}}\n'))],
    ["a lone surrogate in UTF-8", (original) => insert(original, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22, 0x0a]))],
    ["deep nesting", (original) => insert(original, `${"[".repeat(60_000)}\n`)],
    ["a JSON null", (original) => insert(original, "null\n")],
    ["a line of the wrong shapes", (original) => insert(original, '{"v":1,"seq":{},"prev":[]}\n')],
  ];
  test.each(cases)("%s: a verdict, no exception", async (_name, change) => {
    const { segment, directory, signer } = await closedTwins();
    writeFileSync(segment, change(readFileSync(segment)));
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("INVALID");
  });

  test.skipIf(process.platform === "win32")(
    "a pipe, a directory or a link to a device in a segment's place does not hang",
    async () => {
      const { segment, directory, signer } = await closedTwins();
      const place: readonly (() => unknown)[] = [
        () => execFileSync("mkfifo", [segment]),
        () => symlinkSync("/dev/zero", segment),
        () => mkdirSync(segment),
      ];
      for (const put of place) {
        rmSync(segment, { recursive: true, force: true });
        put();
        const report = await verifyAudit(directory, { key: signer.verifierKey });
        expect(["INVALID", "CANNOT_VERIFY"]).toContain(report.verdict);
      }
    },
  );
});

test("a signal ends the verification with its reason", async () => {
  const { directory, signer } = await closedTwins();
  const reason = new Error("enough");
  await expect(verifyAudit(directory, { key: signer.verifierKey, signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
});
