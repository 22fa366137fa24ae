import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../../regular-file.js";
import {
  abortSignal,
  anyText,
  type Members,
  object,
  oneOrMore,
  readOptions,
  requireText,
  type Shape,
} from "../../shapes/index.js";
import { systemCode } from "../file-system.js";
import { parseVerifierKey, type VerifierKey } from "../note.js";
import { type Anchors, readAnchors } from "./anchors.js";
import { Keyring } from "./keyring.js";
import { WRITER } from "./places.js";
import { type AuditReport, EXIT_CODES, type LogReport, worstVerdict } from "./report.js";
import { type LedgerReport, type Removals, type Verification, verifyLedger, verifySessions } from "./verify-writer.js";

export interface VerifyAuditOptions {
  /**
   * Verifier key lines (`name+id+key`), kept elsewhere; several, where the signer was changed without a signed change of
   * keys. Default: `signer.pub` in the directory, which proves less.
   */
  readonly key?: string | readonly string[];
  /** Signed heads that were published elsewhere: notes, one after the other, as anchor sinks got them. */
  readonly anchors?: string;
  readonly signal?: AbortSignal;
}

/** What of the options, exporting has as well. */
export const VERIFYING: Members<VerifyAuditOptions> = {
  key: oneOrMore(anyText(), "must be a verifier key, or a list of such"),
  anchors: anyText(),
  signal: abortSignal,
};
const OPTIONS: Shape<VerifyAuditOptions> = object<VerifyAuditOptions>(VERIFYING);

const LONGEST_KEY_FILE = 4096;
const OWN_FILES: ReadonlySet<string> = new Set(["signer.key", "signer.pub", "mac.key"]);

/**
 * Verifies a whole audit directory: each writer's ledger, each session's log and its bodies, that the one lists the other,
 * and that published heads fit. Any bytes lead to a verdict, none to an exception; memory is bounded by the number of
 * sessions, not of lines.
 *
 * @throws the reason of `options.signal`, TypeError or OptionsError for wrong arguments, and nothing else.
 */
export async function verifyAudit(directory: string, given: VerifyAuditOptions = {}): Promise<AuditReport> {
  requireText(directory, "directory");
  const options = readOptions(given, OPTIONS);
  const { signal } = options;
  const key = await chooseKey(directory, options.key);
  const notes: string[] = [...key.notes];
  const keyring = new Keyring(key.verifiers);
  const [first] = key.verifiers;
  const named = first === undefined ? {} : { name: first.name, id: first.id };
  const answer = (logs: readonly LogReport[]): AuditReport => {
    const verdict = worstVerdict(logs.map((log) => log.verdict));
    return { verdict, exitCode: EXIT_CODES[verdict], directory, key: { source: key.source, ...named }, logs, notes };
  };
  const names = await namesIn(directory);
  if (typeof names === "string") return answer([unverifiable(directory, `the directory cannot be read (${names})`)]);
  const writers = names.filter((name) => WRITER.test(name));
  for (const name of names)
    if (!WRITER.test(name) && !OWN_FILES.has(name))
      notes.push(`${name} is no writer's directory and was not looked at`);

  // Ledgers first: they say which keys took over, and what was taken away on purpose, wherever it lay.
  const verification = { root: directory, keyring, anchors: new Map(), notes, signal };
  let ledgers = await verifyLedgers(writers, verification);
  const throughFetch = ledgers.reduce((sum, { facts }) => sum + facts.throughFetch, 0);
  if (throughFetch > 0)
    notes.push(`sessions that sent through a fetch given by the host, addresses not checked: ${throughFetch}`);
  const anchors = readAnchors(options.anchors ?? "", keyring);
  if (options.anchors !== undefined)
    ledgers = await verifyLedgers(writers, { ...verification, anchors: anchors.heads });
  const removals = removalsIn(ledgers);
  const logs: LogReport[] = [];
  for (const ledger of ledgers)
    logs.push(...(await verifySessions(ledger, removals, { ...verification, anchors: anchors.heads })));
  if (options.anchors !== undefined) logs.push(...judgeAnchors(anchors, logs, notes));
  return answer(logs);
}

async function verifyLedgers(writers: readonly string[], verification: Verification): Promise<readonly LedgerReport[]> {
  const ledgers: LedgerReport[] = [];
  for (const writer of writers) {
    verification.signal?.throwIfAborted();
    ledgers.push(await verifyLedger(writer, verification));
  }
  return ledgers;
}

/** Only what a trusted key signed can take anything away: anybody can write a line. */
function removalsIn(ledgers: readonly LedgerReport[]): Removals {
  const trusted = ledgers.filter(({ ledger }) => ledger.verdict === "COMPLETE");
  return {
    pruned: new Set(trusted.flatMap(({ facts }) => [...facts.pruned])),
    erased: new Set(trusted.flatMap(({ facts }) => [...facts.erased])),
  };
}

/** What published heads say of logs that are not there, and whether they say anything at all. */
function judgeAnchors(anchors: Anchors, logs: readonly LogReport[], notes: string[]): readonly LogReport[] {
  const reports: LogReport[] = [];
  if (anchors.untrusted > 0) notes.push(`${anchors.untrusted} published heads are not signed by a trusted key`);
  if (anchors.unreadable > 0) notes.push(`${anchors.unreadable} lines of the published heads are no signed note`);
  if (anchors.heads.size === 0) reports.push(unverifiable("anchors", "no published head could be used"));
  for (const equivocation of anchors.equivocations) {
    const reason = `two heads of ${equivocation.size} lines were signed and published`;
    reports.push({
      ...unverifiable(equivocation.log, reason),
      verdict: "DIVERGED",
      equivocations: [equivocation],
    });
  }
  for (const [origin, heads] of anchors.heads) {
    if (logs.some(({ log }) => log === origin)) continue;
    const reason = `a head of ${Math.max(...heads.keys())} lines was published, and the log is not there`;
    reports.push({ ...unverifiable(origin, reason), verdict: "DIVERGED" });
  }
  return reports;
}

function unverifiable(log: string, reason: string): LogReport {
  return { log, verdict: "CANNOT_VERIFY", lines: 0, unsigned: 0, tornBytes: 0, problem: { reason } };
}

async function namesIn(directory: string): Promise<readonly string[] | string> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    return systemCode(error);
  }
}

interface ChosenKey {
  readonly source: "given" | "directory" | "none";
  readonly verifiers: readonly VerifierKey[];
  readonly notes: readonly string[];
}

async function chooseKey(directory: string, given: VerifyAuditOptions["key"]): Promise<ChosenKey> {
  const none = (note: string): ChosenKey => ({ source: "none", verifiers: [], notes: [note] });
  if (given !== undefined) {
    const verifiers: VerifierKey[] = [];
    for (const line of typeof given === "string" ? [given] : given) {
      const verifier = parseVerifierKey(line);
      if (verifier === undefined) return none("the key that was given is not a verifier key line");
      verifiers.push(verifier);
    }
    return { source: "given", verifiers, notes: [] };
  }
  const path = join(directory, "signer.pub");
  try {
    const line = readRegularFile(path, { most: LONGEST_KEY_FILE, noLinks: true }).toString("utf8");
    const verifier = parseVerifierKey(line);
    if (verifier === undefined) return none("signer.pub is not a verifier key line");
    const note = "the key was found beside the record: whoever could change one could change both; pin it elsewhere";
    return { source: "directory", verifiers: [verifier], notes: [note] };
  } catch (error) {
    return none(`no key was given, and signer.pub cannot be read (${systemCode(error)})`);
  }
}
