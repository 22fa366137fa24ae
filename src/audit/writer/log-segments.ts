import { join } from "node:path";
import type { AuditFileSystem } from "../file-system.js";
import { segmentName } from "./line.js";
import type { Moment } from "./line-clock.js";
import type { LogParts } from "./log-parts.js";
import { Segment } from "./segment.js";

const SEGMENT_LINES = 10_000;
const SEGMENT_BYTES = 16 * 1024 * 1024;
const DAY_MS = 86_400_000;

/** The files of one log, one after the other: which is written now, when it is full, and what the next is called. */
export class LogSegments {
  readonly #log: LogParts;
  readonly #fs: AuditFileSystem;
  #number: number;
  #current: Segment;
  #successor: Segment | undefined;
  #day = 0;

  /** Begins with the n-th. */
  constructor(log: LogParts, fs: AuditFileSystem, number: number) {
    this.#log = log;
    this.#fs = fs;
    this.#number = number;
    this.#current = new Segment(this.#pathOf(number), fs);
  }

  /** The one that is written. */
  get current(): Segment {
    return this.#current;
  }

  /** File name of the one that is written. */
  get name(): string {
    return segmentName(this.#log.filePrefix, this.#number);
  }

  /** How many lines it still takes. */
  get room(): number {
    return SEGMENT_LINES - this.#current.lines;
  }

  /** Whether a line of this moment belongs into the next: each is of one day. */
  isFull(at: Moment): boolean {
    const { lines, bytes } = this.#current;
    return lines >= SEGMENT_LINES || bytes >= SEGMENT_BYTES || (lines > 0 && dayOf(at) > this.#day);
  }

  /** The first line of a segment is of this moment. */
  beginAt(at: Moment): void {
    this.#day = dayOf(at);
  }

  /** Opens the next, which becomes the current one with {@link goOn}; where its first line fails, it is there to try again. */
  openNext(): Segment {
    this.#successor ??= new Segment(this.#pathOf(this.#number + 1), this.#fs);
    return this.#successor;
  }

  goOn(): void {
    if (this.#successor === undefined) return;
    const old = this.#current;
    this.#current = this.#successor;
    this.#successor = undefined;
    this.#number++;
    old.close();
  }

  close(): void {
    this.#current.close();
    this.#successor?.close();
  }

  #pathOf(number: number): string {
    return join(this.#log.directory, segmentName(this.#log.filePrefix, number));
  }
}

const dayOf = ({ epochMs }: Moment): number => Math.floor(epochMs / DAY_MS);
