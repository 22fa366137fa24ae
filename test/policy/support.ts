import { PolicyError } from "../../src/errors/guard-error.js";
import {
  compilePolicy,
  type Decision,
  type DecisionContext,
  type MatcherDocument,
  type Policy,
  type PolicyDocument,
  type PolicyRequest,
  type RuleDocument,
  type ServiceDocument,
} from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";

export const ORIGIN = "https://api.example.com";

type AnyRule = Partial<RuleDocument>;

/** A document with one service, `api`, and these rules; what a rule leaves out is filled in with the widest that is allowed. */
export function documentOf(rules: readonly AnyRule[], service: Partial<ServiceDocument> = {}): PolicyDocument {
  return {
    version: 1,
    id: "test",
    services: { api: { origins: [ORIGIN], ...service } },
    rules: rules.map((rule, index) => ({
      id: `rule-${index}`,
      effect: "allow",
      service: "api",
      methods: ["*"],
      path: "/**",
      ...rule,
    })),
  };
}

export const policyOf = (...rules: readonly AnyRule[]): Policy => compilePolicy(documentOf(rules));

/** A request to the service; `json` and `form` set the content type with the body. */
export interface Ask {
  readonly method?: string;
  /** Path and query. */
  readonly at?: string;
  readonly headers?: PolicyRequest["headers"];
  readonly body?: string | Uint8Array | null;
  readonly json?: unknown;
  readonly form?: string;
  readonly context?: DecisionContext;
}

export function ask(policy: Policy, { method, at = "/", headers = {}, body, json, form, context }: Ask = {}): Decision {
  const pairs = Array.isArray(headers) ? (headers as readonly [string, string][]) : Object.entries(headers);
  const [type, sent] =
    json !== undefined
      ? ["application/json", JSON.stringify(json)]
      : form !== undefined
        ? ["application/x-www-form-urlencoded", form]
        : [null, body ?? null];
  const request: PolicyRequest = {
    method: method ?? (sent === null ? "GET" : "POST"),
    url: `${ORIGIN}${at}`,
    headers: type === null ? pairs : [...pairs, ["content-type", type]],
    body: sent,
  };
  return policy.decide(request, context ?? anyContext);
}

export const effectOf = (policy: Policy, request?: Ask): Decision["effect"] => ask(policy, request).effect;

/** Whether a rule with this condition lets the request through, alone. */
export const allows = (rule: AnyRule, request?: Ask): boolean => effectOf(policyOf(rule), request) === "allow";

/** Whether a deny rule with this condition stops a request that everything else would let through. */
export const stops = (rule: AnyRule, request?: Ask): boolean =>
  ask(policyOf({ id: "everything" }, { ...rule, id: "the-deny", effect: "deny" }), request).code === "RULE_DENY";

/** Whether a body matcher at `/v` holds in an allow rule, and whether it fires in a deny rule. */
export const bodyMatcher = (
  matcher: MatcherDocument,
  json: unknown,
): { readonly allow: boolean; readonly deny: boolean } => ({
  allow: allows({ body: { "/v": matcher } }, { json }),
  deny: stops({ body: { "/v": matcher } }, { json }),
});

/** The problems a document is refused with; fails the test when it loads. */
export function problemsOf(document: unknown): PolicyError["problems"] {
  try {
    compilePolicy(document as PolicyDocument);
  } catch (error) {
    if (error instanceof PolicyError) return error.problems;
    throw error;
  }
  throw new Error("expected the document to be refused");
}
