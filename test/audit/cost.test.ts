import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { systemFiles } from "../../src/audit/file-system.js";
import { type AuditFileSystem, type AuditSigner, verifyAudit } from "../../src/audit/index.js";
import { parseVerifierKey } from "../../src/audit/note.js";
import { Keyring } from "../../src/audit/verify/keyring.js";
import { sessionPlace } from "../../src/audit/verify/places.js";
import { verifyLog } from "../../src/audit/verify/verify-log.js";
import { scene } from "../recording/support.js";
import { completed, intent, linesOf, OPENING, openedLog, testSigner } from "./support.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

interface Counted {
  readonly fs: AuditFileSystem;
  readonly counts: Readonly<Record<"looks" | "writes" | "syncs", number>>;
}

/** The real file system, and how often it was asked. */
function countedFiles(): Counted {
  const counts = { looks: 0, writes: 0, syncs: 0 };
  const fs: AuditFileSystem = {
    ...systemFiles,
    stat: (file, path, expected) => {
      counts.looks++;
      return systemFiles.stat(file, path, expected);
    },
    write: (file, bytes) => {
      counts.writes++;
      return systemFiles.write(file, bytes);
    },
    sync: (file) => {
      counts.syncs++;
      return systemFiles.sync(file);
    },
    syncNow: (file) => {
      counts.syncs++;
      systemFiles.syncNow(file);
    },
  };
  return { fs, counts };
}

/** A signer that counts. */
function countedSigner(): { readonly signer: ReturnType<typeof testSigner>; readonly signatures: () => number } {
  const inner = testSigner();
  let count = 0;
  const sign: AuditSigner["sign"] = (message) => {
    count++;
    return inner.sign(message);
  };
  return { signer: { ...inner, sign }, signatures: () => count };
}

// The ratios themselves are measured by bench/audit.js: a time is no test. What they come from is counted here.

test("74: a line costs at most one look at the file, one write and no sync, and no more when the log is long", async () => {
  const { fs, counts } = countedFiles();
  const { session, segment } = await openedLog({ fs });
  const costs: (typeof counts)[] = [];
  for (let round = 0; round < 2; round++) {
    const before = { ...counts };
    for (let count = 0; count < 2000; count++) session.append(intent("r1"));
    costs.push({
      looks: counts.looks - before.looks,
      writes: counts.writes - before.writes,
      syncs: counts.syncs - before.syncs,
    });
  }
  const [first, second] = costs;
  // One line in 64 is a signature and a line of its own.
  const most = Math.ceil((2000 * 65) / 64) + 1;
  expect(first?.writes).toBeLessThanOrEqual(most);
  expect(first?.looks).toBeLessThanOrEqual(most);
  expect(second?.writes).toBeLessThanOrEqual(most);
  expect([first?.syncs, second?.syncs]).toEqual([0, 0]);
  // Of the same event, a late line is longer by the digits of its number and its times only: no proof grows in it.
  const lines = readFileSync(segment, "utf8")
    .split("\n")
    .filter((line) => line.includes("request.intent"));
  expect((lines.at(-1)?.length ?? 0) - (lines[0]?.length ?? 0)).toBeLessThan(16);
});

test("75: one signature stands for 64 lines, and verifying holds no more of a long log than of a short one", async () => {
  const { signer, signatures } = countedSigner();
  const { session, log, directory } = await openedLog({ signer });
  const before = signatures();
  for (let count = 0; count < 9000; count++) session.append(intent("r1"));
  // Signing each line would be 9,000.
  expect(signatures() - before).toBeLessThanOrEqual(9000 / 64 + 1);
  await log.close();
  const key = parseVerifierKey(signer.verifierKey);
  const held: number[] = [];
  let seen = 0;
  const look = (): void => {
    if (++seen % 4000 !== 0) return;
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    held.push(heapUsed + arrayBuffers);
  };
  const keyring = new Keyring(key === undefined ? [] : [key]);
  const report = await verifyLog(sessionPlace(directory, log.writer, OPENING.id), { keyring, onLine: look });
  expect(report).toMatchObject({ verdict: "COMPLETE" });
  expect(held).toHaveLength(2);
  // A hash per line alone would be 256 KiB more.
  expect((held[1] ?? 0) - (held[0] ?? 0)).toBeLessThan(128 * 1024);
});

test("76: a strict line is one sync, and 32 calls at once share theirs in a group", async () => {
  const { fs, counts } = countedFiles();
  const { session } = await openedLog({ fs });
  await session.sync("strict");
  const before = { ...counts };
  for (let count = 0; count < 5; count++) {
    session.append(intent(`r${count}`));
    await session.sync("strict");
  }
  expect(counts.syncs - before.syncs).toBe(5);
  expect(counts.writes - before.writes).toBeLessThanOrEqual(5);
  const grouped = counts.syncs;
  await Promise.all(
    Array.from({ length: 32 }, async (_, count) => {
      session.append(completed(`r${count}`));
      await session.sync("group");
    }),
  );
  expect(counts.syncs - grouped).toBeLessThanOrEqual(8);
});

test("76: recording metadata writes two short lines per call, whatever the answer weighs", async () => {
  const { session, api, guard, directory, place } = await scene("metadata", (_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ pad: "x".repeat(4096) }));
  });
  for (let count = 0; count < 20; count++) await (await session.fetch(`${api.origin}/x`)).text();
  await guard.close();
  const segment = join(place(), "000000.jsonl");
  const lines = linesOf(segment).filter(({ type }) => String(type).startsWith("request."));
  expect(lines).toHaveLength(40);
  expect(lines.at(-1)).toMatchObject({ res_body: { level: "metadata", bytes: 4106 } });
  expect(readdirSync(place())).toEqual(["000000.jsonl"]);
  expect(statSync(segment).size / 20).toBeLessThan(4096);
  expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
});
