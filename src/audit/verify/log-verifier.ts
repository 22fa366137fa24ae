import { Buffer, isAscii, isUtf8 } from "node:buffer";
import { identityText, MAX_LINE_BYTES } from "../encode.js";
import type { SessionIdentity } from "../event.js";
import { noteText } from "../note.js";
import { LEAF_PREFIX, MerkleTree, sha256Bytes, sha256Hex } from "../tree.js";
import {
  CHECKPOINT,
  checkpointLine,
  type FoundHead,
  type LineHead,
  NO_PREDECESSOR,
  readExpectedHead,
  readHead,
} from "../writer/line.js";
import type { AnchoredHead } from "./anchors.js";
import { SignerWatch } from "./checkpoints.js";
import type { Keyring } from "./keyring.js";
import { type ParsedLine, parseObject } from "./parsed-line.js";
import type { AuditProblem, AuditVerdict, Equivocation, LogReport } from "./report.js";

/** What a log must be, besides being intact. */
export interface LogExpectation {
  readonly origin: string;
  /** `undefined` for a ledger. */
  readonly session?: string | undefined;
  readonly firstType: string;
  /** The type of the line that ends it. */
  readonly lastType: string;
}

/** What a log is judged with. */
export interface LogJudge {
  readonly keyring: Keyring;
  /** Heads of this log that were published elsewhere, by size. */
  readonly anchored?: ReadonlyMap<number, AnchoredHead> | undefined;
  /** Gets every line that was found in order. Lines that nobody asks for are not parsed. */
  readonly onLine?: ((line: ParsedLine) => void) | undefined;
  /** Gets only the lines that speak of a body beside the log. */
  readonly onBody?: ((line: ParsedLine) => void) | undefined;
}

/** Where a log ends, for whoever goes on writing it. */
export interface LogEnd {
  readonly tree: MerkleTree;
  /** Hash of the last line. */
  readonly prev: string;
  readonly time: string;
  readonly monoUs: number;
  readonly unsigned: number;
  /** The constant part of its lines. */
  readonly identity: string;
  readonly head: { readonly size: number; readonly root: string } | undefined;
  /** Name and id of the key that signed it last. */
  readonly signer: string | undefined;
  /** Whether its last line is the one that ends it. */
  readonly isEnded: boolean;
}

const NOT_THE_BYTES = "not the original bytes: this is not how the log writes a line";
/** After a crash, the next writer ends a log for the dead one. */
const RECOVERED_TYPE = "session.recovered";

/** A line with its leaf prefix, while it is hashed. */
const leaf = Buffer.alloc(1 + MAX_LINE_BYTES, LEAF_PREFIX);

/** Reads a log line by line and judges it. Stops at the first thing that is wrong: what follows proves nothing. */
export class LogVerifier {
  readonly #expected: LogExpectation;
  readonly #judgedWith: LogJudge;
  readonly #signers: SignerWatch;
  readonly #tree = new MerkleTree();
  #segment = "";
  #opensSegment = false;
  #predecessor: { readonly name: string; readonly bytes: number } | undefined;
  #previous: LineHead | undefined;
  #previousHash = "";
  #boot: string | undefined;
  #identity = "";
  #unsigned = 0;
  #head: { size: number; root: string } | undefined;
  #otherKey = false;
  #recovered = false;
  #ended = false;
  #problem: AuditProblem | undefined;
  #diverged: string | undefined;
  #anchoredSize = 0;
  readonly #equivocations: Equivocation[] = [];

