import { type BodyView, mayHoldFields } from "../../request/body/body.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { decodeEscapes } from "../../request/escapes.js";
import type { Clause, Subject } from "../clauses.js";
import type { MatcherDocument, RuleDocument } from "../document/document.js";
import { parsePointer } from "../document/pointer.js";
import { fieldSpelling, isInside, type SpellingTest, upTo } from "../names.js";

/** Where many frameworks look for a parameter, one place after the other: a name there can stand for one in another place. */
type NamePlace = "query" | "body" | "path";

/** Whether a request has a name in a place where the rule does not look for it. */
type ElsewhereTest = (subject: Subject) => boolean;

/** Whether a matcher says anything of the value: what may be there or not, and be anything, is not constrained. */
export const constrains = (document: MatcherDocument): boolean =>
  !(typeof document === "object" && document !== null && Object.keys(document).join() === "optional");

/**
 * A rule judges `amount` in the body, and a server that merges its parameters (PHP, Rails, Express, Sinatra, Servlets) takes
 * `?amount=`, a form part or `;amount=` instead. Nobody knows which it takes, so that is doubt: a deny fires, an allow fails.
 * Unless the rule looks at the name there as well, or says that the service ignores it there.
 */
export function doubtedElsewhere(clause: Clause, rule: RuleDocument, place: "query" | "body", key: string): Clause {
  const name = place === "query" ? key : parsePointer(key)?.tokens[0];
  // The whole body, or an element of a list, has no name that could be anywhere else.
  if (name === undefined || name === "" || /^(?:\*|[0-9]+)$/.test(name)) return clause;
  const places = (["query", "body", "path"] as const).filter(
    (other) => other !== place && rule.serviceIgnores?.includes(other) !== true && !looksThere(rule, other, name),
  );
  const tests = places.map((other) => TESTS[other](name));
  const isElsewhere: ElsewhereTest = (subject) => tests.some((test) => test(subject));
  return {
    ...clause,
    readsFields: clause.readsFields === true || places.includes("body"),
    holds:
      rule.effect === "deny"
        ? (subject) => clause.holds(subject) || isElsewhere(subject)
        : (subject) => clause.holds(subject) && !isElsewhere(subject),
    got: (subject) => (isElsewhere(subject) ? `the name ${name} in another place, too` : clause.got(subject)),
  };
}

function looksThere({ query = {}, body = {} }: RuleDocument, place: NamePlace, name: string): boolean {
  if (place === "path") return false;
  const names =
    place === "query" ? Object.keys(query) : Object.keys(body).map((text) => parsePointer(text)?.tokens[0] ?? "");
  return names.some((other) => fieldSpelling(other)(name) || fieldSpelling(name)(other));
}

const TESTS: Readonly<Record<NamePlace, (name: string) => ElsewhereTest>> = {
  query: (name) => {
    const isName = within(name);
    return ({ request }) => request.query.some(([key]) => isName(key));
  },
  path: (name) => {
    const isName = within(name);
    return ({ request }) => matrixNames(request).some(isName);
  },
  body: (name) => {
    const isField = within(name);
    const isMember = within(upTo(name, "["));
    return ({ request, body }) => (mayHoldFields(request.declaredBody) ? hasField(body(), isField, isMember) : false);
  },
};

/** The name, another spelling of it, or what is inside of it: `to[type]`, `to.type`. */
function within(name: string): SpellingTest {
  const isSpelling = fieldSpelling(name);
  return (key) => isInside(key, isSpelling);
}

function hasField(body: BodyView, isField: SpellingTest, isMember: SpellingTest): boolean {
  switch (body.kind) {
    case "none":
      return false;
    case "json":
      return typeof body.value === "object" && body.value !== null && Object.keys(body.value).some(isMember);
    case "form":
      return body.pairs.some(([key]) => isField(key));
    case "opaque":
      return body.names?.some(isField) ?? true;
    default:
      return true;
  }
}

/** Names of the path's matrix parameters: `/orders;amount=5/lines` (RFC 3986 section 3.3). */
function matrixNames({ path, segments }: CanonicalRequest): readonly string[] {
  if (!path.includes(";") && !path.includes("%3B")) return [];
  return segments.flatMap((segment) =>
    (decodeEscapes(segment) ?? segment)
      .split(";")
      .slice(1)
      .map((parameter) => upTo(parameter, "=")),
  );
}
