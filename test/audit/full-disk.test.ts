import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemFiles } from "../../src/audit/file-system.js";
import { type AuditFileSystem, verifyAudit } from "../../src/audit/index.js";
import { AuditUnavailableError } from "../../src/errors/guard-error.js";
import { completed, intent, linesOf, OPENING, type Opened, openedLog, temporaryDirectory } from "./support.js";

/** A disk of so many bytes, of which others may take some. */
function smallDisk(capacity: number): { readonly fs: AuditFileSystem; others: number; used: () => number } {
  const sizes = new Map<string, number>();
  const paths = new Map<number, string>();
  const used = (): number => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const disk = {
    others: 0,
    used,
    fs: {
      ...systemFiles,
      createFile(path: string) {
        const file = systemFiles.createFile(path);
        paths.set(file, path);
        sizes.set(path, 0);
        return file;
      },
      write(file: number, bytes: Uint8Array) {
        const room = capacity - disk.others - used();
        if (room <= 0) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
        const taken = systemFiles.write(file, bytes.subarray(0, room));
        const path = paths.get(file) ?? "";
        sizes.set(path, (sizes.get(path) ?? 0) + taken);
        return taken;
      },
      truncate(file: number, length: number) {
        systemFiles.truncate(file, length);
        sizes.set(paths.get(file) ?? "", length);
      },
      remove(path: string) {
        systemFiles.remove(path);
        sizes.delete(path);
      },
    },
  };
  return disk;
}

/** Appends until the disk is full; answers the error and how many lines there are. */
function fillUp({ session }: Opened): { readonly error: unknown; readonly written: number } {
  for (let count = 0; ; count++) {
    try {
      session.append(intent(`r${count}`));
    } catch (error) {
      return { error, written: count };
    }
  }
}

const verdictOf = async ({ directory, signer }: Opened): Promise<string> =>
  (await verifyAudit(directory, { key: signer.verifierKey })).verdict;

describe("31: a full disk", () => {
  test("denies what is new with path and code; what is under way is ended from the reserve", async () => {
    const disk = smallDisk(600_000);
    const warnings: string[] = [];
    const opened = await openedLog({ fs: disk.fs, warn: (message) => void warnings.push(message) });
    const { error } = fillUp(opened);
    expect(error).toBeInstanceOf(AuditUnavailableError);
    expect(error).toMatchObject({ path: opened.segment, systemCode: "ENOSPC" });
    // Again and again, and nothing of it uses up the reserve.
    for (let count = 0; count < 1000; count++)
      expect(() => opened.session.append(intent("more"))).toThrow(AuditUnavailableError);
    for (let count = 0; count < 100; count++) opened.session.append(completed(`r${count}`));
    await opened.log.close();
    const types = linesOf(opened.segment).map(({ type }) => type);
    expect(types.filter((type) => type === "log.gap")).toHaveLength(1);
    expect(linesOf(opened.segment).find(({ type }) => type === "log.gap")).toMatchObject({ gap: { count: 1001 } });
    expect(types.slice(-2)).toEqual(["session.closed", "log.checkpoint"]);
    expect(await verdictOf(opened)).toBe("COMPLETE");
    expect(warnings.filter((warning) => warning.includes("is full"))).toHaveLength(1);
  });

  test("that gets room again is used again, without a restart", async () => {
    const disk = smallDisk(2_000_000);
    const opened = await openedLog({ fs: disk.fs });
    disk.others = 2_000_000 - disk.used();
    expect(() => opened.session.append(intent("r1"))).toThrow(AuditUnavailableError);
    disk.others -= 100_000;
    // What we gave back ourselves, and little more, is no room.
    expect(() => opened.session.append(intent("r2"))).toThrow(AuditUnavailableError);
    disk.others = 0;
    expect(opened.session.append(intent("r3")).seq).toBeGreaterThan(0);
    await opened.log.close();
    expect(await verdictOf(opened)).toBe("COMPLETE");
  });

  const canMount = process.platform === "linux" && process.getuid?.() === 0 && canMountHere();
  test.runIf(canMount)("of 64 KiB, a real one", async () => {
    const directory = temporaryDirectory();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]);
    onTestFinished(() => void spawnSync("umount", [directory]));
    const opened = await openedLog({ directory: join(directory, "audit") });
    const { error } = fillUp(opened);
    expect(error).toMatchObject({ systemCode: "ENOSPC", path: expect.stringContaining("jsonl") });
    opened.session.append(completed("r0"));
    await opened.log.close();
    expect(linesOf(opened.segment).map(({ type }) => type)).toContain("log.gap");
    expect(await verdictOf(opened)).toBe("COMPLETE");
  });
});

