import type { PolicyDocument, RuleDocument, ServiceDocument } from "../document/document.js";
import { headerLists, isUsualHeader } from "../header-rules.js";
import { methodsCover, pathCovers, sameJson, servicesCover } from "./compare.js";

/** What changed, in words. Whatever cannot be shown to be narrower is in `wider`. */
export interface PolicyDiff {
  readonly wider: readonly string[];
  readonly narrower: readonly string[];
}

type Direction = "looser" | "tighter" | "unsure";
type Json = Readonly<Record<string, unknown>>;

/** Compares two policies that load: services by name, rules by id (a rule that was only renamed is the same rule). */
export function diffPolicies(old: PolicyDocument, next: PolicyDocument): PolicyDiff {
  const wider: string[] = [];
  const narrower: string[] = [];
  const say = (isWider: boolean, text: string): void => void (isWider ? wider : narrower).push(text);
  diffServices(old, next, say);
  diffRules(old, next, say);
  return { wider, narrower };
}

type Say = (isWider: boolean, text: string) => void;

function diffServices(old: PolicyDocument, next: PolicyDocument, say: Say): void {
  // A name that one service gives up may fall to a wildcard of another, and to that one's rules.
  const caught = Object.values(next.services).some(({ origins }) =>
    origins.some((origin) => origin === "public-web" || origin.includes("*")),
  );
  const [before, after] = [new Map(Object.entries(old.services)), new Map(Object.entries(next.services))];
  for (const [name, service] of after) {
    const was = before.get(name);
    if (was === undefined) say(true, `new service "${name}": ${service.origins.join(", ")}`);
    else diffService(name, was, service, caught, say);
  }
  for (const name of before.keys()) if (!after.has(name)) say(caught, `service "${name}" is gone`);
}

function diffService(name: string, was: ServiceDocument, now: ServiceDocument, caught: boolean, say: Say): void {
  const added = now.origins.filter((origin) => !was.origins.includes(origin));
  for (const origin of added) say(true, `service "${name}": new ${kindOf(origin)} ${origin}`);
  for (const origin of was.origins) {
    if (!now.origins.includes(origin)) say(caught, `service "${name}": origin ${origin} is gone`);
  }
  const { origins: _old, description: _was, ...a } = was;
  const { origins: _new, description: _now, ...b } = now;
  for (const key of changedKeys(a, b)) {
    const direction = serviceKey(key, (a as Json)[key], (b as Json)[key]);
    say(
      direction !== "tighter",
      `service "${name}": ${key} ${words(direction)}${fromTo((a as Json)[key], (b as Json)[key])}`,
    );
  }
}

const kindOf = (origin: string): string =>
  origin === "public-web" ? "public web" : origin.includes("*") ? "wildcard" : "origin";

function serviceKey(key: string, was: unknown, now: unknown): Direction {
  if (key === "redirects") return bound(was ?? 5, now ?? 5);
  if (key === "maxRequestBytes") return bound(was ?? 1_048_576, now ?? 1_048_576);
  if (key === "reuse") return now === "always" ? "looser" : "tighter";
  if (key === "credential") return now === undefined ? "tighter" : "unsure";
  if (key === "addresses") return was === undefined || now === undefined ? "unsure" : list(was, now);
  if (key === "headers") return headers(headerLists(was as Headers), headerLists(now as Headers));
  return "unsure";
}

type Headers = ServiceDocument["headers"];
type Lists = ReturnType<typeof headerLists>;

/** More that passes is looser. What is semantic passes as well, and is covered by approvals: not to be compared. */
function headers(was: Lists, now: Lists): Direction {
  const changes = changedKeys(was, now).map((key) => {
    if (key === "pass") return list(was.pass ?? [], now.pass ?? []);
    // A closed list refuses the rest, and lets pass what is on it.
    if (key === "allow" && was.allow === undefined && !now.allow?.every((name) => isUsualHeader(name.toLowerCase())))
      return "unsure";
    return key === "allow" ? clause(was.allow, now.allow) : "unsure";
  });
  return together(changes);
}

const NEUTRAL = new Set(["id", "description", "reason"]);

function diffRules(old: PolicyDocument, next: PolicyDocument, say: Say): void {
  const byId = new Map(next.rules.map((rule) => [rule.id, rule]));
  const oldIds = new Set(old.rules.map(({ id }) => id));
  const added = new Set(next.rules.filter(({ id }) => !oldIds.has(id)));
  for (const was of old.rules) {
    const renamed = [...added].find((rule) => changedKeys(was, rule).every((key) => NEUTRAL.has(key)));
    const now = byId.get(was.id) ?? renamed;
    if (now === undefined) say(was.effect === "deny" || guards(was, next), `${was.effect} rule "${was.id}" is gone`);
    else diffRule(was, now, next, say);
    if (now !== undefined) added.delete(now);
  }
  for (const rule of added) say(rule.effect !== "deny", `new ${rule.effect} rule "${rule.id}": ${summary(rule)}`);
}

const summary = ({ methods, path, service }: RuleDocument): string =>
  [methods?.join(", "), path, service === undefined ? undefined : `of ${[service].flat().join(", ")}`]
    .filter((part) => part !== undefined)
    .join(" ");

/**
 * Whether less of this rule may mean more for the agent: approve beats allow, and what a rule brings along (masks, limits)
 * goes with it, so that where another rule still lets the same call through, it now passes without.
 */
