import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type AuditLog,
  type AuditLogOptions,
  type AuditSigner,
  openAuditLog,
  type SessionLog,
} from "../../src/audit/index.js";
import { formatVerifierKey } from "../../src/audit/note.js";
import { checkedEvent } from "../support/event-schema.js";
import { fakeClock } from "../support/fake-clock.js";
import { completed, denied, intent, OPENING } from "./events.js";

export { completed, DECISION, denied, HTTP, intent, OPENING } from "./events.js";

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sallyport-audit-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The same bytes in every run: what a test needs that flips or cuts them one by one. */
export function countingRandom(): (count: number) => Uint8Array {
  let calls = 0;
  return (count) => {
    const bytes: Buffer[] = [];
    for (let at = 0; at < count; at += 32) bytes.push(createHash("sha256").update(`random ${calls++}`).digest());
    return Buffer.concat(bytes).subarray(0, count);
  };
}

export interface TestSigner extends AuditSigner {
  readonly verifierKey: string;
}

export function testSigner(keyName = "test"): TestSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return {
    keyName,
    publicKey: raw,
    sign: (message) => sign(null, message, privateKey),
    verifierKey: formatVerifierKey({ keyName, publicKey: raw }),
  };
}

export interface Opened {
  readonly log: AuditLog;
  readonly session: SessionLog;
  readonly directory: string;
  readonly signer: TestSigner;
  /** Path of the session's first segment. */
  readonly segment: string;
  readonly ledger: string;
}

/** A log with one open session, a pinned key, a clock that stands still and no waiting for the disk. */
export async function openedLog(options: Partial<AuditLogOptions> = {}, opening = OPENING): Promise<Opened> {
  const directory = options.directory ?? temporaryDirectory();
  const signer = (options.signer as TestSigner | undefined) ?? testSigner();
  const log = await openAuditLog({
    directory,
    signer,
    clock: fakeClock(),
    sync: "os",
    warn: () => {},
    ...options,
  });
  const session = log.openSession(opening);
  return {
    log,
    session,
    directory,
    signer,
    segment: join(directory, log.writer, opening.id, "000000.jsonl"),
    ledger: join(directory, log.writer, "ledger-000000.jsonl"),
  };
}

/** Six events: two calls, a denial, and a call whose outcome is missing. */
export function appendCalls(session: SessionLog): void {
  for (const id of ["r1", "r2"]) {
    session.append(intent(id));
    session.append(completed(id));
  }
  session.append(denied("r3"));
  session.append(intent("r4"));
}

/** Two sessions, closed: opened, signed, six events, closed, signed; the denial of s1 is line 6, and signed at line 7. */
export async function closedTwins(options: Partial<AuditLogOptions> = {}): Promise<Opened> {
  const opened = await openedLog(options);
  const other = opened.log.openSession({ ...OPENING, id: "s2" });
  other.append(intent("x1"));
  appendCalls(opened.session);
  await opened.log.close();
  return opened;
}

/** The lines of a segment, each of which the published schema describes. */
export const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8").split("\n").slice(0, -1).map(checkedEvent);

/** Every file below a directory, as one text. */
export function everythingIn(directory: string): string {
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .map((path) => (statSync(path).isDirectory() ? everythingIn(path) : readFileSync(path, "latin1")))
    .join("\n");
}
