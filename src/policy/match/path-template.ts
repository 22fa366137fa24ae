import type { ConfigurationProblem } from "../../errors/guard-error.js";
import { canonicalEscapes } from "../../request/escapes.js";

/**
 * One piece of a path template: literal text, or a parameter that stands for exactly one non-empty segment. Of an allow it
 * stands for a plain value, unless its type is `any`.
 */
export type TemplateSegment = { readonly literal: string } | { readonly param: string; readonly any: boolean };

/** A parsed path template. `rest` is a trailing `/**`: the path itself and everything below it. */
export interface PathTemplate {
  readonly segments: readonly TemplateSegment[];
  readonly rest: boolean;
  readonly text: string;
}

const PARAMETER = /^\{([A-Za-z_][A-Za-z0-9_]{0,63})(?::([a-z]+))?\}$/;

/** Parses a template; problems go to `report`. Literal text is written decoded (`/café`) and kept in canonical escapes. */
export function parsePathTemplate(text: string, report: (message: string) => void): PathTemplate | null {
  let sound = true;
  const problem = (message: string): void => {
    sound = false;
    report(message);
  };
  if (/[?#]/.test(text)) problem("must not hold a query or a fragment; use `query`");
  if (text.includes("%"))
    problem("must be written without percent-escapes: literal text is compared after normalisation");
  if (text.includes("\\") || /[\u0000-\u001f\u007f]/.test(text))
    problem("must not hold a backslash or a control character");
  const rest = text === "/**" || text.endsWith("/**");
  const body = rest ? text.slice(0, -3) : text;
  const names = new Set<string>();
  const pieces = rest && body === "" ? [] : body.slice(1).split("/");
  const segments = pieces.map((piece): TemplateSegment => {
    const [, name, type] = PARAMETER.exec(piece) ?? [];
    if (name !== undefined) {
      if (type !== undefined && type !== "any")
        problem(`has a parameter of type ${type}; the only type is {${name}:any}`);
      if (names.has(name)) problem(`has the parameter {${name}} twice`);
      names.add(name);
      return { param: name, any: type === "any" };
    }
    if (/^\.{1,2}$/.test(piece)) problem("must not hold a dot segment: it would never match");
    if (/[{}]/.test(piece)) problem("has a brace outside a whole-segment parameter such as {id}");
    if (piece.includes("*")) problem("has a * that is not a trailing /**");
    return { literal: canonicalEscapes(piece, "path") ?? piece };
  });
  return sound ? { segments, rest, text } : null;
}

/** The template's parameters and where they stand. */
export const templateParams = (template: PathTemplate): ReadonlyMap<string, number> =>
  new Map(template.segments.flatMap((segment, index) => ("param" in segment ? [[segment.param, index] as const] : [])));

/** Reports problems of one rule's template under its pointer. */
export const pathReporter =
  (pointer: string, report: (problem: ConfigurationProblem) => void) =>
  (message: string): void =>
    report({ pointer, message });
