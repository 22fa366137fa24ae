import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AuditReport, verifyAudit } from "sallyport/audit";
import { personalValues } from "../ledger-data.js";
import type { Stage } from "../stage.js";
import { timelineOf } from "../timeline.js";

/** The guard closes; a stranger reads the record, and somebody tries to change it. `scratch` is a place that is removed. */
export async function readRecord(
  { story, world, directory, verifierKey: key, signal }: Stage,
  scratch: string,
): Promise<void> {
  story.step("A stranger verifies the record");
  await world.guard.close();
  const report = await verifyAudit(directory, { key, signal });
  const lines = report.logs.reduce((sum, log) => sum + log.lines, 0);
  story.shows("record", await timelineOf(directory));
  story.says("auditor", `${report.verdict}: ${lines} lines in ${report.logs.length} logs, to the last one signed.`);

  const forged = await forge(directory, join(scratch, "forged"), key, signal);
  const problem = forged.logs.find((log) => log.problem !== undefined)?.problem;
  story.says(
    "auditor",
    `In a copy somebody turned a no into a yes. ${forged.verdict}: line ${problem?.seq}, ${problem?.reason}.`,
  );

  const text = await everythingIn(directory);
  story.claim("the record is complete and unchanged, to the last line", report.verdict === "COMPLETE");
  story.claim(
    "one changed word in a copy is found, and where",
    forged.verdict === "INVALID" && problem?.seq !== undefined,
  );
  story.claim(
    "no token and nothing personal of a customer is in it",
    [...world.ledger.tokensSeen(), ...personalValues()].every((value) => !text.includes(value)),
  );
}

/** Copies the record and changes one word in it: the first decision of a person, or the first of the policy. */
async function forge(directory: string, copy: string, key: string, signal: AbortSignal): Promise<AuditReport> {
  await cp(directory, copy, { recursive: true });
  for (const path of await filesIn(copy)) {
    const text = await readFile(path, "utf8");
    const changed = [
      text.replace('"outcome":"denied"', '"outcome":"approved"'),
      text.replace('"effect":"deny"', '"effect":"allow"'),
    ].find((candidate) => candidate !== text);
    if (changed === undefined) continue;
    await writeFile(path, changed);
    break;
  }
  const report = await verifyAudit(copy, { key, signal });
  await rm(copy, { recursive: true, force: true });
  return report;
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const everythingIn = async (directory: string): Promise<string> =>
  (await Promise.all((await filesIn(directory)).map((path) => readFile(path, "latin1")))).join("\n");
