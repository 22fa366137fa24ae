import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
import type { CanonicalRequest } from "../request/canonical.js";
import type { DecisionContext } from "./context.js";
import type { Decision, Obligations } from "./decision.js";
import type { RuleDocument } from "./document/document.js";
import { pointerToken } from "./document/pointer.js";
import { NO_OBLIGATIONS, sealed } from "./obligations.js";

/** A request as a predicate sees it: the canonical form that would be sent, in a copy of its own. */
export interface PredicateRequest {
  readonly method: string;
  readonly url: string;
  readonly origin: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | null;
}

/**
 * A condition in code. `true` leaves the decision as it is; `false` makes it what the rule says; an exception, a promise that
 * is not settled in time and anything but a boolean deny. It can only narrow: it is asked when the document permits already.
 */
export type Predicate = (request: PredicateRequest, context: DecisionContext) => boolean | Promise<boolean>;

/** Predicates by the names that rules use. */
export type Predicates = Readonly<Record<string, Predicate>>;

/** A predicate named in a rule, and what a `false` makes of the decision. */
export interface RulePredicate {
  readonly name: string;
  readonly otherwise: "approve" | "deny";
  readonly predicate: Predicate;
  /** How a person is asked where it comes to that. */
  readonly approval: NonNullable<Obligations["approval"]>;
}

/** A question that a decision still depends on. */
export interface PredicateCheck extends Omit<RulePredicate, "predicate"> {
  readonly rule: string;
  /** Asks; may throw or answer anything. */
  readonly ask: () => unknown;
}

/** What came of asking: anything but a boolean counts as `failed`. */
export type PredicateAnswer = boolean | "failed";

type Report = (problem: ConfigurationProblem) => void;

/** Reads the predicates given in code, once. @throws OptionsError */
export function readPredicates(given: Predicates = {}): ReadonlyMap<string, Predicate> {
  const read = new Map(Object.entries(given));
  const problems = [...read]
    .filter(([, predicate]) => typeof predicate !== "function")
    .map(([name]) => ({ pointer: `/predicates/${pointerToken(name)}`, message: "must be a function" }));
  if (problems.length > 0) throw new OptionsError(problems);
  return read;
}

/** The predicates of one rule. One that is not registered is a problem: without it the rule would permit more. */
export function compilePredicates(
  { effect, predicates = {} }: RuleDocument,
  approval: RulePredicate["approval"],
  registered: ReadonlyMap<string, Predicate>,
  pointer: string,
  report: Report,
): readonly RulePredicate[] {
  return Object.entries(predicates).flatMap(([name, otherwise]) => {
    const problem = (message: string): void => report({ pointer: `${pointer}/${pointerToken(name)}`, message });
    if (effect === "deny") problem("a deny rule holds whatever code says");
    if (effect === "approve" && otherwise === "approve") problem("the rule asks a person in any case");
    const predicate = registered.get(name);
    if (predicate !== undefined) return [{ name, otherwise, predicate, approval }];
    problem(`there is no predicate "${name}": give it to compilePolicy or createGuard`);
    return [];
  });
}

/** What is to be asked about one request that these rules permit. `unread` is a body that nobody can show to a predicate. */
export function checksOf(
  rules: readonly { readonly id: string; readonly predicates: readonly RulePredicate[] }[],
  request: CanonicalRequest,
  body: Uint8Array | null | "unread",
  context: DecisionContext,
): readonly PredicateCheck[] {
  if (rules.every(({ predicates }) => predicates.length === 0)) return NO_CHECKS;
  return rules.flatMap(({ id, predicates }) =>
    predicates.map(({ predicate, ...one }) => ({
      ...one,
      rule: id,
      ask: () => (body === "unread" ? "unread" : predicate(shownTo(request, body), frozenContext(context))),
    })),
  );
}

export const NO_CHECKS: readonly PredicateCheck[] = [];

/** A copy for each predicate: what one does to it reaches neither the wire nor the next one. */
const shownTo = (request: CanonicalRequest, body: Uint8Array | null): PredicateRequest =>
  Object.freeze({
    method: request.method,
    url: request.url,
    origin: request.origin,
    path: request.path,
    query: pairsOf(request.query),
    headers: pairsOf(request.headers),
    body: body === null ? null : new Uint8Array(body),
  });

const pairsOf = (pairs: PredicateRequest["query"]): PredicateRequest["query"] =>
  Object.freeze(pairs.map(([name, value]) => Object.freeze([name, value] as const)));

const frozenContext = (context: DecisionContext): DecisionContext => Object.freeze({ ...context });

/** Asks at once: a predicate that answers with a promise cannot be waited for here, and so has failed. */
export function answerNow({ ask }: PredicateCheck): PredicateAnswer {
  try {
    const answer = ask();
    if (typeof answer === "boolean") return answer;
    // Nobody else will look at a rejection.
    Promise.resolve(answer).catch(() => undefined);
  } catch {
    // As good as no answer.
  }
  return "failed";
}

/** The decision after all have answered, in the order of the checks: never wider than before. */
export function narrowed(
  decision: Decision,
  checks: readonly PredicateCheck[],
  answers: readonly PredicateAnswer[],
): Decision {
  const asked = checks
    .map((check, index) => ({ ...check, answer: answers[index] ?? "failed" }))
    .sort((a, b) => (`${a.rule} ${a.name}` < `${b.rule} ${b.name}` ? -1 : 1));
  const failed = asked.find(({ answer }) => answer !== true && answer !== false);
  if (failed !== undefined)
    return refusedBy(decision, failed, "DECISION_FAILED", `the predicate "${failed.name}" did not answer`);
  const saidNo = asked.filter(({ answer }) => answer !== true);
  const denying = saidNo.find(({ otherwise }) => otherwise === "deny");
  if (denying !== undefined)
    return refusedBy(decision, denying, "PREDICATE_REFUSED", `the predicate "${denying.name}" said no`);
  const [asking] = saidNo;
  if (asking === undefined || decision.effect !== "allow") return decision;
  return {
    ...decision,
    effect: "approve",
    code: "APPROVAL_REQUIRED",
    reason: `the predicate "${asking.name}" leaves this to a person`,
    rule: asking.rule,
    obligations: sealed({ ...decision.obligations, approval: asking.approval }),
  };
}

const refusedBy = (
  decision: Decision,
  { rule }: PredicateCheck,
  code: "DECISION_FAILED" | "PREDICATE_REFUSED",
  reason: string,
): Decision => ({ ...decision, effect: "deny", code, reason, rule, obligations: NO_OBLIGATIONS });