  constructor(expected: LogExpectation, judge: LogJudge) {
    this.#expected = expected;
    this.#judgedWith = judge;
    this.#signers = new SignerWatch(judge.keyring);
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
    const { verdict, reason } = this.#verdict(tornBytes, unreadable);
    const problem = this.#problem ?? (reason === undefined ? undefined : { reason });
    return {
      ...base,
      verdict,
      ...(this.#head === undefined ? {} : { head: this.#head }),
      ...(this.#recovered ? { recovered: true } : {}),
      ...(this.#anchoredSize === 0 ? {} : { anchoredSize: this.#anchoredSize }),
      ...(this.#equivocations.length === 0 ? {} : { equivocations: this.#equivocations }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** Where the log ends; `undefined` for one that is damaged or empty. */
  end(): LogEnd | undefined {
    const last = this.#previous;
    if (this.#problem !== undefined || last === undefined) return undefined;
    return {
      tree: this.#tree,
      prev: this.#previousHash,
      time: last.time,
      monoUs: last.monoUs,
      unsigned: this.#unsigned,
      identity: this.#identity,
      head: this.#head,
      signer: this.#signers.signer,
      isEnded: this.#ended,
    };
  }

  #verdict(tornBytes: number, unreadable: string | undefined): { verdict: AuditVerdict; reason?: string } {
    if (this.#problem !== undefined) return { verdict: "INVALID" };
    if (unreadable !== undefined) return { verdict: "CANNOT_VERIFY", reason: unreadable };
    const diverged = this.#diverged ?? this.#cutBelowAnchor();
    if (diverged !== undefined) return { verdict: "DIVERGED", reason: diverged };
    if (this.#tree.size === 0) return { verdict: "EMPTY" };
    if (this.#judgedWith.keyring.isEmpty) return { verdict: "CANNOT_VERIFY", reason: "there is no key to verify with" };
    if (this.#head === undefined) {
      const reason = this.#otherKey
        ? "it is signed by another key than the one given"
        : "it holds no signed checkpoint";
      return { verdict: "CANNOT_VERIFY", reason };
    }
    // What a crash, or somebody before the recovery, cut off is not known: the end of such a log stays unproven.
    if (this.#ended && tornBytes === 0 && !this.#recovered) return { verdict: "COMPLETE" };
    return { verdict: "PREFIX_VALID_END_UNPROVEN" };
  }

  #cutBelowAnchor(): string | undefined {
    const longest = Math.max(0, ...(this.#judgedWith.anchored?.keys() ?? []));
    return longest > this.#tree.size
      ? `a head of ${longest} lines was published, and there are ${this.#tree.size}`
      : undefined;
  }

  #judge(bytes: Buffer): string | undefined {
    if (this.#ended) return "a line follows the signed end of the log";
    // The log escapes most of what is not ASCII, and reading ASCII is quicker.
    const isPlain = isAscii(bytes);
    if (!isPlain && !isUtf8(bytes)) return `${NOT_THE_BYTES} (it is not UTF-8)`;
    const text = bytes.toString(isPlain ? "latin1" : "utf8");
    const head = this.#readHead(text);
    if (head === undefined || !text.endsWith("}")) return NOT_THE_BYTES;
    const reason = this.#judgePlace(head) ?? this.#judgeContent(text, head);
    if (reason !== undefined) return reason;
    this.#accept(bytes, head);
    return undefined;
  }

  #readHead(text: string): FoundHead | undefined {
    const boot = this.#boot;
    const expected = boot === undefined ? undefined : readExpectedHead(text, this.#tree.size, boot, this.#previousHash);
    return expected ?? readHead(text);
  }

  /** Is it the line that the one before it was followed by? */
  #judgePlace(head: LineHead): string | undefined {
    const size = this.#tree.size;
    if (head.seq !== size)
      return `a line is missing, repeated or out of order: expected number ${size}, found ${head.seq}`;
    if (size === 0 && head.prev !== NO_PREDECESSOR) return "the first line of a log is chained to nothing";
    if (size > 0 && head.prev !== this.#previousHash) {
      this.fail(`the line was changed: line ${size} was chained to another one`, size - 1);
      return NOT_THE_BYTES;
    }
    return undefined;
  }

  /**
   * Most lines are judged as text: they are chained, they begin as a line of this session does, and that is all they prove.
   * JSON is read where somebody needs what it says.
   */
  #judgeContent(text: string, head: FoundHead): string | undefined {
    const { onLine, onBody } = this.#judgedWith;
    const isPlain =
      this.#tree.size > 0 && !this.#opensSegment && !this.#signers.isRotating && !OWN_TYPES.has(head.type);
    if (isPlain && head.boot !== this.#boot) return "the line was written by another writer";
    if (isPlain && onLine === undefined && text.startsWith(this.#identity, head.length)) {
      if (!asksForMore(text, head.length + this.#identity.length)) return undefined;
    }
    const speaksOfBody = onBody !== undefined && text.includes('"blob":"');
    if (isPlain && onLine === undefined && !speaksOfBody && !text.includes("\\")) {
      if (!text.startsWith(this.#identity, head.length)) return "the line belongs to another session";
      return repeatsHead(text, head.length + this.#identity.length) ? REPEATED : undefined;
    }
    const parsed = parseObject(text);
    if (parsed === undefined) return NOT_THE_BYTES;
    if (HEAD_KEYS.some((key) => parsed[key] !== head[key]) || parsed["mono_us"] !== head.monoUs || parsed["v"] !== 1)
      return REPEATED;
    const reason = this.#judgeSegment(head, parsed) ?? this.#judgeOwner(head, parsed);
    if (reason !== undefined) return reason;
    if (head.type === CHECKPOINT) {
      const wrong = this.#judgeCheckpoint(text, head, parsed);
      if (wrong !== undefined) return wrong;
    } else if (this.#signers.isRotating) return "the change of keys is not signed by both the old and the new key";
    else if (head.type === "key.rotated") {
      const wrong = this.#signers.announce(parsed);
      if (wrong !== undefined) return wrong;
    }
    onLine?.(parsed);
    if (speaksOfBody) onBody?.(parsed);
    return undefined;
  }

  #judgeSegment(head: LineHead, parsed: ParsedLine): string | undefined {
    const begins = head.type === "log.rotated" || head.type === "log.recovered";
    if (!this.#opensSegment) return begins ? "a segment begins in the middle of a file" : undefined;
    this.#opensSegment = false;
    const fits =
      begins &&
      parsed["predecessor"] === this.#predecessor?.name &&
      parsed["size"] === this.#predecessor?.bytes &&
      parsed["last_hash"] === head.prev;
    if (!fits) return "the segment does not continue the one before it";
    if (head.type === "log.recovered") {
      this.#recovered = true;
      this.#boot = head.boot;
    }
    return undefined;
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
  #judgeCheckpoint(text: string, head: LineHead, parsed: ParsedLine): string | undefined {
    const previous = this.#previous;
    const { note } = parsed;
    if (previous === undefined || typeof note !== "string") return NOT_THE_BYTES;
    const size = this.#tree.size;
    const root = this.#tree.root();
    const { origin, session, lastType } = this.#expected;
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
      prev: this.#previousHash,
      identity: this.#identity,
      note,
      root,
    });
    if (rebuilt !== text) return "the checkpoint line is not the one its signature belongs to";
    const verdict = this.#signers.judge(note, signed);
    if (typeof verdict === "object") return verdict.wrong;
    if (verdict === "other_key") {
      this.#otherKey = true;
      return undefined;
    }
    this.#head = { size, root: root.toString("base64") };
    this.#ended = previous.type === lastType || (session !== undefined && previous.type === RECOVERED_TYPE);
    const published = this.#judgedWith.anchored?.get(size);
    if (published !== undefined && published.root !== this.#head.root)
      this.#equivocations.push({ log: origin, size, notes: [published.note, note] });
    return undefined;
  }

  #accept(bytes: Buffer, head: LineHead): void {
    bytes.copy(leaf, 1);
    this.#unsigned = this.#head?.size === this.#tree.size ? 0 : this.#unsigned + 1;
    this.#tree.append(sha256Bytes(leaf.subarray(0, 1 + bytes.length)));
    this.#previous = head;
    this.#previousHash = sha256Hex(bytes);
    const anchor = this.#judgedWith.anchored?.get(this.#tree.size);
    if (anchor === undefined) return;
    if (anchor.root === this.#tree.root().toString("base64")) this.#anchoredSize = anchor.size;
    else this.#diverged ??= `its first ${anchor.size} lines are not the ones whose head was published`;
  }
}

const REPEATED = `${NOT_THE_BYTES} (a key is repeated)`;
const HEAD_KEYS = ["seq", "id", "type", "time", "boot", "log", "prev"] as const;
/** Types of lines that say something about the log itself. */
const OWN_TYPES: ReadonlySet<string> = new Set([CHECKPOINT, "log.rotated", "log.recovered", "key.rotated"]);

/**
 * Two readers of the same bytes must not see two lines: a repeated key would do that. No event has one of these so. One
 * pass for all of them: looking for one after the other took a tenth of the time that verifying takes.
 */
const HEAD_MEMBER = /,"(?:v|mono_us|seq|id|type|time|boot|log|prev)":/g;
function repeatsHead(text: string, from: number): boolean {
  HEAD_MEMBER.lastIndex = from;
  return HEAD_MEMBER.test(text);
}

/** What makes a line of a session one that is looked into, all in one pass: an escape, a body, a key that is repeated. */
const MORE = /\\|"blob":"|,"(?:v|mono_us|seq|id|type|time|boot|log|prev)":/g;
function asksForMore(text: string, from: number): boolean {
  MORE.lastIndex = from;
  return MORE.test(text);
}

function whyNoteDiffers(note: string, signed: string, origin: string, size: number): string | undefined {
  if (note.startsWith(`${signed}\n`)) return undefined;
  const [foundOrigin, foundSize] = note.split("\n", 2);
  if (foundOrigin !== origin) return "the checkpoint belongs to another log";
  if (foundSize !== String(size))
    return `the checkpoint speaks of ${String(foundSize).slice(0, 20)} lines, there are ${size}`;
  return "the lines before the checkpoint are not the ones that were signed";
}

/** The constant part of a session's lines, written again from its first line. */
function identityOf(parsed: ParsedLine): string | undefined {
  const { session_id: id, principal, agent, initiator } = parsed;
  const known =
    typeof id === "string" && isObject(principal) && isObject(agent) && (initiator === "ai" || initiator === "human");
  return known ? identityText({ id, principal, agent, initiator } as unknown as SessionIdentity) : undefined;
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
