import type { ConfigurationProblem } from "../../errors/guard-error.js";
import { canonicalEscapes } from "../../request/escapes.js";
import type {
  MatcherDocument,
  OperatorsDocument,
  PolicyDocument,
  RuleDocument,
  ServiceDocument,
} from "../document/document.js";
import { pointerToken } from "../document/pointer.js";
import { parsePathTemplate } from "../match/path-template.js";
import { isPlainValue } from "../match/plain-value.js";
import { fieldSpelling } from "../names.js";

/** Queries by which object stores change who may read a thing, or how long it is kept, at the URL of the thing itself. */
const SUB_RESOURCES = ["acl", "policy", "tagging", "versioning", "lifecycle", "retention", "publicAccessBlock"];

/** Parameters by which services let whoever holds a strong credential act as somebody else. */
const ACTS_AS =
  /^(?:x[-_])?(?:sudo|as|act[-_]?as|as[-_]?user(?:[-_]?id)?|run[-_]?as|on[-_]?behalf(?:[-_]?of)?|impersonat\w*|switch[-_]?user|assume[-_]?role|caller[-_]?id|userproject|quotauser|delegate\w*|user\.name|doas)$/i;

/** Products whose parameter every request takes, at whatever host they stand. */
const SWITCHED_BY: readonly (readonly [product: RegExp, parameter: string])[] = [
  [/gitlab/i, "sudo"],
  [/\.googleapis\.com/i, "userProject"],
];

/** Object stores, and what speaks their protocol. */
const OBJECT_STORE =
  /[/.-]s3[.-]|\bs3\b|amazonaws|minio|r2\.cloudflarestorage|storage\.googleapis|digitaloceanspaces|backblazeb2|wasabisys|aliyuncs|ceph/i;

/** Warns of what a rule lets pass in the query beside what it speaks of, and of parameters that can never match. */
export function queryWarnings({ rules, services }: PolicyDocument): readonly ConfigurationProblem[] {
  return [
    ...rules.flatMap((rule, index) => [
      ...openWrite(rule, index, rules, services),
      ...actingAs(rule, index),
      ...specialValues(rule, index),
    ]),
    ...Object.entries(services).flatMap(([name, service]) => switchedByQuery(name, service, rules)),
  ];
}

const about = (rule: RuleDocument, service: string): boolean =>
  rule.service === undefined || [rule.service].flat().includes(service);
const permits = ({ effect, path }: RuleDocument): boolean => effect !== "deny" && path !== undefined;
const saysAllOf = ({ exact }: RuleDocument): boolean => exact?.includes("query") === true;
const speaksOf = (rule: RuleDocument, name: string): boolean =>
  Object.keys(rule.query ?? {}).some((key) => fieldSpelling(key)(name));

/** Whether a deny keeps a parameter from every request of a service. */
const isDenied = (rules: readonly RuleDocument[], services: RuleDocument["service"], name: string): boolean =>
  rules.some(
    (rule) =>
      rule.effect === "deny" &&
      (rule.path === undefined || rule.path === "/**") &&
      [services ?? []].flat().every((service) => about(rule, service)) &&
      speaksOf(rule, name),
  );

/**
 * A rule that lets a thing be written and says nothing of the query: `PUT /key?acl` is another thing than `PUT /key`. Of a
 * service that is no object store by its name, only what is written as one is: by PUT or DELETE, at the thing's own URL.
 */
