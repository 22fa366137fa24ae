import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Clock } from "../clock.js";
import { AuditUnavailableError } from "../errors.js";
import { type Ballast, isFull } from "./ballast.js";
import { encodeFields, MAX_LINE_BYTES } from "./encode.js";
import type { EventFields } from "./event.js";
import type { LogFields } from "./fields.js";
import { type AuditFileSystem, syncNames } from "./file-system.js";
import type { IdSource } from "./ids.js";
import type { LeakScanner } from "./leak-scan.js";
import { checkpointLine, segmentName, writeHead } from "./line.js";
import { LineChain } from "./line-chain.js";
import { LineClock, type Moment } from "./line-clock.js";
import { type AuditSigner, formatVerifierKey, signNote } from "./note.js";
import { Segment, type SyncMode } from "./segment.js";
import type { LogEnd } from "./verify/log-verifier.js";
import type { Warn } from "./warnings.js";

const SEGMENT_LINES = 10_000;
const SEGMENT_BYTES = 16 * 1024 * 1024;
/** A checkpoint at the latest after so many lines, or so many milliseconds with anything unsigned. */
const CHECKPOINT_LINES = 64;
const CHECKPOINT_MS = 2000;
/** A signer may be down for so many lines; then no audit, no request. */
const UNSIGNED_LIMIT = 1024;
const HEAD_BYTES = 1024;
const DAY_MS = 86_400_000;

/** What all logs of one writer share. */
export interface WriterParts {
  /** The writer instance. */
  readonly boot: string;
  readonly fs: AuditFileSystem;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the writer began. */
  readonly startedAt: number;
  readonly ids: IdSource;
  /** Who signs what is opened from now on. */
  signer: AuditSigner;
  readonly scanner: LeakScanner | undefined;
  readonly sync: SyncMode;
  readonly warn: Warn;
  readonly ballast: Ballast;
  /** Told of each line once it is on disk; must not throw. */
  readonly onLine: ((line: string) => void) | undefined;
  /** Told of each signed head once it is on disk; must not throw. */
  readonly onHead: ((note: string) => void) | undefined;
  /** `lineBuffer()`, shared because whoever writes into it writes it out before anybody else can. */
  readonly buffer: Buffer;
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

/** Where a log that somebody else began is gone on with, and the first line of the new segment. */
export interface Continuation {
  readonly end: LogEnd;
  readonly segments: number;
  readonly recovered: LineFields;
}

export type LineFields = Partial<EventFields & LogFields>;

/** A line that is to be written together with others. */
export interface GatheredLine {
  readonly type: string;
  readonly fields: LineFields;
  readonly risky: boolean;
}

/**
 * An append-only log: whole lines in segments, each line holding the hash of the one before it, all of them leaves of one
 * tree whose head is signed again and again. State moves only after a line is on disk, so a failed append leaves no trace.
 */
export class ChainLog {
  readonly #writer: WriterParts;
  readonly #log: LogParts;
  readonly #time: LineClock;
  readonly #chain: LineChain;
  #signers: readonly AuditSigner[];
  #segment: Segment;
  #successor: Segment | undefined;
  #segmentNumber: number;
  #day = 0;
  #last: Moment = { epochMs: 0, time: "", monoUs: 0 };
  #missed: { count: number; readonly from: number; to: number } | undefined;
  #unsigned = 0;
  #signed: { readonly size: number; readonly root: Buffer } = { size: 0, root: Buffer.alloc(0) };
  #cancelTimer: (() => void) | undefined;
  #namesSynced: Promise<void> | undefined;
  #closed = false;

  constructor(writer: WriterParts, log: LogParts, continuation?: Continuation) {
    this.#writer = writer;
    this.#log = log;
    this.#time = new LineClock(writer.clock, writer.startedAt);
    this.#signers = [writer.signer];
    this.#chain = new LineChain(writer, continuation?.end);
    this.#segmentNumber = continuation?.segments ?? 0;
    this.#segment = new Segment(this.#pathOf(this.#segmentNumber), writer.fs);
    if (continuation === undefined) return;
    const { end, recovered } = continuation;
    this.#unsigned = end.unsigned;
    const { text } = encodeFields(recovered, MAX_LINE_BYTES, undefined);
    this.#commit(this.#segment, "log.recovered", log.identity + text, this.#time.now());
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
    return this.#chain.size;
  }

