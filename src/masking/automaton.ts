import type { Detector } from "./probe.js";

/** Set in an entry of {@link Automaton.next} where a literal ends: somebody must look. */
export const HIT = 0x8000;
const STATES = 0x7fff;
/** Bits of a column: a letter has one in both cases, and bytes that no literal has share one. */
export const COLUMN_BITS = 6;
const COLUMNS = 1 << COLUMN_BITS;

export interface Output {
  readonly detector: Detector;
  readonly length: number;
}

/**
 * All literals of all detectors, upper and lower case alike, as one Aho-Corasick automaton with a full table: one look-up per byte, however many
 * literals there are. (Measured against one search per literal, regular expressions and a skip loop on first letters.)
 */
export interface Automaton {
  /** The column of each byte. */
  readonly columns: Uint8Array;
  /** `next[(state << COLUMN_BITS) | column]` is the next state, with {@link HIT} set where {@link outputs} has something. */
  readonly next: Uint16Array;
  /** By state: what ends here, longest first. */
  readonly outputs: readonly (readonly Output[])[];
  /** By state: how many of the bytes just read may be the beginning of a literal. */
  readonly depth: Uint16Array;
}

interface Node {
  readonly depth: number;
  readonly lastIsDigit: boolean;
  readonly children: Map<number, Node>;
  readonly own: Output[];
}

const digit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** Lower case. What depends on the case is for the detector to see: half as large a table is twice as fast. */
const folded = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);

const node = (depth: number, lastIsDigit: boolean): Node => ({ depth, lastIsDigit, children: new Map(), own: [] });

function trie(detectors: readonly Detector[]): Node {
  const root = node(0, false);
  for (const detector of detectors) {
    for (const literal of detector.literals) {
      let at = root;
      for (let i = 0; i < literal.length; i++) {
        const byte = folded(literal.charCodeAt(i));
        let child = at.children.get(byte);
        if (child === undefined) {
          child = node(i + 1, digit(byte));
          at.children.set(byte, child);
        }
        at = child;
      }
      at.own.push({ detector, length: literal.length });
    }
  }
  return root;
}

/** Shallow states first: they are where a text keeps to, and then they lie together in memory. */
function inOrder(root: Node): Node[] {
  const nodes = [root];
  for (let i = 0; i < nodes.length; i++) for (const child of (nodes[i] as Node).children.values()) nodes.push(child);
  if (nodes.length > STATES) throw new RangeError("too many literals for one automaton");
  return nodes;
}

/** A column for every byte in a literal; the last one is for all others, and for what there is no column left for. */
function columnsOf(nodes: readonly Node[]): Uint8Array {
  const columns = new Uint8Array(256).fill(COLUMNS - 1);
  const used = new Uint8Array(256);
  for (const { children } of nodes) for (const byte of children.keys()) used[byte] = 1;
  let column = 0;
  for (let byte = 0; byte < 256; byte++) if (used[byte] === 1) columns[byte] = Math.min(column++, COLUMNS - 1);
  for (let byte = 0x41; byte <= 0x5a; byte++) columns[byte] = columns[byte | 0x20] as number;
  return columns;
}

export function buildAutomaton(detectors: readonly Detector[]): Automaton {
  const nodes = inOrder(trie(detectors));
  const numbers = new Map(nodes.map((one, i) => [one, i]));
  const columns = columnsOf(nodes);
  const next = new Uint16Array(nodes.length << COLUMN_BITS);
  const fail = new Uint16Array(nodes.length);
  const outputs: (readonly Output[])[] = [];
  /** 1: something ends here; 2: something longer than one byte. */
  const ends = new Uint8Array(nodes.length);
  for (const [state, one] of nodes.entries()) {
    const back = (fail[state] as number) << COLUMN_BITS;
    if (state !== 0) next.copyWithin(state << COLUMN_BITS, back, back + COLUMNS);
    const shorter = state === 0 ? [] : (outputs[fail[state] as number] ?? []);
    const found = one.own.length === 0 ? shorter : [...one.own, ...shorter];
    outputs.push(found);
    if (found.length > 0) ends[state] = found.some(({ length }) => length > 1) ? 2 : 1;
    for (const [byte, child] of one.children) {
      const number = numbers.get(child) as number;
      const column = columns[byte] as number;
      fail[number] = state === 0 ? 0 : (next[back | column] as number);
      next[(state << COLUMN_BITS) | column] = number;
    }
  }
  const digits = new Uint8Array(COLUMNS);
  for (let byte = 0x30; byte <= 0x39; byte++) digits[columns[byte] as number] = 1;
  for (let state = 0; state < nodes.length; state++) {
    const inRun = (nodes[state] as Node).lastIsDigit;
    for (let column = 0; column < COLUMNS; column++) {
      const entry = (state << COLUMN_BITS) | column;
      const found = ends[next[entry] as number] as number;
      // A digit after a digit is old news: the run was judged where it began.
      if (found === 2 || (found === 1 && !(inRun && digits[column] === 1))) next[entry] = (next[entry] as number) | HIT;
    }
  }
  return { columns, next, outputs, depth: Uint16Array.from(nodes, ({ depth }) => depth) };
}
