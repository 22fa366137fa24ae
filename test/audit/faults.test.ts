import { chmodSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemFiles } from "../../src/audit/file-system.js";
import { type AuditFileSystem, openAuditLog, verifyAudit } from "../../src/audit/index.js";
import { AuditUnavailableError } from "../../src/errors/guard-error.js";
import { fakeClock } from "../support/fake-clock.js";
import { completed, denied, intent, linesOf, OPENING, openedLog, temporaryDirectory, testSigner } from "./support.js";

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** The real file system, with some of its verbs replaced. */
const filesWith = (replaced: Partial<AuditFileSystem>): AuditFileSystem => ({ ...systemFiles, ...replaced });

test("32: a line that is taken in small pieces is completed", async () => {
  const fs = filesWith({
    write: (file, bytes) => systemFiles.write(file, bytes.subarray(0, Math.ceil(bytes.length / 2))),
  });
  const { log, session, directory, signer, segment } = await openedLog({ fs });
  session.append(intent("r1"));
  session.append(denied("r2"));
  await log.close();
  expect(linesOf(segment)).toHaveLength(7);
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test("32: a device that takes nothing and reports nothing ends in an error, not in a loop", async () => {
  let dead = false;
  const fs = filesWith({ write: (file, bytes) => (dead ? 0 : systemFiles.write(file, bytes)) });
  const { session } = await openedLog({ fs });
  dead = true;
  expect(() => session.append(intent("r1"))).toThrow(expect.objectContaining({ systemCode: "EIO" }));
});

describe("33: a disk that fails", () => {
  test.each(["ENOSPC", "EIO", "EROFS", "EDQUOT"])(
    "%s half way through a line: an error with the path, no half line, and on again",
    async (code) => {
      let room = Number.POSITIVE_INFINITY;
      const fs = filesWith({
        write(file, bytes) {
          if (room <= 0) throw failure(code);
          const taken = systemFiles.write(file, bytes.subarray(0, Math.min(room, bytes.length)));
          room -= taken;
          return taken;
        },
      });
      const { log, session, segment, directory, signer } = await openedLog({ fs });
      session.append(intent("r1"));
      const before = readFileSync(segment);
      for (const left of [0, 1, 100, 400]) {
        room = left;
        let error: unknown;
        try {
          session.append(intent("r2"));
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(AuditUnavailableError);
        expect(error).toMatchObject({ code: "AUDIT_UNAVAILABLE", path: segment, systemCode: code });
        expect(readFileSync(segment).equals(before)).toBe(true);
      }
      room = Number.POSITIVE_INFINITY;
      expect(session.append(intent("r3"))).toEqual({ seq: 4 });
      expect(linesOf(segment)[3]).toMatchObject({ type: "log.gap", gap: { count: 4 } });
      await log.close();
      expect(linesOf(segment).map((line) => line["request_id"])).not.toContain("r2");
      expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
    },
  );

  test("a half line that cannot be removed blocks the log until it can", async () => {
    let failing = false;
    const fs = filesWith({
      write(file, bytes) {
        if (!failing) return systemFiles.write(file, bytes);
        if (bytes.length < 100) throw failure("EIO");
        return systemFiles.write(file, bytes.subarray(0, bytes.length - 50));
      },
      truncate(file, length) {
        if (failing) throw failure("EIO");
        systemFiles.truncate(file, length);
      },
    });
    const { log, session, segment, directory, signer } = await openedLog({ fs });
    failing = true;
    expect(() => session.append(intent("r1"))).toThrow(AuditUnavailableError);
    expect(() => session.append(intent("r2"))).toThrow(AuditUnavailableError);
    expect(readFileSync(segment, "utf8").endsWith("\n")).toBe(false);
    failing = false;
    session.append(intent("r3"));
    await log.close();
    expect(linesOf(segment).filter((line) => line["type"] === "request.intent")).toMatchObject([{ request_id: "r3" }]);
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("a checkpoint that cannot be written does not undo its event; it is written later", async () => {
    let full = false;
    const fs = filesWith({
      write(file, bytes) {
        if (full && Buffer.from(bytes).includes('"log.checkpoint"')) throw failure("ENOSPC");
        return systemFiles.write(file, bytes);
      },
    });
    const warnings: string[] = [];
    const { log, session, directory, signer } = await openedLog({ fs, warn: (message) => void warnings.push(message) });
    full = true;
    for (let count = 0; count < 5; count++) session.append(denied(`r${count}`));
    expect(warnings).toEqual([expect.stringMatching(/is full/), expect.stringMatching(/unsigned: ENOSPC/)]);
    expect((await verifyAudit(directory, { key: signer.verifierKey })).logs.at(-1)).toMatchObject({ unsigned: 5 });
    full = false;
    await log.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("a failed fdatasync is reported and ends the log: a second one would report success without the data", async () => {
    let failing = false;
    const fs = filesWith({ sync: (file) => (failing ? Promise.reject(failure("EIO")) : systemFiles.sync(file)) });
    const { session } = await openedLog({ fs, sync: "group" });
    session.append(intent("r1"));
    failing = true;
    await expect(session.sync()).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE", systemCode: "EIO" });
    failing = false;
    expect(() => session.append(intent("r2"))).toThrow(AuditUnavailableError);
    await expect(session.sync("strict")).rejects.toBeInstanceOf(AuditUnavailableError);
  });

  test("a session that cannot be entered in the ledger is not left behind to look smuggled in", async () => {
    let full = false;
    const fs = filesWith({
      write(file, bytes) {
        if (
          full &&
          Buffer.from(bytes).includes('"session.opened"') &&
          Buffer.from(bytes).includes('"boot"') &&
          ledgerHasFile(file)
        ) {
          throw failure("ENOSPC");
        }
        return systemFiles.write(file, bytes);
      },
      createFile(path) {
        const file = systemFiles.createFile(path);
        if (path.includes("ledger-")) ledgerFile = file;
        return file;
      },
    });
    let ledgerFile = -1;
    const ledgerHasFile = (file: number): boolean => file === ledgerFile;
    const { log, directory, signer } = await openedLog({ fs });
    full = true;
    expect(() => log.openSession({ ...OPENING, id: "s2" })).toThrow(AuditUnavailableError);
    full = false;
    log.openSession({ ...OPENING, id: "s2" });
    await log.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("a session whose end could not be signed closes, and is no complete record", async () => {
    let full = false;
    const fs = filesWith({
      write(file, bytes) {
        if (full && Buffer.from(bytes).includes('"log":"sallyport')) throw failure("ENOSPC");
        return systemFiles.write(file, bytes);
      },
    });
    const { session, directory, signer } = await openedLog({ fs });
    full = true;
    await session.close("done");
    full = false;
    const report = await verifyAudit(directory, { key: signer.verifierKey });
    expect(report.verdict).toBe("PREFIX_VALID_END_UNPROVEN");
  });
});

const MEDDLERS: readonly (readonly [what: string, systemCode: string, meddle: (path: string) => void])[] = [
  ["removes its directory", "ENOENT", (path) => rmSync(join(path, ".."), { recursive: true })],
  ["cuts it", "ETAMPERED", (path) => truncateSync(path, 10)],
  ["writes to it", "ETAMPERED", (path) => writeFileSync(path, "x", { flag: "a" })],
];

describe.each(MEDDLERS)("33: a session's log under which somebody %s", (_what, systemCode, meddle) => {
  const noticed = (path: string): unknown => expect.objectContaining({ systemCode, path });

  test("takes no intent any more, though it was looked at in the same moment", async () => {
    const { session, segment } = await openedLog({ clock: fakeClock() });
    session.append(intent("r1"));
    meddle(segment);
    for (const id of ["r2", "r3"]) expect(() => session.append(intent(id))).toThrow(noticed(segment));
  });

  test("takes no other line that comes a millisecond later, nor any after it", async () => {
    const clock = fakeClock();
    const { session, segment } = await openedLog({ clock });
    session.append(intent("r1"));
    meddle(segment);
    await clock.advance(1);
    for (const id of ["r2", "r3"]) expect(() => session.append(completed(id))).toThrow(noticed(segment));
  });

  test("is not waited for: what asks for the disk is told at once", async () => {
    const { session, segment } = await openedLog();
    session.append(intent("r1"));
    meddle(segment);
    await expect(session.sync("group")).rejects.toEqual(noticed(segment));
    expect(() => session.append(intent("r2"))).toThrow(noticed(segment));
  });

  test("is not signed any more", async () => {
    const { session, segment } = await openedLog();
    session.append(intent("r1"));
    meddle(segment);
    // With the clock at rest nobody looks before the lines are to be signed.
    for (let i = 0; i < 64; i++) attempt(() => session.append(completed(`r${i}`)));
    expect(() => session.append(completed("last"))).toThrow(noticed(segment));
  });
});

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // What is asked is what comes after it.
  }
}

test("33: a directory that cannot be written is an error at opening, with its path", async () => {
  const directory = join(temporaryDirectory(), "file");
  writeFileSync(directory, "in the way");
  await expect(openAuditLog({ directory, signer: testSigner() })).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
  const refusing = filesWith({
    makeDirectory: () => {
      throw failure("EROFS");
    },
  });
  const options = { directory: temporaryDirectory(), signer: testSigner(), fs: refusing };
  await expect(openAuditLog(options)).rejects.toMatchObject({ systemCode: "EROFS" });
});

test.skipIf(process.getuid?.() === 0)("33: a read-only directory is refused", async () => {
  const directory = join(temporaryDirectory(), "sealed");
  mkdirSync(directory, { mode: 0o500 });
  await expect(openAuditLog({ directory, warn: () => {} })).rejects.toBeInstanceOf(AuditUnavailableError);
  chmodSync(directory, 0o700);
});

describe("34: sync", () => {
  test("group: 32 concurrent requests share a few syncs, and each waits for one that began after its line", async () => {
    const running = new Map<number, number>();
    let begun = 0;
    let segmentFile = -1;
    const fs = filesWith({
      createFile(path) {
        const file = systemFiles.createFile(path);
        if (path.includes("s1")) segmentFile = file;
        return file;
      },
      async sync(file) {
        if (file === segmentFile) begun++;
        running.set(file, (running.get(file) ?? 0) + 1);
        expect(running.get(file)).toBe(1);
        await systemFiles.sync(file);
        running.set(file, 0);
      },
    });
    const { session, log } = await openedLog({ fs, sync: "group" });
    await session.sync();
    begun = 0;
    const order: string[] = [];
    await Promise.all(
      Array.from({ length: 32 }, async (_, index) => {
        session.append(intent(`r${index}`));
        const before = begun;
        await session.sync();
        order.push(begun > before ? "after" : "too early");
      }),
    );
    expect(begun).toBeLessThanOrEqual(8);
    expect(order.filter((when) => when !== "after")).toEqual([]);
    await log.close();
  });

  test("strict: every call has a sync of its own; os: none", async () => {
    let begun = 0;
    const fs = filesWith({
      sync(file) {
        begun++;
        return systemFiles.sync(file);
      },
    });
    const { session } = await openedLog({ fs });
    session.append(intent("r1"));
    await session.sync("os");
    expect(begun).toBe(0);
    await session.sync("strict");
    const once = begun;
    await Promise.all([session.sync("strict"), session.sync("strict")]);
    expect(begun).toBe(once + 2);
  });

  test("a sync says nothing before the data is on disk", async () => {
    const release: (() => void)[] = [];
    const fs = filesWith({ sync: () => new Promise((resolve) => release.push(resolve)) });
    const { session } = await openedLog({ fs, sync: "os" });
    session.append(intent("r1"));
    let done = false;
    const waiting = session.sync("group").then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    while (!done) {
      for (const resolve of release.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waiting;
  });
});
