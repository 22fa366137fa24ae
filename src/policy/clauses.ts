import type { ConfigurationProblem } from "../errors.js";
import type { BodyView } from "../request/body.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { headerValues } from "../request/headers.js";
import type { DecisionContext } from "./context.js";
import type { MatcherDocument, RuleDocument } from "./document.js";
import { compileMatcher, type Matcher } from "./matcher.js";
import { ABSENT, type Pointer, parsePointer, pointerToken, valuesAt } from "./pointer.js";

/** What a clause looks at. `params` are the decoded path parameters of the rule being tried. */
export interface Subject {
  readonly request: CanonicalRequest;
  /** Reads the body at most once, and only when some clause asks. */
  readonly body: () => BodyView;
  readonly context: DecisionContext;
  readonly params: (name: string) => string | undefined;
}

/** One condition of a rule. */
export interface Clause {
  /** How an explanation names it: `query format`, `body /amount`. */
  readonly name: string;
  readonly expected: string;
  /** Whether it needs the body to be read. */
  readonly readsBody: boolean;
  readonly holds: (subject: Subject) => boolean;
  /** The kind of value found, for an explanation. */
  readonly got: (subject: Subject) => string;
}

type Report = (problem: ConfigurationProblem) => void;

/** Values to compare, or `doubt` where they could not be read: that fails an allow and fires a deny. */
type Values = readonly unknown[] | "doubt";

/** All conditions of a rule besides method and path. `deny` turns every doubt the other way. */
export function compileClauses(rule: RuleDocument, pointer: string, report: Report): readonly Clause[] {
  const deny = rule.effect === "deny";
  const clauses: Clause[] = [];
  const each = (
    part: "params" | "query" | "headers" | "body" | "who",
    read: (key: string, at: string) => (subject: Subject) => Values,
  ): void => {
    for (const [key, document] of Object.entries(rule[part] ?? {})) {
      const at = `${pointer}/${part}/${pointerToken(key)}`;
      clauses.push(clause(`${part} ${key}`, document, at, read(key, at), deny, part === "body", report));
    }
  };
  each("who", (key, at) => {
    const where = pointerOr(key, at, report);
    return ({ context }) => valuesAt(context, where, false);
  });
  each(
    "params",
    (key) =>
      ({ params }) =>
        optionalValue(params(key)),
  );
  each(
    "query",
    (key) =>
      ({ request }) =>
        namedValues(request.query, key, deny),
  );
  each(
    "headers",
    (key) =>
      ({ request }) =>
        headerValues(request.headers, key.toLowerCase()),
  );
  each("body", (key, at) => {
    const where = pointerOr(key, at, report);
    return ({ body }) => bodyValues(body(), where, deny);
  });
  if (rule.exact?.includes("query") === true) clauses.push(exactQuery(Object.keys(rule.query ?? {})));
  if (rule.exact?.includes("body") === true) clauses.push(exactBody(Object.keys(rule.body ?? {}), deny));
  return clauses;
}

function clause(
  name: string,
  document: MatcherDocument,
  at: string,
  read: (subject: Subject) => Values,
  deny: boolean,
  readsBody: boolean,
  report: Report,
): Clause {
  const matcher = compileMatcher(document, at, report);
  return {
    name,
    expected: matcher.expected,
    readsBody,
    holds: (subject) => (deny ? fires(read(subject), matcher) : passes(read(subject), matcher)),
    got: (subject) => kindOf(read(subject)),
  };
}

/** In an allow or approve rule every value must match, and doubt fails. */
function passes(values: Values, matcher: Matcher): boolean {
  if (values === "doubt") return false;
  if (values.length === 0) return matcher.whenAbsent;
  return values.every((value) => (value === ABSENT ? matcher.whenAbsent : matcher.test(value) === "yes"));
}

/** In a deny rule one value is enough, and doubt fires. */
function fires(values: Values, matcher: Matcher): boolean {
  if (values === "doubt") return true;
  if (values.length === 0) return matcher.whenAbsent;
  return values.some((value) => (value === ABSENT ? matcher.whenAbsent : matcher.test(value) !== "no"));
}

const optionalValue = (value: string | undefined): Values => (value === undefined ? [] : [value]);

function namedValues(
  pairs: readonly (readonly [string, string])[],
  name: string,
  foldCase: boolean,
): readonly string[] {
  const values: string[] = [];
  const folded = foldCase ? name.toLowerCase() : name;
  for (const [key, value] of pairs) if ((foldCase ? key.toLowerCase() : key) === folded) values.push(value);
  return values;
}

function bodyValues(body: BodyView, pointer: Pointer, deny: boolean): Values {
  switch (body.kind) {
    case "none":
      return [];
    case "json":
      return valuesAt(body.value, pointer, deny);
    case "form":
      return formValues(body.pairs, pointer, deny);
    default:
      return "doubt";
  }
}

/** A form is flat: `/name` is a field. `destination[type]` is a nested field to some servers, so a deny below `/destination` is in doubt. */
function formValues(pairs: readonly (readonly [string, string])[], pointer: Pointer, deny: boolean): Values {
  const [name, ...deeper] = pointer.tokens;
  if (name === undefined) return "doubt";
  if (deeper.length === 0) return namedValues(pairs, name, deny);
  const nested = pairs.some(([key]) => key.toLowerCase().startsWith(name.toLowerCase()));
  return nested && deny ? "doubt" : [];
}

function exactQuery(names: readonly string[]): Clause {
  const listed = new Set(names);
  const extra = ({ request }: Subject): boolean => request.query.some(([name]) => !listed.has(name));
  return {
    name: "exact query",
    expected: names.length === 0 ? "no query parameters" : `no query parameter but ${names.join(", ")}`,
    readsBody: false,
    holds: (subject) => !extra(subject),
    got: () => "another parameter",
  };
}

function exactBody(pointers: readonly string[], deny: boolean): Clause {
  const listed = pointers.map((text) => parsePointer(text)?.tokens ?? []);
  const covers = (path: readonly string[]): boolean =>
    listed.some(
      (tokens) => tokens.length === path.length && tokens.every((token, i) => token === "*" || token === path[i]),
    );
  const holds = (subject: Subject): boolean => {
    const body = subject.body();
    if (body.kind === "none") return true;
    if (body.kind === "form") return body.pairs.every(([name]) => covers([name]));
    return body.kind === "json" ? leaves(body.value, [], covers) : deny;
  };
  return {
    name: "exact body",
    expected: pointers.length === 0 ? "no body fields" : `no body field but ${pointers.join(", ")}`,
    readsBody: true,
    holds,
    got: () => "another field",
  };
}

/** Whether every leaf, an empty object or array included, is covered. */
function leaves(value: unknown, path: readonly string[], covers: (path: readonly string[]) => boolean): boolean {
  if (covers(path)) return true;
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  return entries.length > 0
    ? entries.every(([key, inner]) => leaves(inner, [...path, key], covers))
    : path.length === 0;
}

function pointerOr(text: string, at: string, report: Report): Pointer {
  const pointer = parsePointer(text);
  if (pointer !== null) return pointer;
  report({
    pointer: at,
    message: 'is not a JSON Pointer: it must start with "/", and "~" be written "~0", "/" in a name "~1"',
  });
  return { tokens: [], text };
}

const kindOf = (values: Values): string => {
  if (values === "doubt") return "a body that cannot be read";
  const value = values.find((one) => one !== ABSENT);
  if (value === undefined) return "absent";
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
};
