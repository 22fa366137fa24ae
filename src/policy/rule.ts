import type { ConfigurationProblem } from "../errors/guard-error.js";
import { METHODS, type Method } from "../request/method.js";
import { approvalTerms, checkApproval } from "./approval-terms.js";
import { type Clause, compileClauses } from "./clauses.js";
import type { Obligations } from "./decision.js";
import type { Effect, RecordLevel, RecordSync, RuleDocument } from "./document/document.js";
import { type CompiledLimit, compileLimits } from "./limits.js";
import { foldTemplate } from "./match/folded-path.js";
import { type PathTemplate, parsePathTemplate, pathReporter, templateParams } from "./match/path-template.js";
import { compileNarrowing, type Narrowing } from "./narrowing.js";
import { type NamedOperation, operationClause } from "./openapi/index.js";
import { type OperationProtocol, operationProtocol } from "./operation.js";
import { partPointer } from "./pins.js";
import { compilePredicates, type Predicate, type RulePredicate } from "./predicates.js";

/** A rule ready to be tried. */
export interface CompiledRule {
  readonly id: string;
  readonly effect: Effect;
  readonly reason: string | undefined;
  /** One bit per ordinary verb, in the order of `METHODS`. */
  readonly methods: number;
  readonly methodText: string;
  /** Null for every path. Of a deny rule it is folded, to be compared with folded paths. */
  readonly template: PathTemplate | null;
  readonly encodedSlash: boolean;
  readonly clauses: readonly Clause[];
  readonly readsBody: boolean;
  /** Whether some clause needs to know which fields a body has, where it has any. */
  readonly readsFields: boolean;
  /** What code is asked before the rule permits anything. */
  readonly predicates: readonly RulePredicate[];
  /** Header fields that the rule looks at, in lower case. */
  readonly headerNames: readonly string[];
  /** For a rule about operations at an endpoint: their protocol. */
  readonly protocol: OperationProtocol | null;
  /** How narrowly the rule is drawn: of several that match, the narrowest gives the scopes and the approval terms. */
  readonly specificity: number;
  readonly limits: readonly CompiledLimit[];
  readonly narrowing: Narrowing;
  readonly mask: readonly string[];
  readonly record: RecordLevel;
  readonly sync: RecordSync | undefined;
  readonly approval: Obligations["approval"];
}

type Report = (problem: ConfigurationProblem) => void;

export const methodBit = (method: Method): number => 1 << METHODS.indexOf(method);
const EVERY_METHOD = (1 << METHODS.length) - 1;

/** Compiles one rule; what is wrong with it goes to `report`, under the rule's pointer. */
export function compileRule(
  rule: RuleDocument,
  registered: ReadonlyMap<string, Predicate>,
  pointer: string,
  report: Report,
  named?: NamedOperation,
): CompiledRule {
  const problem = (at: string, message: string): void => report({ pointer: `${pointer}${at}`, message });
  const protocol = operationProtocol(rule);
  if (rule.effect !== "deny") {
    if (rule.service === undefined) problem("", `an ${rule.effect} rule must name its service`);
    const isPlaced = protocol !== null || rule.operations !== undefined;
    if (rule.methods === undefined && !isPlaced) problem("", `an ${rule.effect} rule must list its methods`);
    if (rule.path === undefined && !isPlaced) problem("", `an ${rule.effect} rule must have a path`);
  }
  const mayAsk = rule.effect === "approve" || Object.values(rule.predicates ?? {}).includes("approve");
  if (rule.approval !== undefined && !mayAsk) problem("/approval", "only an approve rule asks anybody");
  for (const [at, approval] of [
    ["/approval", rule.approval],
    ["/stepUp/approval", rule.stepUp?.approval],
  ] as const)
    if (approval !== undefined) checkApproval(approval, (where, message) => problem(`${at}${where}`, message));
  rule.approval?.grant?.vary?.forEach((text, index) => {
    if (partPointer(text) === null)
      problem(`/approval/grant/vary/${index}`, "must be a JSON Pointer to one place, without *");
  });
  const parsed =
    named?.operation.path.template ??
    (rule.path === undefined ? null : parsePathTemplate(rule.path, pathReporter(`${pointer}/path`, report)));
  const template = parsed !== null && rule.effect === "deny" ? foldTemplate(parsed) : parsed;
  const params = template === null ? new Map<string, number>() : templateParams(template);
  for (const name of Object.keys(rule.params ?? {})) {
    if (!params.has(name)) problem(`/params/${name}`, `the path has no parameter {${name}}`);
  }
  const { limits, clauses: limitClauses } = compileLimits(rule, pointer, report);
  const clauses = [
    ...(named === undefined ? [] : [operationClause(named, rule.effect === "deny")]),
    ...compileClauses(rule, params, pointer, report),
    ...limitClauses,
  ];
  const methods = named === undefined ? rule.methods : [named.operation.method];
  const approval = approvalTerms(rule.approval);
  const predicates = compilePredicates(rule, approval, registered, `${pointer}/predicates`, report);
  return {
    id: rule.id,
    effect: rule.effect,
    reason: rule.reason,
    methods: methods === undefined ? EVERY_METHOD : methodMask(methods, (at, text) => problem(`/methods${at}`, text)),
    methodText: methods?.join(", ") ?? "*",
    template,
    encodedSlash: rule.encodedSlash === true,
    clauses,
    // A predicate is shown the body, whether it looks or not.
    readsBody: predicates.length > 0 || clauses.some((clause) => clause.readsBody),
    readsFields: clauses.some((clause) => clause.readsFields === true),
    predicates,
    headerNames: Object.keys(rule.headers ?? {}).map((name) => name.toLowerCase()),
    protocol,
    specificity: specificityOf(template, clauses.length),
    limits,
    narrowing: compileNarrowing(rule, problem),
    mask: rule.mask ?? [],
    record: rule.record ?? "metadata",
    sync: rule.sync,
    approval: rule.effect === "approve" ? approval : undefined,
  };
}

function methodMask(methods: readonly string[], problem: (at: string, message: string) => void): number {
  let mask = 0;
  methods.forEach((method, index) => {
    if (method === "*") mask |= EVERY_METHOD;
    else if (!(METHODS as readonly string[]).includes(method))
      problem(`/${index}`, `must be one of ${METHODS.join(", ")} or *`);
    else mask |= methodBit(method as Method) | (method === "GET" ? methodBit("HEAD") : 0);
  });
  return mask;
}

function specificityOf(template: PathTemplate | null, clauses: number): number {
  if (template === null) return clauses;
  const literals = template.segments.filter((segment) => "literal" in segment).length;
  return literals * 10_000 + template.segments.length * 200 + (template.rest ? 0 : 100) + clauses;
}