  /**
   * Appends one line of the log's schema and answers its number. A `risky` line is signed at once.
   */
  append(type: string, fields: LineFields, risky: boolean, identity: string = this.#log.identity): number {
    this.#refuseIfClosed();
    try {
      const refusal = this.#writer.ballast.refusal(type);
      if (refusal !== undefined) throw new AuditUnavailableError(this.path, refusal);
      return this.#appendOnce(type, fields, risky, identity);
    } catch (error) {
      if (!(error instanceof AuditUnavailableError)) throw error;
      if (isFull(error.systemCode) && this.#writer.ballast.release(type, error.systemCode) && !this.#closed)
        return this.#appendOnce(type, fields, risky, identity);
      this.#noteMissed();
      throw error;
    }
  }

  /**
   * Appends lines of the log's schema in as few writes as the log's own lines allow: a checkpoint stands where it would
   * stand if they came one after the other. Answers how many were appended; what is left has to be appended one by one, to
   * learn of each why it cannot be.
   */
  appendTogether(lines: readonly GatheredLine[]): number {
    let done = 0;
    try {
      while (done < lines.length) {
        this.#refuseIfClosed();
        for (const { type } of lines) if (this.#writer.ballast.refusal(type) !== undefined) return done;
        if (this.#unsigned >= UNSIGNED_LIMIT || this.#signers.length > 1) return done;
        const most = Math.min(CHECKPOINT_LINES - this.#unsigned, SEGMENT_LINES - this.#segment.lines);
        const taken = lines.slice(done, done + Math.max(1, most));
        done += this.#appendBatch(taken);
      }
    } catch (error) {
      if (!(error instanceof AuditUnavailableError)) throw error;
    }
    return done;
  }

  /** From the next line on, `next` signs; both sign that it is so. */
  rotateSigner(next: AuditSigner): void {
    const [current] = this.#signers;
    if (current === undefined || this.#signers.length > 1) throw new AuditUnavailableError(this.path, "SIGNER");
    const key = { old_key: formatVerifierKey(current), new_key: formatVerifierKey(next) };
    this.append("key.rotated", { key }, false);
    this.#signers = [current, next];
    this.#sign("refuse");
  }

  #appendOnce(type: string, fields: LineFields, risky: boolean, identity: string): number {
    if (this.#unsigned >= UNSIGNED_LIMIT || this.#signers.length > 1) this.#sign("refuse");
    // Callbacks of others run in here: before the chain's state is looked at.
    const text = this.#encode(type, fields, MAX_LINE_BYTES - HEAD_BYTES - 3 * identity.length);
    this.#refuseIfClosed();
    const at = this.#time.now();
    if (this.#isSegmentFull(at)) this.#rotate(at);
    this.#noteInterruptions(at);
    const seq = this.#commit(this.#segment, type, identity + text, at);
    // Only both keys together may sign a change of keys, and nothing may come in between.
    if (type !== "key.rotated") this.#signWhenDue(risky);
    return seq;
  }

  /** Answers how many of the lines are on disk now: those that there was room for, and at least one. */
  #appendBatch(lines: readonly GatheredLine[]): number {
    const { identity } = this.#log;
    const room = MAX_LINE_BYTES - HEAD_BYTES - 3 * identity.length;
    const texts: string[] = [];
    for (const { type, fields } of lines) texts.push(identity + this.#encode(type, fields, room));
    this.#refuseIfClosed();
    const at = this.#time.now();
    if (this.#isSegmentFull(at)) this.#rotate(at);
    this.#noteInterruptions(at);
    const count = this.#commitAll(this.#segment, lines, texts, at);
    let risky = false;
    for (let line = 0; line < count; line++) risky ||= lines[line]?.risky === true;
    this.#signWhenDue(risky);
    return count;
  }

  #signWhenDue(risky: boolean): void {
    if (risky || this.#unsigned >= CHECKPOINT_LINES) this.#sign("warn");
    else this.#signSoon();
  }

  #isSegmentFull(at: Moment): boolean {
    if (this.#segment.lines >= SEGMENT_LINES || this.#segment.bytes >= SEGMENT_BYTES) return true;
    return this.#segment.lines > 0 && Math.floor(at.epochMs / DAY_MS) > this.#day;
  }

  /** What lies between the last line and this one, where it was more than time. */
  #noteInterruptions(at: Moment): void {
    const missed = this.#missed;
    if (missed !== undefined) {
      this.#commitOwn("log.gap", { gap: missed }, at);
      this.#missed = undefined;
    }
    const step = this.#time.stepAt(at);
    if (step !== 0) this.#commitOwn("clock.stepped", { step_ms: step }, at);
  }

  #commitOwn(type: string, fields: LineFields, at: Moment): void {
    const { text } = encodeFields(fields, MAX_LINE_BYTES, undefined);
    this.#commit(this.#segment, type, this.#log.identity + text, at);
  }

  #noteMissed(): void {
    const now = this.#writer.clock.now();
    this.#missed ??= { count: 0, from: now, to: now };
    this.#missed.count++;
    this.#missed.to = now;
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

  #commit(segment: Segment, type: string, members: string, at: Moment): number {
    const seq = this.#chain.size;
    this.#commitAll(segment, [{ type }], [members], at);
    return seq;
  }

  /** Writes lines that begin with the same moment, as many as there is room for. */
  #commitAll(
    segment: Segment,
    lines: readonly { readonly type: string }[],
    members: readonly string[],
    at: Moment,
  ): number {
    if (segment.lines === 0) this.#day = Math.floor(at.epochMs / DAY_MS);
    const count = this.#chain.write(segment, at.monoUs, lines.length, (position, seq, prev) => {
      const head = this.#headOf((lines[position] as { readonly type: string }).type, seq, prev, at);
      return `${head}${members[position]}}`;
    });
    this.#last = at;
    this.#unsigned += count;
    return count;
  }

  #headOf(type: string, seq: number, prev: string, at: Moment): string {
    return writeHead({
      seq,
      id: this.#writer.ids.next(at.epochMs),
      type,
      time: at.time,
      monoUs: at.monoUs,
      boot: this.#writer.boot,
      log: seq === 0 ? this.#log.origin : undefined,
      prev,
    });
  }

