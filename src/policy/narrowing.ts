import { approvalTerms } from "./approval-terms.js";
import type { Obligations } from "./decision.js";
import type { RuleDocument } from "./document/document.js";

/** What the credential of a call is narrowed to, as the deciding rule says. */
export type Narrowing = Pick<Obligations, "scopes" | "optionalScopes" | "audience" | "authorizationDetails" | "stepUp">;

type Problem = (at: string, message: string) => void;

/** Reads a rule's narrowing. A deny rule lets nothing through that could carry a credential. */
export function compileNarrowing(rule: RuleDocument, problem: Problem): Narrowing {
  const { scopes, optionalScopes, audience, authorizationDetails, stepUp } = rule;
  optionalScopes?.forEach((scope, index) => {
    if (!scopes?.includes(scope)) problem(`/optionalScopes/${index}`, "must be one of scopes");
  });
  if (stepUp !== undefined && scopes === undefined)
    problem("/stepUp", "needs scopes: without them the credential is not narrowed, and nothing can be added");
  // A wider credential is for the request that needs it.
  if (stepUp?.approval?.grant?.vary !== undefined)
    problem("/stepUp/approval/grant/vary", "only the approval of the rule itself may vary");
  return {
    ...(scopes === undefined ? {} : { scopes }),
    ...(optionalScopes === undefined ? {} : { optionalScopes }),
    ...(audience === undefined ? {} : { audience }),
    ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
    ...(stepUp === undefined ? {} : { stepUp: { scopes: stepUp.scopes, approval: approvalTerms(stepUp.approval) } }),
  };
}
