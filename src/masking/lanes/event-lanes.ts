import type { GuardError } from "../../errors/guard-error.js";
import { joined } from "../bytes.js";
import type { ScannerOptions } from "../scanner.js";
import type { Replace } from "../segment.js";
import { type Delta, mayHoldDelta, readDelta } from "./delta-texts.js";
import { HeldEvent } from "./held-event.js";
import { Lane } from "./lane.js";
import { LONGEST_HEAD, lineKind } from "./line-kind.js";

/** A longer event is not joined with others. */
const LONGEST_EVENT = 64 * 1024;
/** How much waits, at most, for a text to go on. */
const MOST_HELD = 64 * 1024;
/** A text that has not gone on for so many events of others does not hold them up any longer. */
const MOST_QUIET = 32;
/** How many texts can be on their way at once. */
const MOST_LANES = 128;
const LF = 0x0a;
const CR = 0x0d;

interface LanesContext {
  readonly scanning: ScannerOptions;
  readonly replace: Replace;
  readonly malformed: (what: string) => GuardError;
}

/**
 * Puts together what a model says over many events, a word or less in each: a secret that is cut by two of them is in
 * neither. Every text (of a choice, of a tool call) is a lane of its own. An event goes out unchanged, but for what is
 * found in it, as soon as its own end can be part of nothing that is found; the order stays. What is no part of such a
 * text passes; all of it is still to be read as events.
 */
export class EventLanes {
  readonly #context: LanesContext;
  readonly #lanes = new Map<string, Lane>();
  readonly #queue: HeldEvent[] = [];
  #queued = 0;
  #out: Uint8Array[] = [];
  /** The beginning of a line, or of an event, that is not all there. */
  #kept: Uint8Array = new Uint8Array(256);
  #keptLength = 0;
  #inside: "line start" | "line" | "event" = "line start";
  #isLineStart = false;
  #afterCr = false;
  /** Where in the chunk that which passes as it is begins. */
  #run = 0;
  /** Where in the chunk the next carriage return is, if it was looked for. */
  #nextCr = -1;

  constructor(context: LanesContext) {
    this.#context = context;
  }

  /** How many bytes are held back. */
  get held(): number {
    return this.#queued + this.#keptLength;
  }

