import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type AuditEvent, eraseBody, openAuditLog, pruneAudit, verifyAudit } from "../../src/audit/index.js";
import { intent, OPENING, type Opened, openedLog } from "./support.js";

const WHY = { reason: "the customer asked for it", by: "dpo@acme.example", warn: () => {} };

/** A closed log with a body beside it, at line 2, and one in its line, at line 3. */
async function withBodies(): Promise<Opened> {
  const opened = await openedLog();
  const append = (id: string, content: Buffer): void => {
    const kept = opened.session.bodies.keep(content) ?? {};
    const event = { ...intent(id), req_body: { level: "request" as const, bytes: content.length, ...kept } };
    opened.session.append(event as AuditEvent);
  };
  append("r1", Buffer.from("sensitive words ".repeat(1000)));
  append("r2", Buffer.from("short"));
  await opened.log.close();
  return opened;
}

describe("56: erasing a body", () => {
  test("removes bytes and salt; the record is still complete, and says who did it and why", async () => {
    const { directory, signer, segment } = await withBodies();
    const bodies = join(segment, "..", "bodies");
    const files = (): string[] =>
      readdirSync(bodies, { recursive: true })
        .map(String)
        .filter((name) => name.length > 60);
    expect(files()).toHaveLength(2);
    expect(await eraseBody(directory, "s1", 2, { ...WHY, signer })).toBe(1);
    expect(files()).toEqual([]);
    const report = await verifyAudit(directory, { key: signer.verifierKey });
    expect(report.verdict).toBe("COMPLETE");
    expect(report.logs.find(({ log }) => log.endsWith("/bodies"))).toMatchObject({ verdict: "COMPLETE", erased: 1 });
  });

  test("what stands in a line, or does not exist, cannot be erased", async () => {
    const { directory, signer } = await withBodies();
    for (const [session, seq] of [
      ["s1", 3],
      ["s1", 0],
      ["s1", 99],
      ["s2", 2],
      ["../s1", 2],
    ] as const) {
      await expect(eraseBody(directory, session, seq, { ...WHY, signer })).rejects.toThrow(RangeError);
    }
  });

  test("by hand, without a tombstone, is damage; and a tombstone by another key is none", async () => {
    const { directory, signer, segment } = await withBodies();
    rmSync(join(segment, "..", "bodies"), { recursive: true });
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("INVALID");
    const forger = await openAuditLog({ directory, warn: () => {} });
    await forger.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("INVALID");
  });
});

describe("pruning", () => {
  test("removes what ended before a date, and leaves a signed tombstone without which it would be missed", async () => {
    const opened = await openedLog();
    await opened.session.close("done");
    opened.log.openSession({ ...OPENING, id: "s2" });
    const { directory, signer } = opened;
    const before = new Date(Date.UTC(2026, 0, 16));
    expect(await pruneAudit(directory, { ...WHY, signer, before: new Date(0) })).toEqual([]);
    expect(await pruneAudit(directory, { ...WHY, signer, before })).toEqual([`sallyport/${opened.log.writer}/s1`]);
    expect(existsSync(join(opened.segment, ".."))).toBe(false);
    expect(existsSync(join(directory, opened.log.writer, "s2"))).toBe(true);
    await opened.log.close();
    const report = await verifyAudit(directory, { key: signer.verifierKey });
    expect(report.verdict).toBe("COMPLETE");
    expect(report.logs.find(({ log }) => log.endsWith("/s1"))).toMatchObject({ verdict: "COMPLETE", pruned: true });
    // Without the tombstone it is a deleted session.
    const tombstones = readdirSync(directory).filter((name) => name.length === 36 && name !== opened.log.writer);
    for (const name of tombstones) rmSync(join(directory, name), { recursive: true });
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("INVALID");
  });
});
