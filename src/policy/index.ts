export type { Agent, DecisionContext, Principal, SessionFacts } from "./context.js";
export type { Considered, Decision, JudgedForm, Obligations } from "./decision.js";
export type {
  ApprovalDocument,
  Effect,
  GraphqlRuleDocument,
  GraphqlServiceDocument,
  MatcherDocument,
  McpRuleDocument,
  OperatorsDocument,
  PolicyDocument,
  RecordLevel,
  RpcRuleDocument,
  RpcServiceDocument,
  RuleDocument,
  Scalar,
  ServiceDocument,
} from "./document.js";
export { parseDuration } from "./duration.js";
export { compilePolicy, type Policy, type PolicyRequest } from "./policy.js";
export { policySchema } from "./schema.js";
// Not exported: the compiled form, its indexes and its matchers.
