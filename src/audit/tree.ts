import { Buffer } from "node:buffer";
import { hash } from "node:crypto";

/** The SHA-256 of some bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");

/** Put before a line to make it a leaf, so that no leaf can be read as an inner node (RFC 6962 section 2.1). */
export const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;
const HASH_BYTES = 32;

/**
 * The Merkle tree of RFC 6962 section 2.1, kept as the roots of its complete subtrees: appending and asking for the root
 * take logarithmic time and memory.
 */
export class MerkleTree {
  #size = 0;
  readonly #subtrees: Buffer[] = [];
  readonly #scratch: Buffer = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash: SHA-256 over {@link LEAF_PREFIX} and the line. */
  append(leafHash: Buffer): void {
    let root = leafHash;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      root = this.#join(this.#subtrees.pop() ?? root, root);
    }
    this.#subtrees.push(root);
    this.#size++;
  }

  /** The tree head over all leaves so far; of none, the hash of nothing. */
  root(): Buffer {
    const right = this.#subtrees.at(-1);
    if (right === undefined) return sha256(Buffer.alloc(0));
    return this.#subtrees.slice(0, -1).reduceRight((joined, subtree) => this.#join(subtree, joined), right);
  }

  #join(left: Buffer, right: Buffer): Buffer {
    left.copy(this.#scratch, 1);
    right.copy(this.#scratch, 1 + HASH_BYTES);
    return sha256(this.#scratch);
  }
}
