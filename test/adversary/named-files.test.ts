import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eraseBody, openAuditLog, verifyAudit } from "../../src/audit/index.js";
import { staticSecret } from "../../src/broker/index.js";
import { createGuard } from "../../src/index.js";
import { readRegularFile } from "../../src/regular-file.js";
import { Attacker } from "../audit/attacker.js";
import { completed, intent, openedLog, temporaryDirectory } from "../audit/support.js";
import { silentLog } from "../support/guards.js";

const pipe = (path: string): void => void execFileSync("mkfifo", [path]);

/** What may lie where a file is expected; nobody ever writes to the pipe. */
const PLANTED: Readonly<Record<string, readonly [code: string, plant: (path: string) => void]>> = {
  "a pipe": ["NOT_A_FILE", pipe],
  "a directory": ["NOT_A_FILE", (path) => mkdirSync(path)],
  "a link to a device that never ends": ["NOT_A_FILE", (path) => symlinkSync("/dev/zero", path)],
  "a file that is too long": ["FILE_TOO_LONG", (path) => writeFileSync(path, "x".repeat(101))],
};

describe("a file that somebody names", () => {
  it.each(Object.entries(PLANTED))("is not read where it is %s", (_what, [code, plant]) => {
    const path = join(temporaryDirectory(), "file");
    plant(path);
    expect(() => readRegularFile(path, { most: 100 })).toThrow(expect.objectContaining({ code }));
  });

  it("is read up to the limit, through a link where links are fine, and where it does not say its size", () => {
    const directory = temporaryDirectory();
    const path = join(directory, "file");
    writeFileSync(path, "x".repeat(100));
    symlinkSync(path, join(directory, "link"));
    expect(readRegularFile(path, { most: 100 })).toHaveLength(100);
    expect(readRegularFile(join(directory, "link"), { most: 100 })).toHaveLength(100);
    expect(() => readRegularFile(join(directory, "link"), { most: 100, noLinks: true })).toThrow("ELOOP");
    expect(readRegularFile("/proc/self/status", { most: 65_536 }).toString()).toContain("Pid:");
    expect(() => readRegularFile("/proc/self/status", { most: 10 })).toThrow(
      expect.objectContaining({ code: "FILE_TOO_LONG" }),
    );
  });

  it.each(Object.keys(PLANTED).slice(0, 3))("as a policy is refused where it is %s", async (what) => {
    const path = join(temporaryDirectory(), "policy.json");
    PLANTED[what]?.[1](path);
    await expect(createGuard({ policy: path, log: silentLog() })).rejects.toMatchObject({ code: "POLICY_INVALID" });
  });

  it("as a secret is refused where it is a pipe, or where others may write it", async () => {
    const directory = temporaryDirectory();
    const file = join(directory, "secret");
    const issue = (path: string): Promise<unknown> =>
      staticSecret({ scheme: "bearer", secret: { file: path } }).issue({} as never, {
        signal: new AbortController().signal,
      });
    pipe(join(directory, "pipe"));
    await expect(issue(join(directory, "pipe"))).rejects.toMatchObject({ reason: "misconfigured" });
    writeFileSync(file, "s3cret");
    chmodSync(file, 0o666);
    await expect(issue(file)).rejects.toThrow(/written by others.*chmod go-w/);
    chmodSync(file, 0o644);
    await expect(issue(file)).resolves.toBeDefined();
  });
});

describe("the keys beside a record", () => {
  const begin = async (directory: string): Promise<void> => {
    const log = await openAuditLog({ directory, sync: "os", warn: () => {} });
    await log.close();
  };

  it.each([0o640, 0o604, 0o620, 0o602, 0o777])(
    "are refused with mode %o, with the command that repairs it",
    async (mode) => {
      const directory = temporaryDirectory();
      await begin(directory);
      const key = join(directory, "signer.key");
      chmodSync(key, mode);
      const refused = begin(directory);
      await expect(refused).rejects.toMatchObject({ systemCode: "FILE_EXPOSED", path: key });
      await expect(refused).rejects.toThrow(`chmod 600 '${key}'`);
      execFileSync("sh", ["-c", `chmod 600 '${key}'`]);
      await begin(directory);
    },
  );

  it("are refused through a link, and as a pipe", async () => {
    const directory = temporaryDirectory();
    const elsewhere = temporaryDirectory();
    await begin(elsewhere);
    symlinkSync(join(elsewhere, "signer.key"), join(directory, "signer.key"));
    await expect(begin(directory)).rejects.toMatchObject({ systemCode: "ELOOP" });
    const other = temporaryDirectory();
    pipe(join(other, "signer.key"));
    await expect(begin(other)).rejects.toMatchObject({ systemCode: "NOT_A_FILE" });
  });
});

describe("a directory under verification", () => {
  it.each(["a pipe", "a link to a device that never ends"])("is judged, whatever lies in it as %s", async (what) => {
    const plant = PLANTED[what]?.[1] ?? pipe;
    const { log, session, directory, signer, segment } = await openedLog();
    await session.close("done");
    await log.close();
    plant(join(directory, "signer.pub"));
    execFileSync("rm", [segment]);
    plant(segment);
    expect((await verifyAudit(directory)).key.source).toBe("none");
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).not.toBe("COMPLETE");
  });

  const withBody = async (blob: string) => {
    const opened = await openedLog();
    opened.session.append(intent("r1"));
    opened.session.append({ ...completed("r1"), res_body: { bytes: 1, sha256: "0".repeat(64), blob } } as never);
    await opened.session.close("done");
    await opened.log.close();
    return opened;
  };

  it("has no body whose name is a path, not even one that was erased", async () => {
    const { directory, signer, segment } = await withBody("../../victim");
    const seq = readFileSync(segment, "utf8")
      .split("\n")
      .findIndex((line) => line.includes("victim"));
    const victim = join(directory, "victim");
    writeFileSync(victim, "");
    writeFileSync(`${victim}.salt`, "");
    await eraseBody(directory, "s1", seq, { reason: "r", by: "b", signer }).catch(() => undefined);
    expect(existsSync(victim) && existsSync(`${victim}.salt`)).toBe(true);
    const { logs } = await verifyAudit(directory, { key: signer.verifierKey });
    expect(logs.find((report) => report.log.endsWith("/bodies"))).toMatchObject({
      verdict: "INVALID",
      problem: { reason: expect.stringContaining("its name is none") },
    });
  });

  it("has no closed log that was written again, not even with the key", async () => {
    const { log, session, directory, signer, segment } = await openedLog();
    session.append(intent("r1"));
    session.append(completed("r1"));
    await session.close("done");
    await log.close();
    const attacker = new Attacker(segment);
    const more = attacker.lines.filter((line) => line.includes('"type":"request.intent"'));
    const last = attacker.lines.at(-1) ?? "";
    attacker.lines.push(...more, last);
    attacker.recompute(signer);
    attacker.save();
    const { logs } = await verifyAudit(directory, { key: signer.verifierKey });
    expect(logs.find(({ lines, log: origin }) => lines > 0 && origin.endsWith("s1"))).toMatchObject({
      verdict: "INVALID",
      problem: { reason: "a line follows the signed end of the log" },
    });
  });

  it("is complete as it was written", async () => {
    const { log, session, directory, signer } = await openedLog();
    session.append(intent("r1"));
    session.append(completed("r1"));
    await session.close("done");
    await log.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
    expect(readdirSync(directory).length).toBeGreaterThan(0);
  });
});
