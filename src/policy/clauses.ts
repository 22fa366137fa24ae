import type { ConfigurationProblem } from "../errors/guard-error.js";
import type { BodyView } from "../request/body/body.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { decodeEscapes } from "../request/escapes.js";
import type { DecisionContext } from "./context.js";
import type { MatcherDocument, RuleDocument } from "./document/document.js";
import { ABSENT, DOUBT, type Pointer, parsePointer, pointerToken, valuesAt } from "./document/pointer.js";
import { constrains, doubtedElsewhere } from "./match/elsewhere.js";
import { exactBody, exactQuery } from "./match/exact.js";
import type { FoldedPath } from "./match/folded-path.js";
import { compileMatcher } from "./match/matcher.js";
import { bodyReader, everyMatches, headerReader, queryReader, someMatches, type Values } from "./match/values.js";
import { compileOperationClauses, type Operation } from "./operation.js";
import { whenClause } from "./when.js";

/** What a clause looks at. */
export interface Subject {
  readonly request: CanonicalRequest;
  /** Reads the body at most once, and only when some clause asks. */
  readonly body: () => BodyView;
  readonly context: DecisionContext;
  /** For a deny: the reading of the path that is being tried. */
  readonly path?: FoldedPath;
  /** At an endpoint: the operation that is being tried. */
  readonly operation?: Operation;
}

/** One condition of a rule. */
export interface Clause {
  /** How an explanation names it: `query format`, `body /amount`. */
  readonly name: string;
  readonly expected: string;
  /** Whether it needs the body to be read. */
  readonly readsBody: boolean;
  /** Whether it needs to know which fields the body has, where it has any. */
  readonly readsFields?: boolean;
  readonly holds: (subject: Subject) => boolean;
  /** The kind of value found, for an explanation. */
  readonly got: (subject: Subject) => string;
}

type Report = (problem: ConfigurationProblem) => void;
type Part = "params" | "query" | "headers" | "body" | "who";
type Read = (subject: Subject) => Values;

/**
 * All conditions of a rule besides method and path. `params` says where the path parameters stand. A deny turns every
 * doubt the other way.
 */
export function compileClauses(
  rule: RuleDocument,
  params: ReadonlyMap<string, number>,
  pointer: string,
  report: Report,
): readonly Clause[] {
  const deny = rule.effect === "deny";
  const clauses: Clause[] = [...compileOperationClauses(rule, pointer, report)];
  const each = (part: Part, reader: (key: string, at: string, document: MatcherDocument) => Read): void => {
    for (const [key, document] of Object.entries(rule[part] ?? {})) {
      const at = `${pointer}/${part}/${pointerToken(key)}`;
      const compiled = clause(`${part} ${key}`, document, at, reader(key, at, document), deny, part === "body", report);
      if (part === "headers") clauses.push(explainedHeader(compiled, key));
      else if (part === "query" || part === "body")
        clauses.push(constrains(document) ? doubtedElsewhere(compiled, rule, part, key) : compiled);
      else clauses.push(compiled);
    }
  };
  each("who", (key, at) => {
    const where = whoPointer(key, at, report);
    return ({ context }) => valuesAt(context, where, "plain");
  });
  if (rule.when !== undefined) clauses.push(whenClause(rule.when, deny, `${pointer}/when`, report));
  each("params", (key) => paramReader(params.get(key) ?? -1, deny));
  each("query", (key) => {
    const read = queryReader(key, deny);
    return ({ request }) => read(request.query);
  });
  each("headers", (key, _at, document) => {
    const read = headerReader(key, document, deny);
    return ({ request }) => read(request.headers);
  });
  each("body", (key, at) => {
    const read = bodyReader(pointerOr(key, at, report), deny);
    return ({ body }) => read(body());
  });
  if (rule.exact?.includes("query") === true) clauses.push(exactQuery(Object.keys(rule.query ?? {})));
  if (rule.exact?.includes("body") === true) clauses.push(exactBody(Object.keys(rule.body ?? {}), deny));
  return clauses;
}

function clause(
  name: string,
  document: MatcherDocument,
  at: string,
  read: Read,
  deny: boolean,
  readsBody: boolean,
  report: Report,
): Clause {
  const matcher = compileMatcher(document, at, report);
  return {
    name,
    expected: matcher.expected,
    readsBody,
    holds: deny ? (subject) => someMatches(read(subject), matcher) : (subject) => everyMatches(read(subject), matcher),
    got: (subject) => kindOf(read(subject)),
  };
}

/** A field that the agent sent and that was left out is not simply absent to whoever looks for the reason. */
const explainedHeader = (compiled: Clause, name: string): Clause => ({
  ...compiled,
  got: (subject) =>
    subject.request.droppedHeaders.includes(name.toLowerCase())
      ? "nothing, since the field was left out"
      : compiled.got(subject),
});

/** A path parameter, decoded. A deny compares it both as it is and as it compares the rest of the path. */
function paramReader(index: number, deny: boolean): Read {
  if (!deny) return ({ request }) => [decodeEscapes(request.segments[index] ?? "") ?? DOUBT];
  return ({ path }) => [path?.values[index] ?? DOUBT, path?.segments[index] ?? DOUBT];
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

/** A misspelt first name would make a deny that never fires. */
function whoPointer(text: string, at: string, report: Report): Pointer {
  const pointer = pointerOr(text, at, report);
  const [root] = pointer.tokens;
  if (root !== undefined && root !== "principal" && root !== "agent" && root !== "session")
    report({ pointer: at, message: "must point into /principal, /agent or /session" });
  return pointer;
}

const kindOf = (values: Values): string => {
  if (values.includes(DOUBT)) return "something that cannot be read for certain";
  const value = values.find((one) => one !== ABSENT);
  if (value === undefined) return "absent";
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
};
