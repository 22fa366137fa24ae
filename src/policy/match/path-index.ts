import type { PathTemplate } from "./path-template.js";

/**
 * Rules by path, as a tree of segments, so that the cost of finding the candidates depends on the length of the path and
 * not on the number of rules.
 */
export class PathIndex<Rule> {
  readonly #root: Node<Rule> = newNode();
  readonly #isValue: ValueTest;
  readonly #extensions: boolean;
  #empty = true;

  /**
   * `isValue` says which segments a parameter may stand for; default: all that are not empty. With `extensions`, a literal also
   * stands for itself with an extension where the path ends: for many servers `/users.json` is `/users`.
   */
  constructor({
    isValue = isFilled,
    extensions = false,
  }: { readonly isValue?: ValueTest; readonly extensions?: boolean } = {}) {
    this.#isValue = isValue;
    this.#extensions = extensions;
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
        const key = segment.any ? "any" : "param";
        node[key] ??= newNode();
        node = node[key];
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
    if (node.param !== null && this.#isValue(segment, false)) this.#visit(node.param, segments, depth + 1, found);
    if (node.any !== null && this.#isValue(segment, true)) this.#visit(node.any, segments, depth + 1, found);
    if (!this.#extensions || depth + 1 < segments.length) return;
    for (const stem of stemsOf(segment)) {
      const bare = node.literals.get(stem);
      if (bare !== undefined) this.#visit(bare, segments, depth + 1, found);
    }
  }
}

/** Whether a parameter may stand for a segment; `any` says that its type is `any`. */
type ValueTest = (segment: string, any: boolean) => boolean;

const isFilled: ValueTest = (segment) => segment !== "";

/** `report` of `report.tar.gz`, and `report.tar`. */
function stemsOf(segment: string): readonly string[] {
  const stems: string[] = [];
  let rest = segment;
  while (stems.length < MAX_EXTENSIONS) {
    const extension = EXTENSION.exec(rest);
    if (extension === null || extension.index === 0) break;
    rest = rest.slice(0, extension.index);
    stems.push(rest);
  }
  return stems;
}

const EXTENSION = /\.[a-z][a-z0-9]{0,9}$/i;
const MAX_EXTENSIONS = 4;

interface Node<Rule> {
  readonly literals: Map<string, Node<Rule>>;
  param: Node<Rule> | null;
  any: Node<Rule> | null;
  readonly here: Rule[];
  readonly below: Rule[];
}

const newNode = <Rule>(): Node<Rule> => ({ literals: new Map(), param: null, any: null, here: [], below: [] });
