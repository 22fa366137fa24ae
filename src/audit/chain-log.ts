import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Clock } from "../clock.js";
import { AuditUnavailableError } from "../errors.js";
import { encodeFields, MAX_LINE_BYTES } from "./encode.js";
import type { EventFields } from "./event.js";
import type { LogFields } from "./fields.js";
import { type AuditFileSystem, systemCode } from "./file-system.js";
import type { IdSource } from "./ids.js";
import type { LeakScanner } from "./leak-scan.js";
import { checkpointLine, NO_PREDECESSOR, segmentName, writeHead } from "./line.js";
import { type AuditSigner, signNote } from "./note.js";
import { Segment, type SyncMode } from "./segment.js";
import { LEAF_PREFIX, MerkleTree, sha256 } from "./tree.js";
import type { Warn } from "./warnings.js";

const SEGMENT_LINES = 10_000;
const SEGMENT_BYTES = 16 * 1024 * 1024;
/** A checkpoint at the latest after so many lines, or so many milliseconds with anything unsigned. */
const CHECKPOINT_LINES = 64;
const CHECKPOINT_MS = 2000;
/** A signer may be down for so many lines; then no audit, no request. */
const UNSIGNED_LIMIT = 1024;
const HEAD_BYTES = 1024;

/** What all logs of one writer share. */
export interface WriterParts {
  /** The writer instance. */
  readonly boot: string;
  readonly fs: AuditFileSystem;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the writer began. */
  readonly startedAt: number;
  readonly ids: IdSource;
  readonly signer: AuditSigner;
  readonly scanner: LeakScanner | undefined;
  readonly sync: SyncMode;
  readonly warn: Warn;
  /** {@link lineBuffer}, shared because lines are written one at a time. */
  readonly buffer: Buffer;
}

/** Room for one byte of leaf prefix, a line, and its newline. */
export function lineBuffer(): Buffer {
  return Buffer.alloc(1 + MAX_LINE_BYTES + 1, LEAF_PREFIX);
}

/** What makes one log. */
export interface LogParts {
  readonly directory: string;
  /** Put before the number in the names of its segments. */
  readonly filePrefix: string;
  readonly origin: string;
  /** Who stands behind it, as JSON members; in every line that does not bring its own. */
  readonly identity: string;
}

export type LineFields = Partial<EventFields & LogFields>;

/**
 * An append-only log: whole lines in segments, each line holding the hash of the one before it, all of them leaves of one
 * tree whose head is signed again and again. State moves only after a line is on disk, so a failed append leaves no trace.
 */
export class ChainLog {
  readonly #writer: WriterParts;
  readonly #log: LogParts;
  readonly #tree = new MerkleTree();
  #segment: Segment;
  #successor: Segment | undefined;
  #segmentNumber = 0;
  #prev = NO_PREDECESSOR;
  #last = { epochMs: 0, time: "", monoUs: 0 };
  #unsigned = 0;
  #signed: { readonly size: number; readonly root: Buffer } = { size: 0, root: Buffer.alloc(0) };
  #cancelTimer: (() => void) | undefined;
  #namesSynced: Promise<void> | undefined;
  #closed = false;

  constructor(writer: WriterParts, log: LogParts) {
    this.#writer = writer;
    this.#log = log;
    this.#segment = new Segment(this.#pathOf(0), writer.fs);
  }

  /** Path of the file that is being written. */
  get path(): string {
    return this.#segment.path;
  }

  /** The latest signed head. */
  get signedHead(): { readonly size: number; readonly root: Buffer } {
    return this.#signed;
  }

  /** Lines that no signature covers. */
  get unsigned(): number {
    return this.#unsigned;
  }

  get size(): number {
    return this.#tree.size;
  }

  /**
   * Appends one line of the log's schema and answers its number. A `risky` line is signed at once.
   */
  append(type: string, fields: LineFields, risky: boolean, identity: string = this.#log.identity): number {
    this.#refuseIfClosed();
    if (this.#unsigned >= UNSIGNED_LIMIT) this.#sign("refuse");
    // Callbacks of others run in here: before the chain's state is looked at.
    const text = this.#encode(type, fields, MAX_LINE_BYTES - HEAD_BYTES - 3 * identity.length);
    this.#refuseIfClosed();
    if (this.#segment.lines >= SEGMENT_LINES || this.#segment.bytes >= SEGMENT_BYTES) this.#rotate();
    const seq = this.#commit(this.#segment, type, identity + text, this.#now());
    if (risky || this.#unsigned >= CHECKPOINT_LINES) this.#sign("warn");
    else this.#signSoon();
    return seq;
  }

  /** Resolves once every line so far, and the names of its files, are on stable storage (not for `os`). */
  async sync(mode: SyncMode): Promise<void> {
    if (mode === "os") return;
    this.#namesSynced ??= syncNames(this.#writer.fs, this.#log.directory, () => {
      this.#namesSynced = undefined;
    });
    await Promise.all([this.#segment.sync(mode), this.#namesSynced]);
  }

  /** Lets go of the file. Writing afterwards is an error. */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#segment.close();
    this.#successor?.close();
  }

  #now(): { epochMs: number; time: string; monoUs: number } {
    const { clock, startedAt } = this.#writer;
    const epochMs = clock.now();
    const time = epochMs === this.#last.epochMs ? this.#last.time : new Date(epochMs).toISOString();
    return { epochMs, time, monoUs: Math.max(0, Math.round((clock.monotonic() - startedAt) * 1000)) };
  }

  #commit(
    segment: Segment,
    type: string,
    members: string,
    at: { epochMs: number; time: string; monoUs: number },
  ): number {
    const seq = this.#tree.size;
    const id = this.#writer.ids.next(at.epochMs);
    const log = seq === 0 ? this.#log.origin : undefined;
    const head = writeHead({
      seq,
      id,
      type,
      time: at.time,
      monoUs: at.monoUs,
      boot: this.#writer.boot,
      log,
      prev: this.#prev,
    });
    this.#write(segment, `${head}${members}}`);
    this.#last = at;
    this.#unsigned++;
    return seq;
  }

