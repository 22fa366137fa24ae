import type { PathTemplate } from "./path-template.js";

/**
 * Rules by path, as a tree of segments, so that the cost of finding the candidates depends on the length of the path and
 * not on the number of rules.
 */
export class PathIndex<Rule> {
  readonly #root: Node<Rule> = newNode();
  readonly #isValue: ValueTest;
  #empty = true;

  /** `isValue` says which segments a parameter may stand for; default: all that are not empty. */
  constructor(isValue: ValueTest = isFilled) {
    this.#isValue = isValue;
  }

  get isEmpty(): boolean {
    return this.#empty;
  }

  /** Adds a rule under its template; a rule without one matches every path. */
  add(template: PathTemplate | null, rule: Rule): void {
    this.#empty = false;
    let node = this.#root;
    for (const segment of template?.segments ?? []) {
      if ("param" in segment) {
        node.param ??= newNode();
        node = node.param;
      } else {
        let child = node.literals.get(segment.literal);
        if (child === undefined) {
          child = newNode();
          node.literals.set(segment.literal, child);
        }
        node = child;
      }
    }
    (template === null || template.rest ? node.below : node.here).push(rule);
  }

  /** All rules whose template matches the segments, in no particular order. Visits each node of the tree at most once. */
  find(segments: readonly string[]): readonly Rule[] {
    const found: Rule[] = [];
    this.#visit(this.#root, segments, 0, found);
    return found;
  }

  #visit(node: Node<Rule>, segments: readonly string[], depth: number, found: Rule[]): void {
    for (const rule of node.below) found.push(rule);
    const segment = segments[depth];
    if (segment === undefined) {
      for (const rule of node.here) found.push(rule);
      return;
    }
    const literal = node.literals.get(segment);
    if (literal !== undefined) this.#visit(literal, segments, depth + 1, found);
    if (node.param !== null && this.#isValue(segment)) this.#visit(node.param, segments, depth + 1, found);
  }
}

type ValueTest = (segment: string) => boolean;

const isFilled: ValueTest = (segment) => segment !== "";

/**
 * What a parameter of an allow stands for. Not `;x`, which is empty to servers that cut parameters off, and not a
 * `{placeholder}` that a client has forgotten to fill in.
 */
export const isPlainValue: ValueTest = (segment) =>
  segment !== "" && !segment.startsWith(";") && !(segment.startsWith("%") && NO_VALUE.test(segment));

const NO_VALUE = /^(?:%3B|%7B[A-Za-z_][A-Za-z0-9_]*%7D$)/;

interface Node<Rule> {
  readonly literals: Map<string, Node<Rule>>;
  param: Node<Rule> | null;
  readonly here: Rule[];
  readonly below: Rule[];
}

const newNode = <Rule>(): Node<Rule> => ({ literals: new Map(), param: null, here: [], below: [] });
