import { Buffer } from "node:buffer";
import { MAX_LINE_BYTES } from "../encode.js";
import { type ByteString, LEAF_PREFIX, MerkleTree, sha256Bytes, sha256Hex } from "../tree.js";
import { NO_PREDECESSOR } from "./line.js";
import type { Segment } from "./segment.js";

const NEWLINE = 0x0a;

/** Room for one byte of leaf prefix, lines that are written together, and their newlines. */
export function lineBuffer(): Buffer {
  return Buffer.alloc(1 + 2 * MAX_LINE_BYTES + 1, LEAF_PREFIX);
}

/** What lines are written with. */
interface ChainParts {
  readonly buffer: Buffer;
  readonly onLine: ((line: string) => void) | undefined;
}

/** Lines that hold the hash of the one before, and are leaves of one tree. Both move on only once the lines are on disk. */
export class LineChain {
  readonly #parts: ChainParts;
  readonly #tree: MerkleTree;
  #prev: string;

  /** Goes on with what somebody else began. */
  constructor(parts: ChainParts, end?: { readonly tree: MerkleTree; readonly prev: string }) {
    this.#parts = parts;
    this.#tree = end?.tree ?? new MerkleTree();
    this.#prev = end?.prev ?? NO_PREDECESSOR;
  }

  /** How many lines there are. */
  get size(): number {
    return this.#tree.size;
  }

  /** Hash of the last line. */
  get prev(): string {
    return this.#prev;
  }

  root(): Buffer {
    return this.#tree.root();
  }

  /**
   * Writes up to `count` lines at once: as many as there is room for, and at least one. Answers how many. `lineAt` makes
   * each of them from its number and the hash of the one before. `nowUs` is monotonic.
   */
  write(
    segment: Segment,
    nowUs: number,
    count: number,
    lineAt: (position: number, seq: number, prev: string) => string,
  ): number {
    const { buffer, onLine } = this.#parts;
    const leaves: ByteString[] = [];
    const written: string[] = [];
    let prev = this.#prev;
    let end = 1;
    // One byte of prefix, one more line, and there is no room left.
    while (leaves.length < count && end <= 1 + MAX_LINE_BYTES) {
      const line = lineAt(leaves.length, this.#tree.size + leaves.length, prev);
      const start = end;
      end += buffer.write(line, start);
      buffer[start - 1] = LEAF_PREFIX; // where the newline of the line before stands again in a moment
      leaves.push(sha256Bytes(buffer.subarray(start - 1, end)));
      prev = sha256Hex(buffer.subarray(start, end));
      if (start > 1) buffer[start - 1] = NEWLINE;
      buffer[end++] = NEWLINE;
      if (onLine !== undefined) written.push(line);
    }
    segment.append(buffer.subarray(1, end), nowUs, leaves.length);
    for (const leaf of leaves) this.#tree.append(leaf);
    this.#prev = prev;
    for (const line of written) onLine?.(line);
    return leaves.length;
  }
}
