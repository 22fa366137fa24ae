import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { type AuditVerdict, EXIT_CODES, verifyAudit } from "../../src/audit/index.js";
import { Attacker } from "./attacker.js";
import { ATTACKS, target } from "./attacks.js";
import { temporaryDirectory } from "./support.js";

/** What a verifier has: nothing but the chain, the key, or the key and heads that were published elsewhere. */
type Column = "chain" | "checkpoints" | "anchor";
type Files = Readonly<Record<string, string>>;

interface Fixture {
  readonly key: string;
  readonly anchors: string;
  /** The record as it was written. */
  readonly files: Files;
  readonly attacks: readonly {
    readonly name: string;
    /** What differs afterwards; null where it is gone. */
    readonly changed: Readonly<Record<string, string | null>>;
    readonly verdicts: Readonly<Record<Column, AuditVerdict>>;
    /** First bad line of s1, as the verifier with the key names it. */
    readonly seq?: number;
  }[];
}

/**
 * Records as an attacker left them, with the verdicts that they must get, from now on and from every verifier. Made once, by
 * `SALLYPORT_WRITE_FIXTURES=1 npx vitest run test/audit/attack-matrix.test.ts`; look at what changed before you keep it.
 */
const FIXTURE = new URL("../cases/audit-attacks.json", import.meta.url);

function filesIn(directory: string): Files {
  const paths = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".jsonl"))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.sort().map((path) => [relative(directory, path), readFileSync(path, "utf8")]));
}

function laidOut(files: Readonly<Record<string, string | null>>): string {
  const directory = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    if (text === null) continue;
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

async function judge(directory: string, { key, anchors }: Pick<Fixture, "key" | "anchors">, column: Column) {
  const report = await verifyAudit(directory, {
    ...(column === "chain" ? {} : { key }),
    ...(column === "anchor" ? { anchors } : {}),
  });
  const seq = report.logs.find(({ log }) => log.endsWith("/s1"))?.problem?.seq;
  return { verdict: report.verdict, exitCode: report.exitCode, seq };
}

async function write(): Promise<void> {
  const victim = await target();
  const files = filesIn(victim.directory);
  const known = { key: victim.signer.verifierKey, anchors: victim.anchors };
  const attacks: Fixture["attacks"][number][] = [];
  for (const [name, attack] of Object.entries(ATTACKS)) {
    const directory = laidOut(files);
    const at = (path: string): string => join(directory, relative(victim.directory, path));
    const log = new Attacker(at(victim.segment));
    attack(log, { ...victim, directory, segment: at(victim.segment), ledger: at(victim.ledger) });
    log.save();
    const after = filesIn(directory);
    const changed = Object.keys(files).filter((path) => after[path] !== files[path]);
    const [chain, checkpoints, anchor] = await Promise.all(
      (["chain", "checkpoints", "anchor"] as const).map((column) => judge(directory, known, column)),
    );
    if (chain === undefined || checkpoints === undefined || anchor === undefined) continue;
    attacks.push({
      name,
      changed: Object.fromEntries(changed.map((path) => [path, after[path] ?? null])),
      verdicts: { chain: chain.verdict, checkpoints: checkpoints.verdict, anchor: anchor.verdict },
      ...(checkpoints.seq === undefined ? {} : { seq: checkpoints.seq }),
    });
  }
  writeFileSync(FIXTURE, `${JSON.stringify({ ...known, files, attacks } satisfies Fixture, null, 1)}\n`);
}

const isWriting = process.env["SALLYPORT_WRITE_FIXTURES"] === "1";
test.runIf(isWriting)("the fixtures are written anew", write);

const fixture = JSON.parse(readFileSync(FIXTURE, "utf8")) as Fixture;

/**
 * What must come out, in words of its own: the fixture is written by the code that it is there to hold. `CANNOT_VERIFY` in the
 * column of the chain is what passes there: without a key, nobody can say more of lines that fit.
 */
const EXPECTED: Readonly<Record<string, readonly [AuditVerdict, AuditVerdict, AuditVerdict]>> = {
  nothing: ["CANNOT_VERIFY", "COMPLETE", "COMPLETE"],
  "edit a line": ["INVALID", "INVALID", "INVALID"],
  "delete a line": ["INVALID", "INVALID", "INVALID"],
  "swap two lines": ["INVALID", "INVALID", "INVALID"],
  "duplicate a line": ["INVALID", "INVALID", "INVALID"],
  "reformat all lines": ["INVALID", "INVALID", "INVALID"],
  "edit, and recompute the chain": ["INVALID", "INVALID", "INVALID"],
  "delete, and recompute the chain": ["INVALID", "INVALID", "INVALID"],
  "insert, and recompute the chain": ["INVALID", "INVALID", "INVALID"],
  "cut the tail after a checkpoint": ["CANNOT_VERIFY", "PREFIX_VALID_END_UNPROVEN", "DIVERGED"],
  "cut the tail between checkpoints": ["CANNOT_VERIFY", "PREFIX_VALID_END_UNPROVEN", "DIVERGED"],
  "cut the tail that the ledger knows of": ["CANNOT_VERIFY", "INVALID", "DIVERGED"],
  "cut the tail, and append 35 plausible lines": ["CANNOT_VERIFY", "PREFIX_VALID_END_UNPROVEN", "DIVERGED"],
  "strip all checkpoints, and recompute the chain": ["CANNOT_VERIFY", "CANNOT_VERIFY", "DIVERGED"],
  "rewrite all with another key": ["CANNOT_VERIFY", "CANNOT_VERIFY", "DIVERGED"],
  "splice another session in": ["INVALID", "INVALID", "INVALID"],
  "claim more lines than there are": ["INVALID", "INVALID", "INVALID"],
  "delete the session": ["INVALID", "INVALID", "INVALID"],
  "rewrite all with the stolen key": ["CANNOT_VERIFY", "COMPLETE", "DIVERGED"],
};

test("11: the matrix has 18 attacks, and nothing, in three columns", () => {
  expect(fixture.attacks.map(({ name }) => name)).toEqual(Object.keys(EXPECTED));
  expect(Object.keys(ATTACKS)).toEqual(Object.keys(EXPECTED));
  expect(fixture.attacks).toHaveLength(19);
  for (const { name, changed } of fixture.attacks)
    expect([name, Object.keys(changed).length > 0]).toEqual([name, name !== "nothing"]);
});

test("11: the documentation has the same table", () => {
  const page = readFileSync(new URL("../../docs/audit.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| ([a-z][^|`]*) \| `([A-Z_]+)` \| `([A-Z_]+)` \|$/gm)];
  const documented = rows.map(([, name, checkpoints, anchor]) => [name, checkpoints, anchor]);
  expect(documented).toEqual(
    Object.entries(EXPECTED).map(([name, [, checkpoints, anchor]]) => [name, checkpoints, anchor]),
  );
});

describe.each(fixture.attacks)("11: $name", ({ name, changed, verdicts, seq }) => {
  const [chain, checkpoints, anchor] = EXPECTED[name] ?? [];
  test.each([
    ["chain", chain],
    ["checkpoints", checkpoints],
    ["anchor", anchor],
  ] as const)("a verifier that has the %s says %s", async (column, expected) => {
    const found = await judge(laidOut({ ...fixture.files, ...changed }), fixture, column);
    expect(found.verdict).toBe(expected);
    expect([verdicts[column], found.exitCode]).toEqual([found.verdict, EXIT_CODES[found.verdict]]);
    if (column === "checkpoints") expect(found.seq).toBe(seq);
  });
});
