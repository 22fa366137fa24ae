import { type ConfigurationProblem, PolicyError } from "../../errors/guard-error.js";
import type {
  MatcherDocument,
  OperatorsDocument,
  PolicyDocument,
  RuleDocument,
  ServiceDocument,
} from "../document/document.js";
import { pointerToken } from "../document/pointer.js";
import { compilePolicy, type Policy } from "../policy.js";
import { droppedWarnings, headerWarnings } from "./check-headers.js";
import { queryWarnings } from "./check-queries.js";
import { methodsCover, pathCovers, sameJson, servicesCover } from "./compare.js";
import type { Observation } from "./learn.js";
import { standIns } from "./stand-ins.js";

/** What is wrong with a policy (it does not load), and what is odd about one that loads. */
export interface PolicyCheck {
  readonly problems: readonly ConfigurationProblem[];
  readonly warnings: readonly ConfigurationProblem[];
}

/** Rules compared with one another; a longer policy is checked without that comparison, which is quadratic. */
const MAX_COMPARED = 2000;

/**
 * Lists problems, and warnings for what is certainly without effect, or reaches further than it looks. `observations` are
 * recorded requests: of header fields that they were sent without, the warnings say how to let them pass. Never throws for a
 * bad document.
 */
export function checkPolicy(document: PolicyDocument, observations: readonly Observation[] = []): PolicyCheck {
  let policy: Policy;
  try {
    policy = compilePolicy(document, { predicates: standIns(document) });
  } catch (error) {
    if (error instanceof PolicyError) return { problems: error.problems, warnings: [] };
    throw error;
  }
  const loaded = policy.document;
  const { rules } = loaded;
  return {
    problems: [],
    warnings: [
      ...rules.flatMap(neverMatches),
      ...(rules.length > MAX_COMPARED ? [] : rules.flatMap((rule, index) => withoutEffect(rule, index, rules))),
      ...Object.entries(loaded.services).flatMap(([name, service]) => [
        ...idleService(name, service.credential, rules),
        ...credentialForManyHosts(name, service),
      ]),
      ...headerWarnings(loaded),
      ...queryWarnings(loaded),
      ...droppedWarnings(policy, observations),
    ],
  };
}

/** A deny fires on values of a wrong type, so that only the other effects can be shown never to match. */
function neverMatches(rule: RuleDocument, index: number): readonly ConfigurationProblem[] {
  if (rule.effect === "deny") return [];
  const warnings: ConfigurationProblem[] = [];
  const warn = (pointer: string, why: string): void => {
    warnings.push({ pointer: `/rules/${index}/${pointer}`, message: `rule "${rule.id}" can never match: ${why}` });
  };
  const shortest = (rule.path ?? "").replace(/\/\*\*$/, "").replace(/\{[^/]*\}/g, "x");
  if (new TextEncoder().encode(shortest).length > 4096) warn("path", "a path is at most 4 KiB");
  for (const place of ["params", "query", "headers", "body", "who"] as const) {
    for (const [name, matcher] of Object.entries(rule[place] ?? {})) {
      const pointer = `${place}/${pointerToken(name)}`;
      const text = place === "params" || place === "query" || place === "headers";
      if (text && needsOtherThanText(matcher)) warn(pointer, "the value is always text, and no text fulfils this");
      else if (contradicts(matcher)) warn(pointer, "its bounds contradict each other");
    }
  }
  return warnings;
}

const operators = (matcher: MatcherDocument): OperatorsDocument | null =>
  typeof matcher === "object" && matcher !== null && !Array.isArray(matcher) ? (matcher as OperatorsDocument) : null;

const mayBeAbsent = ({ optional, exists }: OperatorsDocument): boolean => optional === true || exists === false;

function needsOtherThanText(matcher: MatcherDocument): boolean {
  if (Array.isArray(matcher)) return matcher.every((item) => typeof item !== "string");
  const given = operators(matcher);
  if (given === null) return typeof matcher !== "string";
  if (mayBeAbsent(given)) return false;
  const { eq, in: list, gt, gte, lt, lte } = given;
  if ([gt, gte, lt, lte].some((bound) => bound !== undefined)) return true;
  return (eq !== undefined && typeof eq !== "string") || list?.every((item) => typeof item !== "string") === true;
}

