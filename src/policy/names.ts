import { foldCase } from "../request/body/json.js";

/** Whether a name in a request is another spelling of the one a rule speaks of. */
export type SpellingTest = (name: string) => boolean;

/**
 * Another spelling of a query parameter or form field is one that some server takes for it: in another case (ASP.NET),
 * with blanks before it or `.` and `[` for `_` (PHP), with brackets behind it (PHP, Rails, Express: `scope[]`), with or without
 * the `$` of OData (4.01 takes `expand` for `$expand`). A rule that names brackets itself, as in `page[size]`, keeps `page[number]` apart.
 */
export function fieldSpelling(wanted: string): SpellingTest {
  const folded = foldField(wanted);
  const cutsBrackets = !wanted.includes("[");
  return (name) => foldField(name) === folded || (cutsBrackets && foldField(upTo(name, "[")) === folded);
}

/** Another spelling of a header field: CGI, WSGI and PHP read `x_tenant` and `x-tenant` as one variable. Names are lower-case. */
export function headerSpelling(wanted: string): SpellingTest {
  const folded = wanted.replaceAll("_", "-");
  return (name) => name.includes("_") && name.replaceAll("_", "-") === folded;
}

/** Whether a form field could be something inside the field that `isField` knows: `to[type]`, `to.type`, or `to` with JSON in it. */
export const isInside = (name: string, isField: SpellingTest): boolean => isField(name) || isField(upTo(name, "."));

const foldField = (name: string): string =>
  foldCase(name.trim())
    .replace(/^\$/, "")
    .replace(/[. [\]]/g, "_");

/** A text up to a mark, or the whole of it. */
export const upTo = (text: string, mark: string): string => {
  const at = text.indexOf(mark);
  return at === -1 ? text : text.slice(0, at);
};
