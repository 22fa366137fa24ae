import { foldCase } from "../../request/body/json.js";
import { decodeEscapes } from "../../request/escapes.js";
import type { PathTemplate } from "./path-template.js";

/**
 * A path as a deny rule reads it: one way in which some server could take it for the denied one. Decoded, in one case,
 * compatibility forms normalised (NFKC), without empty segments, invisible characters and the dots and blanks at the end
 * of a name that Windows drops.
 */
export interface FoldedPath {
  /** What is compared. */
  readonly segments: readonly string[];
  /** The same places as they were written, for parameter matchers. */
  readonly values: readonly string[];
}

/** Lower-case names without escapes, parameters or empty segments: nothing to fold. */
const FOLDED_ALREADY = /^(?:\/[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)+$/;

/**
 * All readings of a path: with its `;parameters`, and without, as servlet containers see it; with `%2F` inside a segment,
 * and as a separator.
 */
export function foldedPaths(path: string, segments: readonly string[], encodedSlash: boolean): readonly FoldedPath[] {
  if (FOLDED_ALREADY.test(path)) return [{ segments, values: segments }];
  const decoded = segments.map((segment) => decodeEscapes(segment) ?? segment);
  const readings = encodedSlash ? [decoded, decoded.flatMap((segment) => segment.split("/"))] : [decoded];
  return readings.flatMap((reading) =>
    path.includes(";") || path.includes("%3B")
      ? [fold(reading), fold(reading.map(withoutParameters))]
      : [fold(reading)],
  );
}

function fold(decoded: readonly string[]): FoldedPath {
  const values = decoded.filter((segment) => segment !== "");
  return { values, segments: values.map(foldSegment) };
}

/** The template of a deny rule, folded so that both sides meet. */
export function foldTemplate(template: PathTemplate): PathTemplate {
  const segments = template.segments
    .map((segment) => ("param" in segment ? segment : { literal: foldLiteral(segment.literal) }))
    .filter((segment) => "param" in segment || segment.literal !== "");
  return { ...template, segments };
}

const foldLiteral = (literal: string): string => foldSegment(withoutParameters(decodeEscapes(literal) ?? literal));

const withoutParameters = (segment: string): string => {
  const semicolon = segment.indexOf(";");
  return semicolon === -1 ? segment : segment.slice(0, semicolon);
};

const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** Never empties a segment that has something in it: `{id}` stands for any such. */
const foldSegment = (segment: string): string => {
  const visible = withoutTail(foldCase(segment.replace(INVISIBLE, "").normalize("NFKC")));
  return visible === "" ? segment : visible;
};

function withoutTail(segment: string): string {
  let end = segment.length;
  while (end > 0 && (segment[end - 1] === "." || segment[end - 1] === " ")) end--;
  return segment.slice(0, end);
}
