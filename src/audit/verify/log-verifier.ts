import { Buffer, isUtf8 } from "node:buffer";
import { identityText, MAX_LINE_BYTES } from "../encode.js";
import type { SessionIdentity } from "../event.js";
import { CHECKPOINT, checkpointLine, type LineHead, NO_PREDECESSOR, readHead } from "../line.js";
import { checkNote, noteText, type VerifierKey } from "../note.js";
import { LEAF_PREFIX, MerkleTree, sha256 } from "../tree.js";
import type { AuditProblem, AuditVerdict, LogReport } from "./report.js";

export type ParsedLine = Readonly<Record<string, unknown>>;

/** What a log must be, besides being intact. */
export interface LogExpectation {
  readonly origin: string;
  /** `undefined` for a ledger. */
  readonly session?: string | undefined;
  readonly firstType: string;
  /** The type of the line that ends it. */
  readonly lastType: string;
}

const NOT_THE_BYTES = "not the original bytes: this is not how the log writes a line";

/** Reads a log line by line and judges it. Stops at the first thing that is wrong: what follows proves nothing. */
export class LogVerifier {
  readonly #expected: LogExpectation;
  readonly #key: VerifierKey | undefined;
  readonly #onLine: ((line: ParsedLine) => void) | undefined;
  readonly #tree = new MerkleTree();
  readonly #leaf: Buffer = Buffer.alloc(1 + MAX_LINE_BYTES, LEAF_PREFIX);
  #segment = "";
  #opensSegment = false;
  #predecessor: { readonly name: string; readonly bytes: number } | undefined;
  #previous: (LineHead & { readonly hash: string }) | undefined;
  #boot: string | undefined;
  #identity = "";
  #unsigned = 0;
  #head: { size: number; root: string } | undefined;
  #otherKey = false;
  #ended = false;
  #problem: AuditProblem | undefined;

  constructor(expected: LogExpectation, key: VerifierKey | undefined, onLine?: (line: ParsedLine) => void) {
    this.#expected = expected;
    this.#key = key;
    this.#onLine = onLine;
  }

  get failed(): boolean {
    return this.#problem !== undefined;
  }

  /** Announces the file that the next lines come from, and the one before it. */
  beginSegment(name: string, predecessor?: { readonly name: string; readonly bytes: number }): void {
    this.#segment = name;
    this.#predecessor = predecessor;
    this.#opensSegment = predecessor !== undefined;
  }

  /** Judges one line; answers whether to go on. */
  line(bytes: Buffer): boolean {
    const reason = this.#judge(bytes);
    if (reason !== undefined) this.fail(reason);
    return reason === undefined;
  }

  /** Gives up at the current place. */
  fail(reason: string, seq: number = this.#tree.size): void {
    this.#problem ??= { segment: this.#segment, seq, reason };
  }

