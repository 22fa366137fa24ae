import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { systemFiles } from "../../src/audit/file-system.js";
import { type AuditFileSystem, type SessionLog, verifyAudit } from "../../src/audit/index.js";
import { completed, denied, intent, linesOf, openedLog } from "./support.js";

/** The real file system, which counts writes and fails on demand. */
function watchedFiles(): AuditFileSystem & { writes: number; failsAfter: number } {
  const files = {
    ...systemFiles,
    writes: 0,
    failsAfter: Number.POSITIVE_INFINITY,
    write(file: number, bytes: Uint8Array) {
      if (files.failsAfter-- <= 0) throw Object.assign(new Error("EIO"), { code: "EIO" });
      files.writes++;
      return systemFiles.write(file, bytes);
    },
  };
  return files;
}

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `r${at}`);

/** The first of them are written at once: they are too few to wait for each other. */
const startAll = (session: SessionLog, requests: readonly string[]): Promise<unknown> =>
  Promise.all(requests.map((request) => session.appendSoon(intent(request))));

test("lines of calls that are under way together share a write, and stand as if each had been alone", async () => {
  const fs = watchedFiles();
  const { log, session, segment, directory, signer } = await openedLog({ fs });
  const before = fs.writes;
  await startAll(session, names(50));
  await Promise.all(names(50).map((request) => session.appendSoon(completed(request))));
  expect(fs.writes - before).toBeLessThan(15);
  await log.close();
  const lines = linesOf(segment);
  expect(lines.filter(({ type }) => type === "request.intent").map((line) => line["request_id"])).toEqual(names(50));
  expect(lines.filter(({ type }) => type === "request.completed")).toHaveLength(50);
  expect(await verifyAudit(directory, { key: signer.verifierKey })).toMatchObject({ verdict: "COMPLETE" });
});

test("a line that is waited for is on disk when the wait is over, and not before anybody waited", async () => {
  const { log, session, segment } = await openedLog();
  await startAll(session, names(4));
  const written = session.appendSoon(intent("late"));
  expect(written).toBeInstanceOf(Promise);
  expect(readFileSync(segment, "utf8")).not.toContain('"late"');
  await written;
  expect(readFileSync(segment, "utf8")).toContain('"late"');
  await log.close();
});

test("a single call waits for nobody", async () => {
  const { log, session, segment } = await openedLog();
  for (const request of names(10)) {
    expect(session.appendSoon(intent(request))).toBeUndefined();
    expect(session.appendSoon(completed(request))).toBeUndefined();
  }
  expect(linesOf(segment).filter(({ type }) => type === "request.completed")).toHaveLength(10);
  await log.close();
});

test("lines that are written together are signed as often as lines that are not", async () => {
  const { log, session, segment, directory, signer } = await openedLog();
  await startAll(session, names(400));
  const types = linesOf(segment).map(({ type }) => type);
  const between = types.join(" ").split("log.checkpoint");
  for (const run of between) expect(run.trim().split(" ").length).toBeLessThanOrEqual(64);
  await log.close();
  expect(await verifyAudit(directory, { key: signer.verifierKey })).toMatchObject({ verdict: "COMPLETE" });
});

test("a risky line is signed with those that were written with it, before anybody goes on", async () => {
  const { log, session, segment } = await openedLog();
  await startAll(session, names(5));
  await Promise.all([session.appendSoon(denied("x")), session.appendSoon(intent("y"))]);
  expect(linesOf(segment).at(-1)).toMatchObject({ type: "log.checkpoint" });
  await log.close();
});

test("longer lines than fit into one write follow in the next", async () => {
  const { log, session, segment, directory, signer } = await openedLog();
  const headers = Array.from({ length: 64 }, (_, at): [string, string] => [`h${at}`, "x".repeat(900)]);
  const long = (request: string) => ({ ...intent(request), http: { ...intent(request).http, req_headers: headers } });
  await startAll(session, names(4));
  await Promise.all(
    names(12).map((request) => session.appendSoon(long(`long-${request}`) as ReturnType<typeof intent>)),
  );
  const seen = linesOf(segment).map((line) => line["request_id"]);
  expect(seen.filter((id) => String(id).startsWith("long-"))).toEqual(names(12).map((request) => `long-${request}`));
  await log.close();
  expect(await verifyAudit(directory, { key: signer.verifierKey })).toMatchObject({ verdict: "COMPLETE" });
});

test("where a write fails each learns of it, nothing of it is left, and the chain goes on", async () => {
  const fs = watchedFiles();
  const { log, session, segment, directory, signer } = await openedLog({ fs });
  await startAll(session, names(4));
  fs.failsAfter = 0;
  const lost = await Promise.allSettled(["a", "b", "c"].map((request) => session.appendSoon(intent(request))));
  expect(lost).toEqual(Array(3).fill({ status: "rejected", reason: expect.objectContaining({ systemCode: "EIO" }) }));
  fs.failsAfter = Number.POSITIVE_INFINITY;
  await session.appendSoon(intent("d"));
  const lines = linesOf(segment);
  expect(lines.map((line) => line["request_id"])).not.toContain("a");
  expect(lines.at(-2)).toMatchObject({ type: "log.gap", gap: { count: 3 } });
  await log.close();
  expect(await verifyAudit(directory, { key: signer.verifierKey })).toMatchObject({ verdict: "COMPLETE" });
});

test("where only the write of all fails, each is written by itself", async () => {
  const fs = watchedFiles();
  const { log, session, segment } = await openedLog({ fs });
  await startAll(session, names(4));
  const write = fs.write;
  fs.write = (file, bytes) => {
    fs.write = write;
    return systemFiles.write(file, bytes.subarray(0, 0));
  };
  await Promise.all(["a", "b", "c"].map((request) => session.appendSoon(intent(request))));
  const seen = linesOf(segment).map((line) => line["request_id"]);
  expect(seen.slice(-3)).toEqual(["a", "b", "c"]);
  await log.close();
});

test("the end of a session writes what waits, and lets who waited record what came of it", async () => {
  const { log, session, segment } = await openedLog();
  await startAll(session, names(4));
  const waiting = session.appendSoon(intent("late"))?.then(() => session.append(completed("late")));
  await session.close("closed");
  await expect(waiting).resolves.toBeDefined();
  const types = linesOf(segment).map(({ type }) => type);
  expect(types.slice(-4)).toEqual(["request.intent", "request.completed", "session.closed", "log.checkpoint"]);
  expect(() => session.append(intent("after"))).toThrow(expect.objectContaining({ systemCode: "CLOSED" }));
  await log.close();
});
