import { canonicalEscapes, decodeEscapes } from "../../request/escapes.js";
import { compileExpression } from "../match/expression.js";
import type { PathTemplate, TemplateSegment } from "../match/path-template.js";

/** A path of the description. OpenAPI allows parameters inside a segment (`/files/{name}.json`), which rules do not. */
export interface OperationPath {
  readonly template: PathTemplate;
  /** For each segment: its own pattern where a parameter is inside it. */
  readonly patterns: readonly (((text: string) => boolean) | null)[];
  /** For each segment, how concrete it is: 0 parameter, 1 pattern, 2 literal. */
  readonly ranks: readonly number[];
  /** Two paths of one shape cannot be told apart. */
  readonly shape: string;
}

const WHOLE = /^\{([^{}]+)\}$/;

/**
 * Reads a path of the description, base path included; null where it is none. `lists` are parameters that are described as a list
 * or an object, and so are written with commas.
 */
export function readOperationPath(text: string, lists: ReadonlySet<string> = new Set()): OperationPath | null {
  if (!text.startsWith("/") || /[?#\\]/.test(text)) return null;
  const pieces = text.slice(1).split("/");
  const segments: TemplateSegment[] = [];
  const patterns: OperationPath["patterns"][number][] = [];
  for (const [index, piece] of pieces.entries()) {
    const name = WHOLE.exec(piece)?.[1];
    if (name !== undefined) segments.push({ param: name, any: lists.has(name) });
    else if (piece.includes("{")) segments.push({ param: `segment ${index + 1}`, any: true });
    else segments.push({ literal: canonicalEscapes(decodeEscapes(piece) ?? piece, "path") ?? piece });
    patterns.push(name === undefined && piece.includes("{") ? patternOf(piece) : null);
  }
  const ranks = segments.map((segment, index) => ("literal" in segment ? 2 : patterns[index] === null ? 0 : 1));
  const shape = pieces.map((piece) => piece.replace(/\{[^{}]+\}/g, "{}")).join("/");
  return { template: { segments, rest: false, text }, patterns, ranks, shape };
}

/** Without case, since a deny asks too. */
const patternOf = (piece: string): ((text: string) => boolean) =>
  compileExpression(
    `(?is)^${piece
      .split(/(\{[^{}]+\})/)
      .map((part) => (WHOLE.test(part) ? ".+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
      .join("")}$`,
  );

/** Whether decoded segments fit the patterns inside segments. */
export const fitsPatterns = ({ patterns }: OperationPath, decoded: readonly string[]): boolean =>
  patterns.every((pattern, index) => pattern === null || pattern(decoded[index] ?? ""));

/** Whether every segment of `a` is at least as concrete as that of `b`. */
export const isAsConcrete = (a: OperationPath, b: OperationPath): boolean =>
  a.ranks.every((rank, index) => rank >= (b.ranks[index] ?? 0));
