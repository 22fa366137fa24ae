import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.js";
import { Attacker } from "./attacker.js";
import { completed, denied, intent, openedLog, temporaryDirectory, testSigner } from "./support.js";

const SCRIPT = fileURLToPath(new URL("verify.py", import.meta.url));
const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** What the verifier in Python says of each log. */
function secondOpinion(directory: string, key: string): unknown {
  const keyFile = join(temporaryDirectory(), "key");
  writeFileSync(keyFile, `${key}\n`);
  return JSON.parse(execFileSync("python3", [SCRIPT, directory, keyFile], { encoding: "utf8" }));
}

describe.skipIf(!hasPython)("a verifier written from the description alone agrees", () => {
  const attacks: readonly [string, (log: Attacker) => void][] = [
    ["an untouched log", () => {}],
    ["an edited line", (log) => log.edit(2, (line) => line.replace("r1", "r2"))],
    ["a deleted line", (log) => void log.lines.splice(3, 1)],
    ["a log cut after a checkpoint", (log) => void log.lines.splice(6)],
    ["a log cut between checkpoints", (log) => void log.lines.splice(4)],
    [
      "an edited line under a recomputed chain",
      (log) => {
        log.edit(2, (line) => line.replace("r1", "r2"));
        log.recompute();
      },
    ],
    ["everything signed again by somebody else", (log) => log.recompute(testSigner("test"))],
    [
      "a damaged signature",
      (log) => log.edit(log.lines.length - 1, (line) => line.replace(/(\u2014 test .{20})./, "$1A")),
    ],
  ];
  test.each(attacks)("on %s", async (_name, attack) => {
    const { log, session, segment, directory, signer } = await openedLog({ sync: "os" });
    session.append({ ...intent("r1"), dropped_headers: ["x-\u202e\ud83d\ude00\ud800"] });
    session.append(completed("r1"));
    session.append(denied("r2"));
    session.append(intent("r3"));
    await session.close("done");
    const attacker = new Attacker(segment);
    attack(attacker);
    attacker.save();
    const report = await verifyAudit(directory, { key: signer.verifierKey });
    const ours = Object.fromEntries(report.logs.map(({ log: origin, verdict }) => [origin, verdict]));
    const theirs = secondOpinion(directory, signer.verifierKey) as Record<string, string>;
    const session1 = `sallyport/${log.writer}/s1`;
    // Ours also compares with the ledger, which turns a cut log into an invalid one.
    const expected =
      ours[session1] === "INVALID" && theirs[session1] === "PREFIX_VALID_END_UNPROVEN"
        ? theirs[session1]
        : ours[session1];
    expect(theirs).toEqual({ ...ours, [session1]: expected });
  });
});