function contradicts(matcher: MatcherDocument): boolean {
  const given = operators(matcher);
  if (given === null || mayBeAbsent(given)) return false;
  const { eq, in: list, gt, gte, lt, lte, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = given;
  const low = Math.max(gt ?? Number.NEGATIVE_INFINITY, gte ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(lt ?? Number.POSITIVE_INFINITY, lte ?? Number.POSITIVE_INFINITY);
  const open = low === gt || high === lt;
  if (low > high || (low === high && open) || minLength > maxLength) return true;
  return eq !== undefined && list !== undefined && !list.includes(eq);
}

function withoutEffect(
  rule: RuleDocument,
  index: number,
  rules: readonly RuleDocument[],
): readonly ConfigurationProblem[] {
  const warn = (message: string): readonly ConfigurationProblem[] => [{ pointer: `/rules/${index}`, message }];
  for (const [place, other] of rules.entries()) {
    if (place === index || !covers(other, rule)) continue;
    if (other.effect === "deny" && rule.effect !== "deny")
      return warn(`rule "${rule.id}" never takes effect: "${other.id}" denies all of it`);
    if (other.effect !== rule.effect || !sameAlongside(other, rule)) continue;
    // Of two rules that say the same, the later one is named.
    if (place > index && covers(rule, other) && sameAlongside(rule, other)) continue;
    return warn(`rule "${rule.id}" adds nothing: "${other.id}" covers it`);
  }
  return [];
}

const COMPARED = new Set(["id", "description", "reason", "effect", "service", "methods", "path"]);
/** What says how a rule is read rather than what it asks: must be the same, or two rules cannot be compared. */
const READING = ["encodedSlash", "exact", "serviceIgnores", "graphql", "jsonrpc", "mcp", "operations"];
/** What comes with a call that an allow or an approve lets through. */
const ALONGSIDE = [
  "scopes",
  "optionalScopes",
  "audience",
  "authorizationDetails",
  "stepUp",
  "mask",
  "record",
  "sync",
  "approval",
  "limits",
  "predicates",
];

const member = (rule: RuleDocument, key: string): unknown => (rule as unknown as Record<string, unknown>)[key];

/** Whether whatever `inner` matches, `outer` certainly matches too: it has no clause that `inner` lacks. */
function covers(outer: RuleDocument, inner: RuleDocument): boolean {
  if (!servicesCover(outer.service, inner.service) || !methodsCover(outer.methods, inner.methods)) return false;
  // Parameters are known by place, and `exact` asks about all of a rule's clauses.
  if (outer.params === undefined ? !pathCovers(outer.path, inner.path) : outer.path !== inner.path) return false;
  if (outer.exact !== undefined && !(sameJson(outer.query, inner.query) && sameJson(outer.body, inner.body)))
    return false;
  const keys = Object.keys(outer).filter((key) => !COMPARED.has(key) && !ALONGSIDE.includes(key));
  return [...keys, ...READING].every((key) => sameJson(member(outer, key), member(inner, key)));
}

const sameAlongside = (a: RuleDocument, b: RuleDocument): boolean =>
  ALONGSIDE.every((key) => sameJson(member(a, key), member(b, key)));

function idleService(
  name: string,
  credential: string | undefined,
  rules: readonly RuleDocument[],
): readonly ConfigurationProblem[] {
  const about = rules.filter(({ service }) => service !== undefined && [service].flat().includes(name));
  const pointer = servicePointer(name);
  if (about.length === 0)
    return [{ pointer, message: `service "${name}" has no rule of its own: all of it is denied` }];
  if (credential === undefined || about.some(({ effect }) => effect !== "deny")) return [];
  return [
    { pointer: `${pointer}/credential`, message: `credential "${credential}" is unused: no rule allows anything` },
  ];
}

const servicePointer = (name: string): string => `/services/${pointerToken(name)}`;

/** It is the agent that names the host: whoever holds one of them, if only as a forgotten subdomain, is sent the credential. */
function credentialForManyHosts(
  name: string,
  { origins, credential }: ServiceDocument,
): readonly ConfigurationProblem[] {
  if (credential === undefined) return [];
  return origins.flatMap((origin, index) => {
    const hosts = origin === "public-web" ? "any public host" : origin.includes("*") ? `any host of ${origin}` : null;
    if (hosts === null) return [];
    const message = `credential "${credential}" goes to ${hosts} that the agent names; list the hosts, or bind it to a key (DPoP)`;
    return [{ pointer: `${servicePointer(name)}/origins/${index}`, message }];
  });
}
