import fs from "node:fs";
import { join } from "node:path";
import { AuditUnavailableError } from "../../errors/guard-error.js";
import { toAnchor } from "../anchors/anchor.js";
import { Outbox } from "../anchors/outbox.js";
import { syncNames, systemCode } from "../file-system.js";
import { createIdSource } from "../ids.js";
import { createLeakScanner } from "../leak-scan.js";
import { type AuditLogOptions, type CheckedOptions, checkOptions } from "../options.js";
import { directoryMacKey } from "../secret-file.js";
import { directorySigner } from "../signer.js";
import { toSink } from "../sinks/sink.js";
import { collapsingWarn } from "../warnings.js";
import type { FailureMode } from "./backlog.js";
import { Ballast } from "./ballast.js";
import { ChainLog } from "./chain-log.js";
import { originOf } from "./line.js";
import { lineBuffer } from "./line-chain.js";
import { takeLock } from "./lock.js";
import type { WriterParts } from "./log-parts.js";
import { recoverWriters } from "./recovery.js";

/** A directory of its own below the audit directory, locked, with an open ledger. */
export interface Writer {
  readonly directory: string;
  readonly ledger: ChainLog;
  readonly parts: OpenParts;
  /** Ends the ledger and lets go of the directory. Call it once. */
  close(): Promise<void>;
}

/** Writer parts, and what keeps bodies. */
export interface OpenParts extends WriterParts {
  readonly randomBytes: (count: number) => Uint8Array;
  readonly macKey: () => Uint8Array;
  readonly onFailure: FailureMode;
}

/** Opens a new writer directory, and ends what dead writers left open beside it. Throws as `openAuditLog` does. */
export async function openWriter(options: AuditLogOptions): Promise<Writer> {
  const checked = checkOptions(options);
  const { clock, fs: files, sync } = checked;
  const ids = createIdSource(checked.randomBytes);
  const boot = ids.next(clock.now());
  const directory = join(checked.directory, boot);
  const warn = collapsingWarn(clock, checked.warn);
  const anchors = checked.anchors.map((sink) => new Outbox(toAnchor(sink), clock, warn));
  const sinks = checked.sinks.map((sink) => new Outbox(toSink(sink), clock, warn));
  attempt(checked.directory, () => fs.mkdirSync(checked.directory, { recursive: true, mode: 0o700 }));
  const parts: OpenParts = {
    boot,
    fs: files,
    clock,
    startedAt: clock.monotonic(),
    ids,
    signer: checked.signer ?? directorySigner(checked.directory, boot, (message) => warn(message, message)),
    scanner: scannerOf(checked),
    sync,
    warn,
    ballast: new Ballast(join(directory, "ballast"), files, checked.randomBytes, warn),
    onLine: sinks.length === 0 ? undefined : (line) => addToAll(sinks, line),
    onHead: anchors.length === 0 ? undefined : (note) => addToAll(anchors, note),
    buffer: lineBuffer(),
    randomBytes: checked.randomBytes,
    onFailure: checked.onFailure,
    macKey: directoryMacKey(checked.directory, boot),
  };
  attempt(directory, () => files.makeDirectory(directory));
  const lock = join(directory, "lock");
  attempt(lock, () => takeLock(lock, files, clock));
  const ledger = new ChainLog(parts, { directory, filePrefix: "ledger-", origin: originOf(boot), identity: "" });
  ledger.append("log.opened", { pid: process.pid }, true);
  parts.ballast.fill();
  if (sync !== "os") {
    await ledger.sync(sync);
    await syncNames(files, checked.directory, () => {});
  }
  await recoverWriters(checked.directory, parts);
  const close = async (): Promise<void> => {
    try {
      ledger.append("log.closed", { reason: "closed" }, true);
      await ledger.sync(sync);
    } finally {
      ledger.release();
      parts.ballast.remove();
      attempt(lock, () => files.remove(lock));
      await Promise.all([...anchors, ...sinks].map((outbox) => outbox.close()));
    }
  };
  return { directory, ledger, parts, close };
}

const scannerOf = ({ secrets }: CheckedOptions): WriterParts["scanner"] =>
  secrets === undefined ? undefined : createLeakScanner(secrets);

function addToAll<Item>(outboxes: readonly Outbox<Item>[], item: Item): void {
  for (const outbox of outboxes) outbox.add(item);
}

/** Runs `action`; what the file system throws becomes the error that says so. */
export function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw error instanceof AuditUnavailableError ? error : new AuditUnavailableError(path, systemCode(error));
  }
}