  push(chunk: Uint8Array): Uint8Array {
    this.#run = 0;
    this.#nextCr = -1;
    let at = 0;
    while (at < chunk.length) {
      if (this.#inside === "event") at = this.#event(chunk, at);
      else if (this.#inside === "line") at = this.#line(chunk, at);
      else at = this.#lineStart(chunk, at);
    }
    return this.#take(chunk);
  }

  flush(): Uint8Array {
    if (this.#keptLength > 0) {
      const rest = this.#takeKept();
      if (this.#inside === "event") this.#whole(rest);
      else this.#pass(rest);
    }
    this.#endLanes(() => true);
    return joined(this.#out.splice(0));
  }

  #take(chunk: Uint8Array): Uint8Array {
    if (this.#run === 0 && this.#out.length === 0 && this.#queue.length === 0) return chunk;
    this.#passRun(chunk, chunk.length);
    return joined(this.#out.splice(0));
  }

  #line(chunk: Uint8Array, at: number): number {
    const i = this.#lineEnd(chunk, at);
    if (i === chunk.length) return i;
    this.#inside = "line start";
    return i + 1;
  }

  #lineStart(chunk: Uint8Array, at: number): number {
    const isSplit = this.#keptLength > 0;
    if (isSplit) this.#keep(chunk.subarray(at, at + 1));
    const kind = isSplit
      ? lineKind(this.#kept, 0, this.#keptLength)
      : lineKind(chunk, at, Math.min(chunk.length, at + LONGEST_HEAD));
    if (kind === "unknown" && !isSplit) {
      this.#passRun(chunk, at);
      this.#keep(chunk.subarray(at));
      this.#run = chunk.length;
      return chunk.length;
    }
    if (isSplit) this.#run = at + 1;
    if (kind === "unknown") return at + 1;
    if (kind === "data") {
      this.#inside = "event";
      this.#isLineStart = false;
      this.#afterCr = false;
      return isSplit ? at + 1 : at;
    }
    if (kind === "end") {
      if (!isSplit) this.#passRun(chunk, at);
      this.#endLanes(() => true);
    }
    this.#inside = "line";
    if (!isSplit) return at;
    const head = this.#takeKept();
    const last = head.at(-1);
    if (last === LF || last === CR) this.#inside = "line start";
    this.#pass(head);
    return at + 1;
  }

  /** To the end of the event, which is an empty line, or of the chunk. */
  #event(chunk: Uint8Array, at: number): number {
    const end = this.#eventEnd(chunk, at);
    const isComplete = end >= 0;
    const i = isComplete ? end : chunk.length;
    const isSplit = this.#keptLength > 0 || !isComplete;
    if (isSplit) {
      this.#passRun(chunk, at);
      this.#keep(chunk.subarray(at, i));
      this.#run = i;
    }
    if (isComplete) {
      this.#inside = "line start";
      if (isSplit) this.#whole(this.#takeKept());
      else if (this.#whole(chunk.subarray(at, i), () => this.#passRun(chunk, at))) this.#run = i;
    } else if (this.#keptLength > LONGEST_EVENT) {
      this.#inside = this.#isLineStart ? "line start" : "line";
      this.#pass(this.#takeKept());
    }
    return i;
  }

  /** The index behind the empty line that ends the event, or -1 if it goes on. */
  #eventEnd(chunk: Uint8Array, at: number): number {
    let i = at;
    while (i < chunk.length) {
      const byte = chunk[i];
      if (byte === LF || byte === CR) {
        if (this.#isLineStart && !(byte === LF && this.#afterCr)) return i + 1;
        this.#isLineStart = true;
        this.#afterCr = byte === CR;
        i++;
        continue;
      }
      this.#isLineStart = false;
      this.#afterCr = false;
      i = this.#lineEnd(chunk, i);
    }
    return -1;
  }

  /** The index of the next line end, or the chunk's length; of carriage returns most chunks have none. */
  #lineEnd(chunk: Uint8Array, from: number): number {
    if (this.#nextCr < from) {
      const cr = chunk.indexOf(CR, from);
      this.#nextCr = cr < 0 ? chunk.length : cr;
    }
    const lf = chunk.indexOf(LF, from);
    return Math.min(lf < 0 ? chunk.length : lf, this.#nextCr);
  }

  /** False if it is to pass as it is; that is done here where nobody else does it. */
  #whole(event: Uint8Array, before?: () => void): boolean {
    // While something waits, every event may say that it has come to its end.
    const isOfInterest = event.length <= LONGEST_EVENT && (this.#queue.length > 0 || mayHoldDelta(event));
    const delta = isOfInterest ? readDelta(event) : null;
    if (delta === null) {
      if (before === undefined) this.#pass(event);
      return false;
    }
    before?.();
    this.#read(new HeldEvent(new Uint8Array(event)), delta);
    return true;
  }

  #read(event: HeldEvent, { texts, ends, endsOf }: Delta): void {
    this.#queue.push(event);
    this.#queued += event.bytes.length;
    for (const lane of this.#lanes.values()) lane.quiet++;
    for (const { lane, owner, from, to } of texts) this.#laneOf(lane, owner).append(event, from, to);
    if (endsOf !== null) this.#endLanes((lane) => endsOf === "" || lane.owner === endsOf);
    for (const beginning of ends) this.#endLanes((_lane, name) => name.startsWith(beginning));
    for (const lane of this.#lanes.values()) if (lane.quiet > MOST_QUIET && !lane.isDecided) lane.letGo();
    this.#release();
  }

  #laneOf(name: string, owner: string): Lane {
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    if (this.#lanes.size >= MOST_LANES) {
      const over = [...this.#lanes].find(([, lane]) => lane.isDecided && !lane.isOpen);
      if (over === undefined) throw this.#context.malformed("a stream of too many texts at once");
      this.#lanes.delete(over[0]);
    }
    const lane = new Lane(owner, this.#context.scanning, this.#context.replace);
    this.#lanes.set(name, lane);
    return lane;
  }

  #endLanes(ended: (lane: Lane, name: string) => boolean): void {
    for (const [name, lane] of this.#lanes) {
      if (!ended(lane, name)) continue;
      lane.end();
      this.#lanes.delete(name);
    }
    this.#release();
  }

  #release(): void {
    if (this.#queued > MOST_HELD) for (const lane of this.#lanes.values()) lane.letGo();
    for (let first = this.#queue[0]; first !== undefined && first.undecided === 0; first = this.#queue[0]) {
      this.#out.push(...first.masked());
      this.#queue.shift();
      this.#queued -= first.bytes.length;
    }
  }

  #passRun(chunk: Uint8Array, to: number): void {
    if (to > this.#run) this.#pass(chunk.subarray(this.#run, to));
    this.#run = to;
  }

  /** These bytes go out as they are, after what waits. */
  #pass(bytes: Uint8Array): void {
    if (this.#queue.length === 0) {
      this.#out.push(bytes);
      return;
    }
    this.#queue.push(new HeldEvent(new Uint8Array(bytes)));
    this.#queued += bytes.length;
    this.#release();
  }

  #keep(bytes: Uint8Array): void {
    const size = this.#keptLength + bytes.length;
    if (size > this.#kept.length) {
      const larger = new Uint8Array(size * 2);
      larger.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = larger;
    }
    this.#kept.set(bytes, this.#keptLength);
    this.#keptLength = size;
  }

  #takeKept(): Uint8Array {
    const kept = this.#kept.slice(0, this.#keptLength);
    this.#keptLength = 0;
    return kept;
  }
}
