import { decodeEscapes } from "../request/escapes.js";

/**
 * A path as a deny rule reads it: every way in which some server could take it for the denied one. Decoded, in one case,
 * compatibility forms normalised (NFKC), without empty segments, trailing slash or `;parameters`.
 */
export interface FoldedPath {
  /** What is compared. */
  readonly segments: readonly string[];
  /** The same places in their own case, for parameter matchers. */
  readonly values: readonly string[];
}

/** The readings of a path: one, or two where `%2F` may or may not separate segments downstream. */
export function foldedPaths(segments: readonly string[], encodedSlash: boolean): readonly FoldedPath[] {
  const decoded = segments.map((segment) => decodeEscapes(segment) ?? segment);
  const asData = fold(decoded);
  return encodedSlash ? [asData, fold(decoded.flatMap((segment) => segment.split("/")))] : [asData];
}

function fold(decoded: readonly string[]): FoldedPath {
  const values = decoded.map(withoutParameters).filter((segment) => segment !== "");
  return { values, segments: values.map(foldCase) };
}

const withoutParameters = (segment: string): string => {
  const semicolon = segment.indexOf(";");
  return semicolon === -1 ? segment : segment.slice(0, semicolon);
};

const foldCase = (segment: string): string => segment.normalize("NFKC").toLowerCase();

/** How a template's literal is folded, so that both sides meet. */
export const foldLiteral = (literal: string): string => foldCase(withoutParameters(decodeEscapes(literal) ?? literal));
