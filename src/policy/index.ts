export type { Agent, DecisionContext, DelegationLink, Principal, SessionFacts } from "./context.js";
export type { Considered, Decision, JudgedForm, Limit, Obligations } from "./decision.js";
export { definePolicy } from "./define.js";
export type {
  ApprovalDocument,
  AuthorizationDetailDocument,
  Effect,
  GrantDocument,
  GraphqlRuleDocument,
  GraphqlServiceDocument,
  HeadersDocument,
  LimitDocument,
  LimitSubject,
  MatcherDocument,
  McpRuleDocument,
  MethodName,
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
  StepUpDocument,
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