function guards(rule: RuleDocument, next: PolicyDocument): boolean {
  const brings = rule.effect === "approve" || Object.keys(rule).some((key) => !PLAIN.has(key));
  return (
    brings && next.rules.some((other) => other.id !== rule.id && other.effect !== "deny" && sharesService(other, rule))
  );
}

const PLAIN = new Set(
  "id description reason effect service methods path encodedSlash params query headers body exact serviceIgnores graphql jsonrpc mcp who operations".split(
    " ",
  ),
);

const sharesService = (a: RuleDocument, b: RuleDocument): boolean =>
  [a.service ?? []].flat().some((name) => [b.service ?? []].flat().includes(name));

const RANK = { allow: 2, approve: 1, deny: 0 } as const;

function diffRule(was: RuleDocument, now: RuleDocument, next: PolicyDocument, say: Say): void {
  if (was.effect !== now.effect) {
    const lost = was.effect === "approve" && now.effect === "allow" ? ": a lost approval" : "";
    say(RANK[now.effect] > RANK[was.effect], `rule "${now.id}": ${was.effect} is now ${now.effect}${lost}`);
  }
  const turned = was.effect !== now.effect && (was.effect === "deny" || now.effect === "deny");
  for (const key of changedKeys(was, now)) {
    if (NEUTRAL.has(key) || key === "effect") continue;
    const [before, after] = [(was as unknown as Json)[key], (now as unknown as Json)[key]];
    const direction = ruleKey(key, before, after);
    const about = PLAIN.has(key);
    const isWider =
      turned || direction === "unsure"
        ? true
        : now.effect === "deny" && about
          ? direction === "tighter"
          : direction === "looser" || (about && guards(was, next));
    say(isWider, `rule "${now.id}": ${key} ${words(direction)}${fromTo(before, after)}`);
  }
}

function ruleKey(key: string, was: unknown, now: unknown): Direction {
  const covering = (covers: (a: never, b: never) => boolean): Direction =>
    covers(now as never, was as never) ? "looser" : covers(was as never, now as never) ? "tighter" : "unsure";
  switch (key) {
    case "methods":
      return covering(methodsCover);
    case "path":
      return covering(pathCovers);
    case "service":
      return covering(servicesCover);
    case "encodedSlash":
      return now === true ? "looser" : "tighter";
    case "params":
    case "query":
    case "headers":
    case "body":
    case "who":
      return clauses(was, now);
    case "scopes":
      // Without a list the credential is not narrowed at all.
      return clause(was, now);
    case "mask":
      return flip(list(was ?? [], now ?? []));
    case "predicates":
      return predicates((was ?? {}) as Json, (now ?? {}) as Json);
    case "limits":
      return was === undefined ? "tighter" : now === undefined ? "looser" : "unsure";
    default:
      return "unsure";
  }
}

/** A clause more is tighter, one less looser, and both at once unsure. */
function clauses(was: unknown, now: unknown): Direction {
  const [a, b] = [(was ?? {}) as Json, (now ?? {}) as Json];
  return together(changedKeys(a, b).map((key) => clause(a[key], b[key])));
}

/** A predicate more is tighter, and a denial where a person was asked. */
const predicates = (was: Json, now: Json): Direction =>
  together(changedKeys(was, now).map((key) => (now[key] === undefined || was[key] === "deny" ? "looser" : "tighter")));

function clause(was: unknown, now: unknown): Direction {
  if (was === undefined) return "tighter";
  if (now === undefined) return "looser";
  if (!isObject(was) && !isObject(now)) return list([was].flat(), [now].flat());
  if (!isObject(was) || !isObject(now)) return "unsure";
  return together(changedKeys(was, now).map((key) => operator(key, was[key], now[key])));
}

function operator(key: string, was: unknown, now: unknown): Direction {
  if (key === "optional") return now === true ? "looser" : "tighter";
  // `not` alone lets absence pass, and `exists` overrules `optional`: what goes with them is not compared.
  if (key === "not" || key === "exists") return "unsure";
  if (was === undefined || now === undefined) return "unsure";
  if (["lt", "lte", "maxLength"].includes(key)) return bound(was, now);
  if (["gt", "gte", "minLength"].includes(key)) return flip(bound(was, now));
  return key === "in" ? list(was, now) : "unsure";
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const flip = (direction: Direction): Direction =>
  direction === "unsure" ? direction : direction === "looser" ? "tighter" : "looser";

const together = (directions: readonly Direction[]): Direction => {
  const [first = "unsure"] = directions;
  return directions.every((direction) => direction === first) ? first : "unsure";
};

const bound = (was: unknown, now: unknown): Direction => (Number(now) > Number(was) ? "looser" : "tighter");

function list(was: unknown, now: unknown): Direction {
  if (!Array.isArray(was) || !Array.isArray(now)) return "unsure";
  if (was.every((item) => now.includes(item))) return "looser";
  return now.every((item) => was.includes(item)) ? "tighter" : "unsure";
}

const changedKeys = (a: object, b: object): readonly string[] =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !sameJson((a as Json)[key], (b as Json)[key]));

const words = (direction: Direction): string =>
  direction === "unsure" ? "cannot be shown to be narrower" : direction === "looser" ? "asks less" : "asks more";

const fromTo = (was: unknown, now: unknown): string => ` (${short(was)} → ${short(now)})`;

const short = (value: unknown): string => {
  const text = value === undefined ? "none" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};