  #sign(onFailure: "warn" | "refuse"): boolean {
    const size = this.#chain.size;
    const root = this.#chain.root();
    const { origin } = this.#log;
    try {
      const note = signNote({ origin, size, root }, ...this.#signers);
      // The signer is somebody else's code: it may have appended or closed.
      if (this.#chain.size !== size || this.#closed) return this.#unsigned === 0;
      this.#segment.checkPresence();
      const line = this.#checkpointLine(note, root);
      this.#chain.write(this.#segment, this.#last.monoUs, 1, () => line);
      this.#signed = { size, root };
      this.#signers = this.#signers.slice(-1);
      this.#unsigned = 0;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      this.#writer.onHead?.(note);
      return true;
    } catch (error) {
      if (onFailure === "refuse") {
        throw error instanceof AuditUnavailableError ? error : new AuditUnavailableError(this.path, "SIGNER");
      }
      const why = error instanceof AuditUnavailableError ? error.systemCode : "the signer failed";
      if (isFull(why)) this.#writer.ballast.release("log.checkpoint", why);
      this.#writer.warn("unsigned", `${this.#unsigned} lines of ${this.path} are unsigned: ${why}.`);
      return false;
    }
  }

  /** A checkpoint speaks of the line before it, and takes its time from there: nothing in it is without a signature. */
  #checkpointLine(note: string, root: Buffer): string {
    return checkpointLine({
      seq: this.#chain.size,
      epochMs: this.#last.epochMs,
      time: this.#last.time,
      monoUs: this.#last.monoUs,
      boot: this.#writer.boot,
      origin: this.#log.origin,
      prev: this.#chain.prev,
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

  #rotate(at: Moment): void {
    if (this.#unsigned > 0) this.#sign("refuse");
    const old = this.#segment;
    old.syncNow();
    this.#successor ??= new Segment(this.#pathOf(this.#segmentNumber + 1), this.#writer.fs);
    const successor = this.#successor;
    const predecessor = this.#nameOf(this.#segmentNumber);
    const { text } = encodeFields(
      { predecessor, last_hash: this.#chain.prev, size: old.bytes },
      MAX_LINE_BYTES,
      undefined,
    );
    this.#commit(successor, "log.rotated", this.#log.identity + text, at);
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
