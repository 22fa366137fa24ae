import { mapDelete, mapForEach, mapGet, mapSet, mapSize } from "../../request/captured.js";

/** A place in the trie: bytes that several secrets begin with, in memory of its own. */
export class TrieNode {
  label: Uint8Array;
  readonly children: Map<number, TrieNode> = new Map<number, TrieNode>();
  /** How many secrets end here. */
  count = 0;

  constructor(label: Uint8Array) {
    this.label = label;
  }
}

/**
 * Byte strings by what they begin with. To add or remove one costs what it is long, however many there are, and so does to
 * compare a text with all of them: access tokens share the first hundred characters with each other.
 */
export class SecretTrie {
  readonly root: TrieNode = new TrieNode(new Uint8Array(0));

  add(bytes: Uint8Array): void {
    let node = this.root;
    let at = 0;
    while (at < bytes.length) {
      const child = mapGet(node.children, bytes[at] as number);
      if (child === undefined) {
        const leaf = new TrieNode(copied(bytes, at, bytes.length));
        mapSet(node.children, bytes[at] as number, leaf);
        leaf.count = 1;
        return;
      }
      const shared = sharedLength(child.label, bytes, at);
      if (shared < child.label.length) split(child, shared);
      node = child;
      at += shared;
    }
    node.count++;
  }

  /** Removes one that was added; its bytes are overwritten. */
  remove(bytes: Uint8Array): void {
    let parent: TrieNode | null = null;
    let node = this.root;
    let at = 0;
    while (at < bytes.length) {
      const child = mapGet(node.children, bytes[at] as number);
      if (child === undefined) return;
      parent = node;
      node = child;
      at += child.label.length;
    }
    node.count--;
    if (node.count > 0 || parent === null) return;
    if (mapSize(node.children) === 0) {
      mapDelete(parent.children, node.label[0] as number);
      wipe(node.label);
      if (parent !== this.root) join(parent);
    } else join(node);
  }
}

/** The first `length` bytes of `node` are a place of their own from now on. */
function split(node: TrieNode, length: number): void {
  const { label } = node;
  const rest = new TrieNode(copied(label, length, label.length));
  mapForEach(node.children, (child, byte) => mapSet(rest.children, byte, child));
  mapForEach(rest.children, (_child, byte) => mapDelete(node.children, byte));
  rest.count = node.count;
  node.count = 0;
  node.label = copied(label, 0, length);
  mapSet(node.children, rest.label[0] as number, rest);
  wipe(label);
}

/** Where no secret ends at `node` and only one goes on, the two are one place. */
function join(node: TrieNode): void {
  if (node.count > 0 || mapSize(node.children) !== 1) return;
  let only: TrieNode | undefined;
  mapForEach(node.children, (child) => {
    only = child;
  });
  if (only === undefined) return;
  const { label, children, count } = only as TrieNode;
  const longer = new Uint8Array(node.label.length + label.length);
  for (let i = 0; i < node.label.length; i++) longer[i] = node.label[i] as number;
  for (let i = 0; i < label.length; i++) longer[node.label.length + i] = label[i] as number;
  mapDelete(node.children, label[0] as number);
  mapForEach(children, (child, byte) => mapSet(node.children, byte, child));
  wipe(node.label);
  wipe(label);
  node.label = longer;
  node.count = count;
}

function sharedLength(label: Uint8Array, bytes: Uint8Array, from: number): number {
  let i = 0;
  while (i < label.length && from + i < bytes.length && label[i] === bytes[from + i]) i++;
  return i;
}

function copied(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = new Uint8Array(to - from);
  for (let i = from; i < to; i++) copy[i - from] = bytes[i] as number;
  return copy;
}

function wipe(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = 0;
}
