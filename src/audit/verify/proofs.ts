import { Buffer } from "node:buffer";
import { type ByteString, joinNodes, LEAF_PREFIX, sha256Bytes } from "../tree.js";

/** Pure functions over the tree of RFC 6962 section 2.1. Hashes are strings of 32 one-byte characters. */

export const leafHash = (line: Uint8Array): ByteString => sha256Bytes(Buffer.concat([Buffer.of(LEAF_PREFIX), line]));

/** The largest power of two below `size`. */
function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

export function rootOf(leaves: readonly ByteString[], from: number = 0, to: number = leaves.length): ByteString {
  if (to - from === 0) return sha256Bytes(Buffer.alloc(0));
  if (to - from === 1) return leaves[from] ?? "";
  const k = from + split(to - from);
  return joinNodes(rootOf(leaves, from, k), rootOf(leaves, k, to));
}

/** The audit path of a leaf (RFC 6962 section 2.1.1), from the leaf upwards. */
export function inclusionProof(leaves: readonly ByteString[], index: number): readonly ByteString[] {
  const path = (from: number, to: number): ByteString[] => {
    if (to - from === 1) return [];
    const k = from + split(to - from);
    return index < k ? [...path(from, k), rootOf(leaves, k, to)] : [...path(k, to), rootOf(leaves, from, k)];
  };
  return path(0, leaves.length);
}

/** Whether a leaf is number `index` of the tree of `size` leaves with this root (RFC 9162 section 2.1.3.2). */
export function isIncluded(
  leaf: ByteString,
  index: number,
  size: number,
  proof: readonly ByteString[],
  root: ByteString,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = joinNodes(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else hash = joinNodes(hash, sibling);
    node = half(node);
    last = half(last);
  }
  return last === 0 && hash === root;
}

/** What shows that the tree of the first `from` leaves is a beginning of the whole (RFC 6962 section 2.1.2). */
export function consistencyProof(leaves: readonly ByteString[], from: number): readonly ByteString[] {
  const sub = (count: number, start: number, end: number, isWhole: boolean): ByteString[] => {
    if (count === end - start) return isWhole ? [] : [rootOf(leaves, start, end)];
    const k = split(end - start);
    return count <= k
      ? [...sub(count, start, start + k, isWhole), rootOf(leaves, start + k, end)]
      : [...sub(count - k, start + k, end, false), rootOf(leaves, start, start + k)];
  };
  return from === 0 ? [] : sub(from, 0, leaves.length, true);
}

/** Whether the tree of `from` leaves is a beginning of that of `to` leaves (RFC 9162 section 2.1.4.2). */
export function isConsistent(
  from: number,
  to: number,
  proof: readonly ByteString[],
  fromRoot: ByteString,
  toRoot: ByteString,
): boolean {
  if (!isCount(from) || !isCount(to) || from > to) return false;
  if (from === to) return proof.length === 0 && fromRoot === toRoot;
  if (from === 0) return proof.length === 0;
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let node = from - 1;
  let last = to - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  let older = first;
  let newer = first;
  for (const hash of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      older = joinNodes(hash, older);
      newer = joinNodes(hash, newer);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else newer = joinNodes(newer, hash);
    node = half(node);
    last = half(last);
  }
  return last === 0 && older === fromRoot && newer === toRoot;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
/** Not by shifting: that is for 32 bits. */
const half = (value: number): number => Math.floor(value / 2);
const isPowerOfTwo = (value: number): boolean => split(value * 2) === value;
