export type { Agent, DecisionContext, Principal, SessionFacts } from "./context.js";
export type { Considered, Decision, JudgedForm, Limit, Obligations } from "./decision.js";
export type {
  ApprovalDocument,
  Effect,
  GraphqlRuleDocument,
  GraphqlServiceDocument,
  LimitDocument,
  LimitSubject,
  MatcherDocument,
  McpRuleDocument,
  OperatorsDocument,
  PolicyDocument,
  RecordLevel,
  RecordSync,
  RequestLimitDocument,
  RpcRuleDocument,
  RpcServiceDocument,
  RuleDocument,
  Scalar,
  ServiceDocument,
  SumLimitDocument,
  WhenDocument,
} from "./document/document.js";
export { parseDuration } from "./document/duration.js";
export { policySchema } from "./document/schema.js";
export type { Judgement } from "./judge.js";
export { compilePolicy, type Policy, type PolicyOptions, type PolicyRequest } from "./policy.js";
export {
  narrowed,
  type Predicate,
  type PredicateAnswer,
  type PredicateCheck,
  type PredicateRequest,
  type Predicates,
} from "./predicates.js";
export { checkPolicy, type PolicyCheck } from "./tools/check.js";
export { diffPolicies, type PolicyDiff } from "./tools/diff.js";
export { type LearntPolicy, learnPolicy, type Observation } from "./tools/learn.js";
export { standIns } from "./tools/stand-ins.js";
export { type PolicyCase, type PolicyCaseResult, type PolicyTestReport, testPolicy } from "./tools/test.js";
// Not exported: the compiled form, its indexes and its matchers.