  report(tornBytes: number, unreadable?: string): LogReport {
    const base = { log: this.#expected.origin, lines: this.#tree.size, unsigned: this.#unsigned, tornBytes };
    const head = this.#head === undefined ? {} : { head: this.#head };
    const { verdict, reason } = this.#verdict(tornBytes, unreadable);
    const problem = this.#problem ?? (reason === undefined ? undefined : { reason });
    return { ...base, verdict, ...head, ...(problem === undefined ? {} : { problem }) };
  }

  #verdict(tornBytes: number, unreadable: string | undefined): { verdict: AuditVerdict; reason?: string } {
    if (this.#problem !== undefined) return { verdict: "INVALID" };
    if (unreadable !== undefined) return { verdict: "CANNOT_VERIFY", reason: unreadable };
    if (this.#tree.size === 0) return { verdict: "EMPTY" };
    if (this.#key === undefined) return { verdict: "CANNOT_VERIFY", reason: "there is no key to verify with" };
    if (this.#head === undefined) {
      const reason = this.#otherKey
        ? "it is signed by another key than the one given"
        : "it holds no signed checkpoint";
      return { verdict: "CANNOT_VERIFY", reason };
    }
    if (this.#ended && tornBytes === 0) return { verdict: "COMPLETE" };
    return { verdict: "PREFIX_VALID_END_UNPROVEN" };
  }

  #judge(bytes: Buffer): string | undefined {
    if (this.#ended) return "a line follows the signed end of the log";
    if (!isUtf8(bytes)) return `${NOT_THE_BYTES} (it is not UTF-8)`;
    const text = bytes.toString("utf8");
    const head = readHead(text);
    const parsed = parseObject(text);
    if (head === undefined || parsed === undefined) return NOT_THE_BYTES;
    const reason = this.#judgePlace(head, parsed) ?? this.#judgeOwner(head, parsed);
    if (reason !== undefined) return reason;
    const checkpoint = head.type === CHECKPOINT ? this.#judgeCheckpoint(text, head, parsed) : undefined;
    if (typeof checkpoint === "string") return checkpoint;
    this.#accept(bytes, head);
    if (checkpoint?.good === true) this.#unsigned = 0;
    this.#onLine?.(parsed);
    return undefined;
  }

  /** Is it the line that the one before it was followed by? */
  #judgePlace(head: LineHead, parsed: ParsedLine): string | undefined {
    const size = this.#tree.size;
    // Two readers of the same bytes must not see two lines: a repeated key would do that.
    const repeated = (["seq", "id", "type", "time", "boot", "log", "prev"] as const).some(
      (key) => parsed[key] !== head[key],
    );
    if (repeated || parsed["mono_us"] !== head.monoUs || parsed["v"] !== 1)
      return `${NOT_THE_BYTES} (a key is repeated)`;
    if (head.seq !== size)
      return `a line is missing, repeated or out of order: expected number ${size}, found ${head.seq}`;
    if (size === 0 && head.prev !== NO_PREDECESSOR) return "the first line of a log is chained to nothing";
    if (size > 0 && head.prev !== this.#previous?.hash) {
      this.fail(`the line was changed: line ${size} was chained to another one`, size - 1);
      return NOT_THE_BYTES;
    }
    if (this.#opensSegment) return this.#judgeRotation(head, parsed);
    if (head.type === "log.rotated") return "a segment begins in the middle of a file";
    return undefined;
  }

  #judgeRotation(head: LineHead, parsed: ParsedLine): string | undefined {
    this.#opensSegment = false;
    const fits =
      head.type === "log.rotated" &&
      parsed["predecessor"] === this.#predecessor?.name &&
      parsed["size"] === this.#predecessor?.bytes &&
      parsed["last_hash"] === head.prev;
    return fits ? undefined : "the segment does not continue the one before it";
  }

  /** Does it belong to this log, this writer, this session? */
  #judgeOwner(head: LineHead, parsed: ParsedLine): string | undefined {
    const { origin, session, firstType } = this.#expected;
    if (this.#tree.size === 0) {
      if (head.type !== firstType) return `the log begins with ${head.type} instead of ${firstType}`;
      if (head.log !== origin) return "it is the log of another session or writer";
      this.#boot = head.boot;
      if (session !== undefined) this.#identity = identityOf(parsed) ?? "";
    }
    if (head.boot !== this.#boot) return "the line was written by another writer";
    if (session !== undefined && parsed["session_id"] !== session) return "the line belongs to another session";
    return undefined;
  }

  /** A checkpoint is rebuilt from the lines before it and its signed note; then the bytes must be the same. */
  #judgeCheckpoint(text: string, head: LineHead, parsed: ParsedLine): string | { readonly good: boolean } {
    const previous = this.#previous;
    const { note } = parsed;
    if (previous === undefined || typeof note !== "string") return NOT_THE_BYTES;
    const size = this.#tree.size;
    const root = this.#tree.root();
    const { origin } = this.#expected;
    const signed = noteText({ origin, size, root });
    const mismatch = whyNoteDiffers(note, signed, origin, size);
    if (mismatch !== undefined) return mismatch;
    const rebuilt = checkpointLine({
      seq: size,
      epochMs: Date.parse(previous.time),
      time: previous.time,
      monoUs: previous.monoUs,
      boot: head.boot,
      origin,
      prev: previous.hash,
      identity: this.#identity,
      note,
      root,
    });
    if (rebuilt !== text) return "the checkpoint line is not the one its signature belongs to";
    if (this.#key === undefined) return { good: false };
    const verdict = checkNote(note, signed, this.#key);
    if (verdict === "bad") return "the signature of the checkpoint is wrong";
    if (verdict === "other_key") {
      this.#otherKey = true;
      return { good: false };
    }
    this.#head = { size, root: root.toString("base64") };
    this.#ended = previous.type === this.#expected.lastType;
    return { good: true };
  }

  #accept(bytes: Buffer, head: LineHead): void {
    bytes.copy(this.#leaf, 1);
    this.#tree.append(sha256(this.#leaf.subarray(0, 1 + bytes.length)));
    this.#previous = { ...head, hash: sha256(bytes).toString("hex") };
    this.#unsigned++;
  }
}

function whyNoteDiffers(note: string, signed: string, origin: string, size: number): string | undefined {
  if (note.startsWith(`${signed}\n`)) return undefined;
  const [foundOrigin, foundSize] = note.split("\n", 2);
  if (foundOrigin !== origin) return "the checkpoint belongs to another log";
  if (foundSize !== String(size))
    return `the checkpoint speaks of ${String(foundSize).slice(0, 20)} lines, there are ${size}`;
  return "the lines before the checkpoint are not the ones that were signed";
}

function parseObject(text: string): ParsedLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ParsedLine) : undefined;
  } catch {
    return undefined;
  }
}

/** The constant part of a session's lines, written again from its first line. */
function identityOf(parsed: ParsedLine): string | undefined {
  const { session_id: id, principal, agent, initiator } = parsed;
  const known =
    typeof id === "string" && isObject(principal) && isObject(agent) && (initiator === "ai" || initiator === "human");
  return known ? identityText({ id, principal, agent, initiator } as unknown as SessionIdentity) : undefined;
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
