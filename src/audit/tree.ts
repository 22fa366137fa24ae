import { Buffer } from "node:buffer";
import { hash } from "node:crypto";

/** The SHA-256 of some bytes. */
export const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");
/** The same as 64 hex digits. */
export const sha256Hex = (bytes: Uint8Array): string => hash("sha256", bytes, "hex");

/** A hash as 32 characters of one byte each: hashing into such a string is twice as fast as into a buffer. */
export type ByteString = string;
export const sha256Bytes = (bytes: Uint8Array): ByteString => hash("sha256", bytes, "binary");

/** Put before a line to make it a leaf, so that no leaf can be read as an inner node (RFC 6962 section 2.1). */
export const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;
const HASH_BYTES = 32;
const scratch = Buffer.alloc(1 + 2 * HASH_BYTES, NODE_PREFIX);

/** The hash of an inner node (RFC 6962 section 2.1). */
export function joinNodes(left: ByteString, right: ByteString): ByteString {
  scratch.write(left, 1, "latin1");
  scratch.write(right, 1 + HASH_BYTES, "latin1");
  return sha256Bytes(scratch);
}

/**
 * The Merkle tree of RFC 6962 section 2.1, kept as the roots of its complete subtrees: appending and asking for the root
 * take logarithmic time and memory.
 */
export class MerkleTree {
  #size = 0;
  readonly #subtrees: ByteString[] = [];

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf by its hash: SHA-256 over {@link LEAF_PREFIX} and the line. */
  append(leafHash: ByteString): void {
    let root = leafHash;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      root = joinNodes(this.#subtrees.pop() ?? root, root);
    }
    this.#subtrees.push(root);
    this.#size++;
  }

  /** The tree head over all leaves so far; of none, the hash of nothing. */
  root(): Buffer {
    const right = this.#subtrees.at(-1);
    if (right === undefined) return sha256(Buffer.alloc(0));
    const root = this.#subtrees.slice(0, -1).reduceRight((joined, subtree) => joinNodes(subtree, joined), right);
    return Buffer.from(root, "latin1");
  }
}
