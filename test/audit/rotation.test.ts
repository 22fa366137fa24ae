import { describe, expect, test } from "vitest";
import { type AuditReport, openAuditLog, verifyAudit } from "../../src/audit/index.js";
import { signNote } from "../../src/audit/note.js";
import { Attacker } from "./attacker.js";
import { intent, linesOf, OPENING, type Opened, openedLog, type TestSigner, testSigner } from "./support.js";

interface Rotated extends Opened {
  readonly next: TestSigner;
}

/** A log whose signer was changed in the middle, with a second session that knew only the new one. */
async function rotatedLog(): Promise<Rotated> {
  const opened = await openedLog();
  const next = testSigner("next");
  opened.session.append(intent("r1"));
  opened.log.rotateSigner(next);
  opened.session.append(intent("r2"));
  opened.log.openSession({ ...OPENING, id: "s2" }).append(intent("r3"));
  await opened.log.close();
  return { ...opened, next };
}

const verdictWith = async (directory: string, key: string): Promise<AuditReport["verdict"]> =>
  (await verifyAudit(directory, { key })).verdict;

describe("21: another key takes over", () => {
  test("who pinned the old key, or the new one, verifies across the change", async () => {
    const { directory, signer, next } = await rotatedLog();
    expect(await verdictWith(directory, signer.verifierKey)).toBe("COMPLETE");
    expect(await verdictWith(directory, next.verifierKey)).toBe("COMPLETE");
    expect(await verdictWith(directory, testSigner().verifierKey)).toBe("CANNOT_VERIFY");
  });

  test("a later writer with the new key is trusted by who pinned the old one", async () => {
    const { directory, signer, next } = await rotatedLog();
    const later = await openAuditLog({ directory, signer: next, sync: "os", warn: () => {} });
    await later.close();
    expect(await verdictWith(directory, signer.verifierKey)).toBe("COMPLETE");
  });

  test("without the line that says so, it is a forgery", async () => {
    const { directory, signer, segment, next } = await rotatedLog();
    const log = new Attacker(segment);
    const at = log.lines.findIndex((line) => line.includes('"key.rotated"'));
    log.lines.splice(at, 2);
    log.recompute(next);
    const [first = "", second = ""] = new Attacker(segment).lines;
    log.lines.splice(0, 2, first, second);
    log.recompute();
    log.save();
    expect(await verdictWith(directory, signer.verifierKey)).toBe("INVALID");
    expect(await verdictWith(directory, next.verifierKey)).toBe("INVALID");
  });

  test.each([
    ["the new key only", (rotated: Rotated) => [rotated.next]],
    ["the old key only", (rotated: Rotated) => [rotated.signer]],
    ["both in the wrong order", (rotated: Rotated) => [rotated.next, rotated.signer]],
    ["somebody else and the new key", (rotated: Rotated) => [testSigner("test"), rotated.next]],
  ])("signed by %s, it is a forgery", async (_name, signers) => {
    const rotated = await rotatedLog();
    const log = new Attacker(rotated.segment);
    const at = log.lines.findIndex((line) => line.includes('"key.rotated"'));
    const note = String((JSON.parse(log.lines[at + 1] ?? "{}") as { note?: string }).note);
    const [origin = "", size, root = ""] = note.split("\n");
    const forged = signNote({ origin, size: Number(size), root: Buffer.from(root, "base64") }, ...signers(rotated));
    log.lines = log.lines.slice(0, at + 2);
    log.edit(at + 1, (line) =>
      line.replace(JSON.stringify(note).replaceAll("\u2014", "\u2014"), JSON.stringify(forged)),
    );
    log.save();
    expect(await verdictWith(rotated.directory, rotated.signer.verifierKey)).toBe("INVALID");
  });

  test("a key that only the log names is not trusted", async () => {
    const opened = await openedLog();
    const thief = testSigner("thief");
    await opened.log.close();
    const log = new Attacker(opened.segment);
    log.recompute(thief);
    log.save();
    const report = await verifyAudit(opened.directory, { key: opened.signer.verifierKey });
    expect(report.logs.find(({ log: name }) => name.endsWith("/s1"))?.verdict).not.toBe("COMPLETE");
    expect(report.verdict).not.toBe("COMPLETE");
  });

  test("a signer that fails during the change closes the door until it signs", async () => {
    const opened = await openedLog();
    let down = true;
    const next = testSigner("next");
    const failing = {
      ...next,
      sign(message: Uint8Array): Uint8Array {
        if (down) throw new Error("down");
        return next.sign(message);
      },
    };
    expect(() => opened.log.rotateSigner(failing)).toThrow(expect.objectContaining({ systemCode: "SIGNER" }));
    down = false;
    opened.session.append(intent("r1"));
    await opened.log.close();
    expect(linesOf(opened.ledger).filter(({ type }) => type === "key.rotated")).toHaveLength(1);
    expect(await verdictWith(opened.directory, opened.signer.verifierKey)).toBe("COMPLETE");
  });
});
