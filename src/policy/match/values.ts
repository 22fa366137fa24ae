import type { BodyView } from "../../request/body/body.js";
import type { MatcherDocument } from "../document/document.js";
import { ABSENT, DOUBT, type Pointer, valuesAt } from "../document/pointer.js";
import { fieldSpelling, headerSpelling, isInside, type SpellingTest } from "../names.js";
import type { Matcher } from "./matcher.js";

/** What a clause found, {@link ABSENT} and {@link DOUBT} among it; empty where nothing is there at all. */
export type Values = readonly unknown[];

type Pairs = readonly (readonly [string, string])[];

/** In an allow or approve rule every value must match, and doubt fails. */
export function everyMatches(values: Values, matcher: Matcher): boolean {
  if (values.length === 0) return matcher.whenAbsent;
  return values.every((value) =>
    value === ABSENT ? matcher.whenAbsent : value !== DOUBT && matcher.test(value) === "yes",
  );
}

/** In a deny rule one value is enough, and doubt fires. */
export function someMatches(values: Values, matcher: Matcher): boolean {
  if (values.length === 0) return matcher.whenAbsent;
  return values.some((value) =>
    value === ABSENT ? matcher.whenAbsent : value === DOUBT || matcher.test(value) !== "no",
  );
}

/** Reads the values of one query parameter. Another spelling of it counts in a deny, and is doubt in an allow. */
export function queryReader(name: string, deny: boolean): (query: Pairs) => Values {
  const isSpelling = fieldSpelling(name);
  return (query) => namedValues(query, name, isSpelling, deny);
}

/**
 * Reads the values of one header field. Fetch joins a repeated field with commas, so a pattern is held against each member
 * of the list too; a value that a rule spells out is compared whole.
 */
export function headerReader(name: string, document: MatcherDocument, deny: boolean): (fields: Pairs) => Values {
  const wanted = name.toLowerCase();
  const isSpelling = headerSpelling(wanted);
  const wholeOnly = !deny && isSpelledOut(document);
  return (fields) => {
    const values = namedValues(fields, wanted, isSpelling, deny);
    return wholeOnly ? values : values.flatMap(withMembers);
  };
}

/** Reads what is at a pointer of the body. */
export function bodyReader(pointer: Pointer, deny: boolean): (body: BodyView) => Values {
  const [name = "", ...deeper] = pointer.tokens;
  const isSpelling = fieldSpelling(name);
  return (body) => {
    switch (body.kind) {
      case "none":
        return NOTHING;
      case "json":
        return valuesAt(body.value, pointer, deny ? "wide" : "strict");
      case "form":
        // A form is flat: what is deeper cannot be told from a field that holds it in some encoding.
        if (pointer.tokens.length === 0) return IN_DOUBT;
        if (deeper.length > 0)
          return body.pairs.some(([key]) => name === "*" || isInside(key, isSpelling)) ? IN_DOUBT : NOTHING;
        if (name === "*") return body.pairs.map(([, value]) => value);
        return namedValues(body.pairs, name, isSpelling, deny);
      default:
        return IN_DOUBT;
    }
  };
}

const NOTHING: Values = [];
const IN_DOUBT: Values = [DOUBT];

function namedValues(pairs: Pairs, name: string, isSpelling: SpellingTest, deny: boolean): Values {
  const values: unknown[] = [];
  let isThere = false;
  for (const [key, value] of pairs) {
    if (key === name) {
      isThere = true;
      values.push(value);
    } else if (isSpelling(key)) values.push(deny ? value : DOUBT);
  }
  // Under another spelling only: for a server that knows one spelling it is absent.
  if (deny && !isThere && values.length > 0) values.push(ABSENT);
  return values;
}

const withMembers = (value: unknown): Values =>
  typeof value === "string" && value.includes(",")
    ? [value, ...value.split(",").map((member) => member.trim())]
    : [value];

const SPELLING_OUT: ReadonlySet<string> = new Set(["eq", "in", "optional"]);

const isSpelledOut = (document: MatcherDocument): boolean =>
  typeof document !== "object" ||
  document === null ||
  Array.isArray(document) ||
  Object.keys(document).every((operator) => SPELLING_OUT.has(operator));
