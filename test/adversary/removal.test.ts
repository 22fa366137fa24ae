import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type AuditEvent, eraseBody, pruneAudit, verifyAudit } from "../../src/audit/index.js";
import { Attacker } from "../audit/attacker.js";
import { completed, intent, OPENING, type Opened, openedLog } from "../audit/support.js";

const LATER = new Date(Date.UTC(2030, 0, 1));
const WHY = { reason: "r", by: "b" };

/** Prunes with the record's own key; returns what went, and what was said of the rest. */
async function prune({ directory, signer }: Opened): Promise<{ removed: readonly string[]; told: string }> {
  const told: string[] = [];
  const removed = await pruneAudit(directory, {
    ...WHY,
    signer,
    before: LATER,
    warn: (message) => void told.push(message),
  });
  return { removed, told: told.join("\n") };
}

const isThere = ({ segment }: Opened): boolean => existsSync(segment);
const verdictOf = async ({ directory, signer }: Opened): Promise<string> =>
  (await verifyAudit(directory, { key: signer.verifierKey })).verdict;

/** A ledger's line that says a session ended, at the end of it, as whoever can write the file can make it. */
function forgeEnd({ ledger }: Opened): void {
  const lines = readFileSync(ledger, "utf8").split("\n").slice(0, -1);
  const last = lines.at(-1) ?? "";
  const opened = JSON.parse(lines.find((line) => line.includes('"session.opened"')) ?? "{}") as Record<string, unknown>;
  const prev = createHash("sha256").update(last).digest("hex");
  const end = { size: 3, root: "x", final: true, reason: "done" };
  appendFileSync(ledger, `${JSON.stringify({ ...opened, type: "session.closed", seq: lines.length, prev, ...end })}\n`);
}

describe("pruning", () => {
  it("leaves an open session that a forged line of the ledger says has ended", async () => {
    const opened = await openedLog();
    opened.session.append(intent("r1"));
    forgeEnd(opened);
    const { removed, told } = await prune(opened);
    expect([removed, isThere(opened)]).toEqual([[], true]);
    expect(told).toContain("/s1 was left where it is");
  });

  it("leaves a closed session whose log was changed, and does not make it whole", async () => {
    const opened = await openedLog();
    opened.session.append(intent("r1"));
    opened.session.append(completed("r1"));
    await opened.log.close();
    writeFileSync(opened.segment, readFileSync(opened.segment, "utf8").replace("r1", "r2"));
    expect(await verdictOf(opened)).toBe("INVALID");
    const { removed, told } = await prune(opened);
    expect([removed, isThere(opened), await verdictOf(opened)]).toEqual([[], true, "INVALID"]);
    expect(told).toContain("/s1 was left where it is");
  });

  it("leaves everything below a ledger that was changed", async () => {
    const opened = await openedLog();
    await opened.log.close();
    writeFileSync(opened.ledger, readFileSync(opened.ledger, "utf8").replace('"done"', '"gone"').replace("s1", "s9"));
    expect((await prune(opened)).removed).toEqual([]);
    expect(isThere(opened)).toBe(true);
  });

  it("leaves a session whose body was changed", async () => {
    const opened = await withBody();
    change(opened);
    expect((await prune(opened)).removed).toEqual([]);
    expect(isThere(opened)).toBe(true);
  });

  it("leaves what another key signed", async () => {
    const opened = await openedLog();
    await opened.log.close();
    const other = await openedLog();
    await other.log.close();
    expect((await prune({ ...opened, signer: other.signer })).removed).toEqual([]);
    expect(isThere(opened)).toBe(true);
  });

  it("removes what is whole, also beside what is not", async () => {
    const opened = await openedLog();
    const second = opened.log.openSession({ ...OPENING, id: "s2" });
    second.append(intent("r1"));
    second.append(completed("r1"));
    await opened.log.close();
    const attacker = new Attacker(join(dirname(dirname(opened.segment)), "s2", "000000.jsonl"));
    attacker.lines = attacker.lines.map((line) => line.replace('"r1"', '"r7"'));
    attacker.save();
    const { removed, told } = await prune(opened);
    expect(removed).toEqual([expect.stringMatching(/\/s1$/)]);
    expect([isThere(opened), existsSync(attacker.path)]).toEqual([false, true]);
    expect(told).toContain("/s2 was left where it is");
  });
});

/** A closed log whose line 2 has a body beside it. */
async function withBody(): Promise<Opened> {
  const opened = await openedLog();
  const content = Buffer.from("sensitive words ".repeat(1000));
  const kept = opened.session.bodies.keep(content) ?? {};
  opened.session.append({
    ...intent("r1"),
    req_body: { level: "request", bytes: content.length, ...kept },
  } as AuditEvent);
  await opened.log.close();
  return opened;
}

const bodyOf = ({ segment }: Opened): string => {
  const bodies = join(dirname(segment), "bodies");
  const name = readdirSync(bodies, { recursive: true })
    .map(String)
    .find((one) => one.length > 60 && !one.endsWith(".salt"));
  return join(bodies, name ?? "");
};
const change = (opened: Opened): void => writeFileSync(bodyOf(opened), "something else");

describe("erasing", () => {
  it("does not explain away a body that somebody changed", async () => {
    const opened = await withBody();
    change(opened);
    const { directory, signer } = opened;
    await expect(eraseBody(directory, "s1", 2, { ...WHY, signer })).rejects.toThrow("not the recorded one");
    expect([existsSync(bodyOf(opened)), await verdictOf(opened)]).toEqual([true, "INVALID"]);
  });

  it("takes nothing from a log that was changed", async () => {
    const opened = await withBody();
    writeFileSync(opened.segment, readFileSync(opened.segment, "utf8").replace('"r1"', '"r2"'));
    const { directory, signer } = opened;
    await expect(eraseBody(directory, "s1", 2, { ...WHY, signer })).rejects.toThrow("does not verify");
    expect(existsSync(bodyOf(opened))).toBe(true);
  });

  it("takes the body of a log that is whole", async () => {
    const opened = await withBody();
    const path = bodyOf(opened);
    expect(await eraseBody(opened.directory, "s1", 2, { ...WHY, signer: opened.signer })).toBe(1);
    expect([existsSync(path), await verdictOf(opened)]).toEqual([false, "COMPLETE"]);
  });
});
