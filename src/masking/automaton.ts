import type { Detector } from "./probe.js";

/** Set in an entry of {@link Automaton.next} where a literal ends: somebody must look. */
export const HIT = 0x8000;
const STATES = 0x7fff;

export interface Output {
  readonly detector: Detector;
  readonly length: number;
}

/**
 * All literals of all detectors as one Aho-Corasick automaton with a full table: one load per byte, however many
 * literals there are. (Measured against one search per literal, regular expressions and a skip loop on first letters.)
 */
export interface Automaton {
  /** `next[(state << 8) | byte]` is the next state, with {@link HIT} set where {@link outputs} has something. */
  readonly next: Uint16Array;
  /** By state: what ends here, longest first. */
  readonly outputs: readonly (readonly Output[])[];
  /** By state: how many of the bytes just read may be the beginning of a literal. */
  readonly depth: Uint16Array;
}

interface Node {
  readonly depth: number;
  readonly lastIsDigit: boolean;
  readonly children: Map<number, number>;
  readonly own: Output[];
}

const digit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

function trie(detectors: readonly Detector[]): Node[] {
  const nodes: Node[] = [{ depth: 0, lastIsDigit: false, children: new Map(), own: [] }];
  for (const detector of detectors) {
    for (const literal of detector.literals) {
      let at = 0;
      for (let i = 0; i < literal.length; i++) {
        const byte = literal.charCodeAt(i);
        const node = nodes[at] as Node;
        let child = node.children.get(byte);
        if (child === undefined) {
          child = nodes.length;
          node.children.set(byte, child);
          nodes.push({ depth: i + 1, lastIsDigit: digit(byte), children: new Map(), own: [] });
        }
        at = child;
      }
      (nodes[at] as Node).own.push({ detector, length: literal.length });
    }
  }
  if (nodes.length > STATES) throw new RangeError("too many literals for one automaton");
  return nodes;
}

export function buildAutomaton(detectors: readonly Detector[]): Automaton {
  const nodes = trie(detectors);
  const next = new Uint16Array(nodes.length << 8);
  const fail = new Uint16Array(nodes.length);
  const outputs: Output[][] = nodes.map(({ own }) => own);
  const queue: number[] = [0];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] as number;
    const node = nodes[state] as Node;
    const back = (fail[state] as number) << 8;
    if (state !== 0) {
      next.copyWithin(state << 8, back, back + 256);
      outputs[state] = [...node.own, ...(outputs[fail[state] as number] ?? [])];
    }
    for (const [byte, child] of node.children) {
      fail[child] = state === 0 ? 0 : (next[back | byte] as number);
      next[(state << 8) | byte] = child;
      queue.push(child);
    }
  }
  for (let entry = 0; entry < next.length; entry++) {
    const found = outputs[next[entry] as number] as Output[];
    if (found.length === 0) continue;
    // A digit after a digit is old news: the run was judged where it began.
    const inRun = digit(entry & 0xff) && (nodes[entry >> 8] as Node).lastIsDigit;
    if (!inRun || found.some(({ length }) => length > 1)) next[entry] = (next[entry] as number) | HIT;
  }
  return { next, outputs, depth: Uint16Array.from(nodes, ({ depth }) => depth) };
}