function openWrite(
  rule: RuleDocument,
  index: number,
  rules: readonly RuleDocument[],
  services: PolicyDocument["services"],
): readonly ConfigurationProblem[] {
  const { methods = [], path = "" } = rule;
  if (!permits(rule) || saysAllOf(rule)) return [];
  const at = [rule.service ?? []].flat().flatMap((name) => services[name] ?? []);
  const isStore = at.some(({ origins }) => origins.some((origin) => OBJECT_STORE.test(origin)));
  const mayBeOne = at.some(({ credential }) => credential !== undefined) && /(?:\}|\/\*\*)$/.test(path);
  const isWrite = (method: string): boolean =>
    ["PUT", "DELETE", "*"].includes(method) || (isStore && ["POST", "PATCH"].includes(method));
  if (!(isStore || mayBeOne) || !methods.some(isWrite)) return [];
  const open = SUB_RESOURCES.filter((name) => !speaksOf(rule, name) && !isDenied(rules, rule.service, name));
  if (open.length === 0) return [];
  const named = open.slice(0, 3).map((name) => `?${name}`);
  return [
    {
      pointer: `/rules/${index}`,
      message: `rule "${rule.id}" writes, and lets any query pass: ${named.join(", ")} change something else on an object store; add "exact": ["query"], or a clause`,
    },
  ];
}

/** A rule that names a parameter which says who acts, and does not say who that may be. */
function actingAs(rule: RuleDocument, index: number): readonly ConfigurationProblem[] {
  if (!permits(rule)) return [];
  return Object.entries(rule.query ?? {})
    .filter(([name, matcher]) => ACTS_AS.test(name) && !isPinned(matcher))
    .map(([name]) => ({
      pointer: `/rules/${index}/query/${pointerToken(name)}`,
      message: `rule "${rule.id}" lets the agent say as whom the credential acts: list the values of "${name}", or leave it out`,
    }));
}

/** A product that is known to take such a parameter with every request. Of many rules, one warning: the remedy is one deny. */
function switchedByQuery(
  name: string,
  { origins, credential }: ServiceDocument,
  rules: readonly RuleDocument[],
): readonly ConfigurationProblem[] {
  if (credential === undefined) return [];
  return SWITCHED_BY.flatMap(([product, parameter]) => {
    const open = rules.filter(
      (rule) => permits(rule) && about(rule, name) && !saysAllOf(rule) && !speaksOf(rule, parameter),
    );
    if (!origins.some((origin) => product.test(origin)) || open.length === 0 || isDenied(rules, name, parameter))
      return [];
    return [
      {
        pointer: `/services/${pointerToken(name)}`,
        message: `${open.length === 1 ? `rule "${open[0]?.id}" lets` : `${open.length} rules let`} ?${parameter} pass, by which the credential acts as somebody else; deny it, or add "exact": ["query"]`,
      },
    ];
  });
}

/** A parameter that is compared with what it never stands for. */
function specialValues(rule: RuleDocument, index: number): readonly ConfigurationProblem[] {
  if (!permits(rule)) return [];
  const template = parsePathTemplate(rule.path ?? "", () => {});
  const plain = new Set(
    template?.segments.flatMap((segment) => ("param" in segment && !segment.any ? segment.param : [])),
  );
  return Object.entries(rule.params ?? {}).flatMap(([name, matcher]) => {
    const special = plain.has(name)
      ? valuesOf(matcher).filter((text) => !isPlainValue(canonicalEscapes(text, "path") ?? ""))
      : [];
    if (special.length === 0) return [];
    return [
      {
        pointer: `/rules/${index}/params/${pointerToken(name)}`,
        message: `rule "${rule.id}": {${name}} does not stand for "${special[0]}", which is more than one thing or something to do; write {${name}:any} if it must`,
      },
    ];
  });
}

/** The texts that a matcher lists. */
function valuesOf(matcher: MatcherDocument): readonly string[] {
  const listed = isOperators(matcher) ? [matcher.eq, ...(matcher.in ?? [])] : [matcher].flat();
  return listed.filter((value) => typeof value === "string");
}

const isPinned = (matcher: MatcherDocument): boolean =>
  !isOperators(matcher) || matcher.eq !== undefined || matcher.in !== undefined || matcher.exists === false;

const isOperators = (matcher: MatcherDocument): matcher is OperatorsDocument =>
  typeof matcher === "object" && matcher !== null && !Array.isArray(matcher);
