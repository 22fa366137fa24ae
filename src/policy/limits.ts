import type { ConfigurationProblem } from "../errors/guard-error.js";
import type { Clause, Subject } from "./clauses.js";
import type { Limit } from "./decision.js";
import type { LimitDocument, RuleDocument } from "./document/document.js";
import { parseDuration } from "./document/duration.js";
import { DOUBT, type Pointer, parsePointer, valuesAt } from "./document/pointer.js";
import { doubtedElsewhere } from "./match/elsewhere.js";
import { compileMatcher } from "./match/matcher.js";
import { bodyReader, everyMatches, type Values } from "./match/values.js";
import { operationProtocol, operationRoot } from "./operation.js";

/** A limit of a rule, and how much of it one operation uses up. */
export interface CompiledLimit {
  readonly terms: Omit<Limit, "amount">;
  readonly amountOf: (subject: Subject) => number;
}

/** How much of which limits one request uses up; the operations of a batch or an envelope add up. */
export type Usage = Map<CompiledLimit, number>;

type Report = (problem: ConfigurationProblem) => void;
type Limited = { readonly limits: readonly CompiledLimit[] };

/**
 * The limits of a rule, and the clauses they bring along: what is summed must be there and be a number of at least 0, or the
 * rule does not match. Otherwise a negative amount would give back what earlier calls have used.
 */
export function compileLimits(
  rule: RuleDocument,
  pointer: string,
  report: Report,
): { readonly limits: readonly CompiledLimit[]; readonly clauses: readonly Clause[] } {
  if (rule.limits !== undefined && rule.effect === "deny")
    report({ pointer: `${pointer}/limits`, message: "a deny rule lets nothing through that could be counted" });
  const clauses: Clause[] = [];
  const seen = new Set<string>();
  const limits = (rule.limits ?? []).map((document, index): CompiledLimit => {
    const at = `${pointer}/limits/${index}`;
    const windowMs = parseDuration(document.per) ?? 0;
    const counts = "requests" in document ? "requests" : document.sum;
    const same = `${counts} ${document.by} ${windowMs}`;
    if (seen.has(same)) report({ pointer: at, message: "the same is limited twice" });
    seen.add(same);
    const terms = { rule: rule.id, by: document.by, windowMs, counts };
    if ("requests" in document) return { terms: { ...terms, max: document.requests }, amountOf: timesOf };
    const read = sumReader(rule, document.sum, `${at}/sum`, report);
    const isBody = operationProtocol(rule) === null;
    const clause = sumClause(document, at, read, isBody, report);
    clauses.push(isBody ? doubtedElsewhere(clause, rule, "body", document.sum) : clause);
    return {
      terms: { ...terms, max: document.max },
      amountOf: (subject) => read(subject).reduce<number>((sum, value) => sum + Number(value), 0),
    };
  });
  return { limits, clauses };
}

/** A mutation under ten aliases is done ten times. */
const timesOf = ({ operation }: Subject): number => (operation?.protocol === "graphql" ? operation.times : 1);

/** Adds to `usage` what an operation uses up of the limits of the rules that let it through. */
export function addUsage(usage: Usage, matching: readonly Limited[], subject: Subject): Usage {
  for (const { limits } of matching) {
    for (const limit of limits) usage.set(limit, (usage.get(limit) ?? 0) + limit.amountOf(subject));
  }
  return usage;
}

/** The limits that a request is held to, with what it uses up of each. */
export const limitsOf = (usage: Usage): readonly Limit[] =>
  Object.freeze([...usage].map(([{ terms }, amount]) => Object.freeze({ ...terms, amount })));

const AMOUNT = { gte: 0 } as const;

function sumClause(
  { sum }: LimitDocument & { readonly sum: string },
  pointer: string,
  read: (subject: Subject) => Values,
  readsBody: boolean,
  report: Report,
): Clause {
  const matcher = compileMatcher(AMOUNT, pointer, report);
  return {
    name: `limit ${sum}`,
    expected: "a number of at least 0",
    readsBody,
    holds: (subject) => everyMatches(read(subject), matcher),
    got: () => "something else",
  };
}

/** What is summed: in the body, or in the arguments or params of a message. */
function sumReader(rule: RuleDocument, text: string, at: string, report: Report): (subject: Subject) => Values {
  const pointer = parsePointer(text);
  if (pointer === null) report({ pointer: at, message: "is not a JSON Pointer" });
  const protocol = operationProtocol(rule);
  if (protocol === "graphql")
    report({ pointer: at, message: "what a GraphQL operation asks for cannot be summed; limit its requests" });
  if (pointer === null || protocol === "graphql") return () => [DOUBT];
  if (protocol !== null) return operationReader(pointer);
  const read = bodyReader(pointer, false);
  return ({ body }) => read(body());
}

const operationReader =
  (pointer: Pointer) =>
  ({ operation }: Subject): Values =>
    operation === undefined ? [DOUBT] : valuesAt(operationRoot(operation), pointer, "strict");
