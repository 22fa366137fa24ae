import type { ConfigurationProblem } from "../errors/guard-error.js";
import { type AddressRule, addressRangeProblem, compileAddressRule } from "../request/address.js";
import type { Obligations } from "./decision.js";
import type { ServiceDocument } from "./document/document.js";
import { compileHeaderRules, type HeaderRules } from "./header-rules.js";
import { PathIndex } from "./match/path-index.js";
import { isPlainValue, isValue } from "./match/plain-value.js";
import { obligationsOf } from "./obligations.js";
import type { ApiDescription } from "./openapi/index.js";
import { compileEndpoints, type Endpoints } from "./protocol.js";
import type { CompiledRule } from "./rule.js";

/** A service ready to be judged by: what holds for all its requests, and its rules by path. */
export interface CompiledService {
  readonly name: string;
  readonly addresses: AddressRule;
  readonly credential: string | undefined;
  /** What a permitting rule asks for where it is the only one that matches. */
  readonly obligations: ReadonlyMap<CompiledRule, Obligations>;
  /** Whether some rule of the service has limits. */
  readonly hasLimits: boolean;
  readonly redirects: number;
  readonly maxRequestBytes: number;
  readonly renewOn401: boolean;
  /** Whether a connection may be used again after any request. */
  readonly reuse: boolean;
  readonly headers: HeaderRules;
  /** Whether some rule opts in to `%2F` in a parameter. */
  readonly anyEncodedSlash: boolean;
  readonly permits: PathIndex<CompiledRule>;
  readonly denials: PathIndex<CompiledRule>;
  /** Paths where the body says what is asked, and the rules about operations there. */
  readonly endpoints: Endpoints;
  /** The OpenAPI description of the service, where it has one. */
  readonly description: ApiDescription | null;
  readonly operationPermits: readonly CompiledRule[];
  readonly operationDenials: readonly CompiledRule[];
  /** Allow and approve rules by id, for explanations. */
  readonly rules: readonly CompiledRule[];
}

type Report = (problem: ConfigurationProblem) => void;

/** Compiles one service with the rules that are about it. */
export function compileService(
  name: string,
  document: ServiceDocument,
  rules: readonly CompiledRule[],
  description: ApiDescription | null,
  pointer: string,
  report: Report,
): CompiledService {
  const permits = new PathIndex<CompiledRule>({
    isValue: (segment, any) => (any ? isValue(segment) : isPlainValue(segment)),
  });
  const denials = new PathIndex<CompiledRule>({ extensions: true });
  for (const rule of rules) {
    if (rule.protocol === null) (rule.effect === "deny" ? denials : permits).add(rule.template, rule);
  }
  const spoken = rules.filter((rule) => rule.protocol !== null && rule.protocol === document.protocol);
  const permitting = rules.filter((rule) => rule.effect !== "deny");
  const obligations = new Map(permitting.map((rule) => [rule, obligationsOf(document.credential, rule, [rule])]));
  return {
    name,
    addresses: compileAddresses(document.addresses, `${pointer}/addresses`, report),
    credential: document.credential,
    obligations,
    hasLimits: rules.some((rule) => rule.limits.length > 0),
    redirects: document.redirects ?? 5,
    maxRequestBytes: document.maxRequestBytes ?? 1_048_576,
    renewOn401: document.renewOn401 ?? false,
    reuse: document.reuse === "always",
    headers: compileHeaderRules(
      document,
      rules.flatMap((rule) => rule.headerNames),
      `${pointer}/headers`,
      report,
    ),
    anyEncodedSlash: rules.some((rule) => rule.encodedSlash && rule.effect !== "deny"),
    permits,
    denials,
    endpoints: compileEndpoints(document, pointer, report),
    description,
    operationPermits: spoken.filter((rule) => rule.effect !== "deny"),
    operationDenials: spoken.filter((rule) => rule.effect === "deny"),
    rules: permitting.filter((rule) => rule.protocol === null).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function compileAddresses(addresses: readonly string[] | undefined, pointer: string, report: Report): AddressRule {
  let sound = true;
  addresses?.forEach((range, index) => {
    const message = addressRangeProblem(range);
    if (message === undefined) return;
    sound = false;
    report({ pointer: `${pointer}/${index}`, message });
  });
  return compileAddressRule(sound ? addresses : undefined);
}
