import type { DecisionContext } from "../context.js";
import type { Effect } from "../document/document.js";
import type { Policy, PolicyRequest } from "../policy.js";

/**
 * One expectation. `normalise` counts as allow. Skipped is what needs more than this policy: a `level` other than `decision`, an
 * `env`, another `policy`.
 */
export interface PolicyCase {
  readonly id?: string;
  readonly description?: string;
  readonly request: Omit<PolicyRequest, "headers"> & { readonly headers?: PolicyRequest["headers"] | null };
  readonly context?: DecisionContext;
  readonly expect: Effect | "normalise";
  readonly accept_also?: readonly (Effect | "normalise")[] | null;
  /** The id of the rule that must have decided. */
  readonly rule?: string;
  readonly level?: string;
  /** What must be so around the request. */
  readonly env?: unknown;
  /** The id or another name of the policy that the case is for. */
  readonly policy?: string;
}

export interface PolicyCaseResult {
  readonly name: string;
  readonly outcome: "pass" | "miss" | "skipped";
  readonly expected: string;
  readonly got?: { readonly effect: Effect; readonly code: string; readonly rule?: string };
}

export interface PolicyTestReport {
  readonly passed: number;
  readonly missed: number;
  readonly skipped: number;
  readonly results: readonly PolicyCaseResult[];
}

/** Asks the policy about every case. `context` is for cases that bring none; `names` are what else cases call the policy. */
export function testPolicy(
  policy: Policy,
  cases: readonly PolicyCase[],
  context: DecisionContext,
  names: readonly string[] = [],
): PolicyTestReport {
  const isOurs = (name: string): boolean => name === policy.id || names.includes(name);
  const results = cases.map((one, index) => resultOf(policy, one, index, context, isOurs));
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  return { passed: count("pass"), missed: count("miss"), skipped: count("skipped"), results };
}

function resultOf(
  policy: Policy,
  one: PolicyCase,
  index: number,
  context: DecisionContext,
  isOurs: (name: string) => boolean,
): PolicyCaseResult {
  const name = one.id ?? one.description ?? `case ${index + 1}`;
  const accepted = [one.expect, ...(one.accept_also ?? [])].map((word) => (word === "normalise" ? "allow" : word));
  const expected = [...new Set(accepted)].join(" or ") + (one.rule === undefined ? "" : ` by ${one.rule}`);
  const needsMore = (one.level ?? "decision") !== "decision" || (one.env ?? null) !== null;
  if (needsMore || (one.policy !== undefined && !isOurs(one.policy))) return { name, outcome: "skipped", expected };
  const { method, url, headers, body = null } = one.request;
  const { effect, code, rule } = policy.decide({ method, url, headers: headers ?? {}, body }, one.context ?? context);
  const holds = accepted.includes(effect) && (one.rule === undefined || one.rule === rule);
  const got = { effect, code, ...(rule === undefined ? {} : { rule }) };
  return { name, outcome: holds ? "pass" : "miss", expected, got };
}
