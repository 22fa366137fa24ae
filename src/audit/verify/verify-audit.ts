import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../file-system.js";
import { parseVerifierKey, type VerifierKey } from "../note.js";
import { type AuditReport, EXIT_CODES, type LogReport, worstVerdict } from "./report.js";
import { verifyWriter } from "./verify-writer.js";

export interface VerifyAuditOptions {
  /** A verifier key line (`name+id+key`), kept elsewhere. Default: `signer.pub` in the directory, which proves less. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** Names of writer directories: UUIDs. */
const WRITER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LONGEST_KEY_FILE = 4096;

/**
 * Verifies a whole audit directory: each writer's ledger, each session's log, and that the one lists the other. Any bytes
 * lead to a verdict, none to an exception; memory is bounded by the number of sessions, not of lines.
 *
 * @throws the reason of `options.signal`, and nothing else.
 */
export async function verifyAudit(directory: string, options: VerifyAuditOptions = {}): Promise<AuditReport> {
  const { signal } = options;
  const key = await chooseKey(directory, options.key);
  const notes: string[] = [...key.notes];
  const logs: LogReport[] = [];
  const answer = (): AuditReport => {
    const verdict = worstVerdict(logs.map((log) => log.verdict));
    const named = key.verifier === undefined ? {} : { name: key.verifier.name, id: key.verifier.id };
    return { verdict, exitCode: EXIT_CODES[verdict], directory, key: { source: key.source, ...named }, logs, notes };
  };
  let entries: readonly Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    const reason = `the directory cannot be read (${systemCode(error)})`;
    logs.push({ log: directory, verdict: "CANNOT_VERIFY", lines: 0, unsigned: 0, tornBytes: 0, problem: { reason } });
    return answer();
  }
  for (const name of entries.map((entry) => entry.name).sort()) {
    if (name === "signer.key" || name === "signer.pub") continue;
    if (!WRITER.test(name)) {
      notes.push(`${name} is no writer's directory and was not looked at`);
      continue;
    }
    signal?.throwIfAborted();
    logs.push(...(await verifyWriter(join(directory, name), name, key.verifier, notes, signal)));
  }
  return answer();
}

interface ChosenKey {
  readonly source: "given" | "directory" | "none";
  readonly verifier: VerifierKey | undefined;
  readonly notes: readonly string[];
}

async function chooseKey(directory: string, given: string | undefined): Promise<ChosenKey> {
  if (given !== undefined) {
    const verifier = parseVerifierKey(given);
    return verifier === undefined
      ? { source: "none", verifier, notes: ["the key that was given is not a verifier key line"] }
      : { source: "given", verifier, notes: [] };
  }
  const path = join(directory, "signer.pub");
  try {
    const { size } = await stat(path);
    const verifier = size > LONGEST_KEY_FILE ? undefined : parseVerifierKey(await readFile(path, "utf8"));
    if (verifier === undefined) return { source: "none", verifier, notes: ["signer.pub is not a verifier key line"] };
    const note = "the key was found beside the record: whoever could change one could change both; pin it elsewhere";
    return { source: "directory", verifier, notes: [note] };
  } catch (error) {
    return {
      source: "none",
      verifier: undefined,
      notes: [`no key was given, and signer.pub cannot be read (${systemCode(error)})`],
    };
  }
}
