import { Buffer } from "node:buffer";
import { AuditUnavailableError } from "../../errors/guard-error.js";
import { encodeFields, MAX_LINE_BYTES } from "../encode.js";
import { syncNames } from "../file-system.js";
import { type AuditSigner, formatVerifierKey, signNote } from "../note.js";
import { isFull } from "./ballast.js";
import { Interruptions } from "./interruptions.js";
import { checkpointLine, writeHead } from "./line.js";
import { LineChain } from "./line-chain.js";
import { LineClock, type Moment } from "./line-clock.js";
import type { Continuation, GatheredLine, LineFields, LogParts, WriterParts } from "./log-parts.js";
import { LogSegments } from "./log-segments.js";
import type { Segment, SyncMode } from "./segment.js";

/** A checkpoint at the latest after so many lines, or so many milliseconds with anything unsigned. */
const CHECKPOINT_LINES = 64;
const CHECKPOINT_MS = 2000;
/** A signer may be down for so many lines; then no audit, no request. */
const UNSIGNED_LIMIT = 1024;
const HEAD_BYTES = 1024;

/**
 * An append-only log: whole lines in segments, each line holding the hash of the one before it, all of them leaves of one
 * tree whose head is signed again and again. State moves only after a line is on disk, so a failed append leaves no trace.
 */
export class ChainLog {
  readonly #writer: WriterParts;
  readonly #log: LogParts;
  readonly #time: LineClock;
  readonly #interruptions: Interruptions;
  readonly #chain: LineChain;
  readonly #segments: LogSegments;
  #signers: readonly AuditSigner[];
  #last: Moment = { epochMs: 0, time: "", monoUs: 0 };
  #unsigned = 0;
  #signed: { readonly size: number; readonly root: Buffer } = { size: 0, root: Buffer.alloc(0) };
  #cancelTimer: (() => void) | undefined;
  #namesSynced: Promise<void> | undefined;
  #closed = false;

  constructor(writer: WriterParts, log: LogParts, continuation?: Continuation) {
    this.#writer = writer;
    this.#log = log;
    this.#time = new LineClock(writer.clock, writer.startedAt);
    this.#interruptions = new Interruptions(writer.clock, this.#time);
    this.#signers = [writer.signer];
    this.#chain = new LineChain(writer, continuation?.end);
    this.#segments = new LogSegments(log, writer.fs, continuation?.segments ?? 0);
    if (continuation === undefined) return;
    const { end, recovered } = continuation;
    this.#unsigned = end.unsigned;
    this.#commitOwn("log.recovered", recovered, this.#time.now());
  }

  /** Path of the file that is being written. */
  get path(): string {
    return this.#segments.current.path;
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
      this.#interruptions.noteMissed();
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
        const most = Math.min(CHECKPOINT_LINES - this.#unsigned, this.#segments.room);
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
    this.#prepare(at);
    const seq = this.#commit(this.#segments.current, type, identity + text, at);
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
    this.#prepare(at);
    const count = this.#commitAll(this.#segments.current, lines, texts, at);
    let risky = false;
    for (let line = 0; line < count; line++) risky ||= lines[line]?.risky === true;
    this.#signWhenDue(risky);
    return count;
  }

  #signWhenDue(risky: boolean): void {
    if (risky || this.#unsigned >= CHECKPOINT_LINES) this.#sign("warn");
    else this.#signSoon();
  }

  /** The lines of the log's own that come before a line of this moment. */
  #prepare(at: Moment): void {
    if (this.#segments.isFull(at)) this.#rotate(at);
    this.#interruptions.tell(at, (type, fields) => this.#commitOwn(type, fields, at));
  }

  #commitOwn(type: string, fields: LineFields, at: Moment, segment: Segment = this.#segments.current): void {
    const { text } = encodeFields(fields, MAX_LINE_BYTES, undefined);
    this.#commit(segment, type, this.#log.identity + text, at);
  }

  /** Resolves once every line so far, and the names of its files, are on stable storage (not for `os`). */
  async sync(mode: SyncMode): Promise<void> {
    if (mode === "os") return;
    this.#namesSynced ??= syncNames(this.#writer.fs, this.#log.directory, () => {
      this.#namesSynced = undefined;
    });
    await Promise.all([this.#segments.current.sync(mode), this.#namesSynced]);
  }

  /** Lets go of the file. Writing afterwards is an error. */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    this.#segments.close();
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
    if (segment.lines === 0) this.#segments.beginAt(at);
    // A request waits for this line: into a file that is not there any more, it must not be written.
    if (lines.some(({ type }) => type === "request.intent")) segment.checkPresence(at.monoUs);
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
      this.#segments.current.checkPresence();
      const line = this.#checkpointLine(note, root);
      this.#chain.write(this.#segments.current, this.#last.monoUs, 1, () => line);
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
    const { current, name } = this.#segments;
    current.syncNow();
    const next = this.#segments.openNext();
    this.#commitOwn("log.rotated", { predecessor: name, last_hash: this.#chain.prev, size: current.bytes }, at, next);
    this.#segments.goOn();
    this.#namesSynced = undefined;
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new AuditUnavailableError(this.path, "CLOSED");
  }
}