  #write(segment: Segment, line: string): void {
    const end = 1 + this.#writer.buffer.write(line, 1);
    this.#writer.buffer[end] = 0x0a;
    const leaf = sha256(this.#writer.buffer.subarray(0, end));
    const digest = sha256(this.#writer.buffer.subarray(1, end)).toString("hex");
    segment.append(this.#writer.buffer.subarray(1, end + 1));
    this.#tree.append(leaf);
    this.#prev = digest;
  }

  #sign(onFailure: "warn" | "refuse"): boolean {
    const size = this.#tree.size;
    const root = this.#tree.root();
    const { origin } = this.#log;
    try {
      const note = signNote({ origin, size, root }, this.#writer.signer);
      // The signer is somebody else's code: it may have appended or closed.
      if (this.#tree.size !== size || this.#closed) return this.#unsigned === 0;
      this.#write(this.#segment, this.#checkpointLine(note, root));
      this.#signed = { size, root };
      this.#unsigned = 0;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      return true;
    } catch (error) {
      if (onFailure === "refuse") {
        throw error instanceof AuditUnavailableError ? error : new AuditUnavailableError(this.path, "SIGNER");
      }
      const why = error instanceof AuditUnavailableError ? error.systemCode : "the signer failed";
      this.#writer.warn("unsigned", `${this.#unsigned} lines of ${this.path} are unsigned: ${why}.`);
      return false;
    }
  }

  /** A checkpoint speaks of the line before it, and takes its time from there: nothing in it is without a signature. */
  #checkpointLine(note: string, root: Buffer): string {
    return checkpointLine({
      seq: this.#tree.size,
      epochMs: this.#last.epochMs,
      time: this.#last.time,
      monoUs: this.#last.monoUs,
      boot: this.#writer.boot,
      origin: this.#log.origin,
      prev: this.#prev,
      identity: this.#log.identity,
      note,
      root,
    });
  }

  #signSoon(): void {
    this.#cancelTimer ??= this.#writer.clock.schedule(CHECKPOINT_MS, () => {
      this.#cancelTimer = undefined;
      if (!this.#closed && this.#unsigned > 0 && !this.#sign("warn")) this.#signSoon();
    });
  }

  #encode(type: string, fields: LineFields, room: number): string {
    try {
      const { text, withheld } = encodeFields(fields, room, this.#writer.scanner);
      if (withheld)
        this.#writer.warn("leak", `A live secret was kept out of the audit record (${type} in ${this.path}).`);
      return text;
    } catch {
      // Whoever lists the secrets failed. The error is dropped, since it may hold one.
      throw new AuditUnavailableError(this.path, "SECRETS");
    }
  }

  #rotate(): void {
    if (this.#unsigned > 0) this.#sign("refuse");
    const old = this.#segment;
    old.syncNow();
    this.#successor ??= new Segment(this.#pathOf(this.#segmentNumber + 1), this.#writer.fs);
    const successor = this.#successor;
    const predecessor = this.#nameOf(this.#segmentNumber);
    const { text } = encodeFields({ predecessor, last_hash: this.#prev, size: old.bytes }, MAX_LINE_BYTES, undefined);
    this.#commit(successor, "log.rotated", this.#log.identity + text, this.#now());
    this.#segment = successor;
    this.#successor = undefined;
    this.#segmentNumber++;
    old.close();
    this.#namesSynced = undefined;
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new AuditUnavailableError(this.path, "CLOSED");
  }

  #nameOf(number: number): string {
    return segmentName(this.#log.filePrefix, number);
  }

  #pathOf(number: number): string {
    return join(this.#log.directory, this.#nameOf(number));
  }
}

/** Waits until the names in a directory are on stable storage; calls `onFailure` where they may not be. */
export async function syncNames(fs: AuditFileSystem, directory: string, onFailure: () => void): Promise<void> {
  try {
    await fs.syncDirectory(directory);
  } catch (error) {
    onFailure();
    throw new AuditUnavailableError(directory, systemCode(error));
  }
}