function canMountHere(): boolean {
  const directory = `/tmp/sallyport-mount-${process.pid}`;
  mkdirSync(directory, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory]).status === 0;
  if (mounted) spawnSync("umount", [directory]);
  rmSync(directory, { recursive: true, force: true });
  return mounted;
}

describe("33: descriptors and directories that run out", () => {
  test("EMFILE at a new session is an error with its path, and the next one works", async () => {
    let failing = false;
    const fs: AuditFileSystem = {
      ...systemFiles,
      createFile(path) {
        if (failing) throw Object.assign(new Error("too many"), { code: "EMFILE" });
        return systemFiles.createFile(path);
      },
    };
    const opened = await openedLog({ fs });
    failing = true;
    const facts = { ...OPENING, id: "s2" };
    expect(() => opened.log.openSession(facts)).toThrow(expect.objectContaining({ systemCode: "EMFILE" }));
    failing = false;
    opened.log.openSession(facts);
    await opened.log.close();
    expect(await verdictOf(opened)).toBe("COMPLETE");
  });
});

describe("onFailure", () => {
  const brokenDisk = (): { readonly fs: AuditFileSystem; failing: boolean } => {
    const disk = {
      failing: false,
      fs: {
        ...systemFiles,
        write(file: number, bytes: Uint8Array) {
          if (disk.failing) throw Object.assign(new Error("broken"), { code: "EIO" });
          return systemFiles.write(file, bytes);
        },
      },
    };
    return disk;
  };

  test("buffer: lines wait in memory, and come after a line that says so", async () => {
    const disk = brokenDisk();
    const opened = await openedLog({ fs: disk.fs, onFailure: "buffer" });
    disk.failing = true;
    expect(opened.session.append(intent("r1"))).toEqual({ seq: -1 });
    expect(opened.session.append(intent("r2"))).toEqual({ seq: -1 });
    disk.failing = false;
    opened.session.append(intent("r3"));
    await opened.log.close();
    const lines = linesOf(opened.segment).slice(2, 6);
    expect(lines.map(({ type, request_id: id }) => id ?? type)).toEqual(["log.gap", "r1", "r2", "r3"]);
    expect(await verdictOf(opened)).toBe("COMPLETE");
  });

  test("buffer is bounded; dangerously-allow goes on, and counts what it drops", async () => {
    for (const onFailure of ["buffer", "dangerously-allow"] as const) {
      const disk = brokenDisk();
      const opened = await openedLog({ fs: disk.fs, onFailure });
      disk.failing = true;
      for (let count = 0; count < 1024; count++) opened.session.append(intent(`r${count}`));
      if (onFailure === "buffer")
        expect(() => opened.session.append(intent("one more"))).toThrow(AuditUnavailableError);
      else expect(opened.session.append(intent("one more"))).toEqual({ seq: -1 });
      disk.failing = false;
      await opened.log.close();
      const lines = linesOf(opened.segment);
      expect(lines.filter(({ type }) => type === "request.intent")).toHaveLength(1024);
      expect(lines.find(({ type }) => type === "log.gap")).toMatchObject({ gap: { count: 1025 } });
      expect(await verdictOf(opened)).toBe("COMPLETE");
    }
  });

  test("deny is what happens when nothing is said", async () => {
    const disk = brokenDisk();
    const opened = await openedLog({ fs: disk.fs });
    disk.failing = true;
    expect(() => opened.session.append(intent("r1"))).toThrow(AuditUnavailableError);
    disk.failing = false;
    await opened.log.close();
    await expect(openedLog({ onFailure: "never" as "deny" })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
  });
});
