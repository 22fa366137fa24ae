import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { type ConfigurationProblem, PolicyError } from "../errors/guard-error.js";
import type { Decision } from "./decision.js";
import type { PolicyDocument } from "./document/document.js";
import { type PlaceholderTest, placeholderTest } from "./document/placeholders.js";
import { plainCopy } from "./document/plain-data.js";
import { pointerToken } from "./document/pointer.js";
import { shapeProblems } from "./document/shape.js";
import { type ApiDescription, namedOperations, readDescription } from "./openapi/index.js";
import { OriginIndex, parseOriginPattern } from "./origins.js";
import type { Predicate } from "./predicates.js";
import { type CompiledRule, compileRule } from "./rule.js";
import { type CompiledService, compileService } from "./service.js";

/** A document turned into what the judge walks over. */
export interface CompiledPolicy {
  /** A frozen copy. */
  readonly document: PolicyDocument;
  /** How decisions name the policy: its id, and SHA-256 over the RFC 8785 form of the document, in hex. */
  readonly identity: Decision["policy"];
  readonly origins: OriginIndex<CompiledService>;
  /** Whether a text asks for one of the credentials that the services name. */
  readonly asksForCredential: PlaceholderTest;
}

type Report = (problem: ConfigurationProblem) => void;

/**
 * Checks and compiles a document.
 *
 * @throws PolicyError with every problem at once, each with its JSON Pointer. A rule or service that is not well-formed is
 *   not looked into further.
 */
export function compileDocument(source: unknown, predicates: ReadonlyMap<string, Predicate>): CompiledPolicy {
  const problems: ConfigurationProblem[] = [];
  const report: Report = (problem) => problems.push(problem);
  const document = plainCopy(source, report) as PolicyDocument;
  if (problems.length > 0) throw new PolicyError(problems);
  problems.push(...shapeProblems(document));
  if (typeof document?.services !== "object" || !Array.isArray(document.rules)) throw new PolicyError(problems);
  // `/rules/3` of `/rules/3/methods/0`: what is inside cannot be relied on.
  const malformed = new Set(problems.map(({ pointer }) => pointer.split("/").slice(0, 3).join("/")));
  const descriptions = readDescriptions(document, malformed, report);
  const rulesOf = compileRules(document, malformed, descriptions, predicates, report);
  const origins = compileServices(document, malformed, rulesOf, descriptions, report);
  if (problems.length > 0) throw new PolicyError(withoutRepetitions(problems));
  const hash = hashOf(document);
  const identity = Object.freeze(document.id === undefined ? { hash } : { id: document.id, hash });
  const names = Object.values(document.services).flatMap(({ credential }) => credential ?? []);
  return { document, identity, origins, asksForCredential: placeholderTest(names) };
}

/** A rule that names several operations is compiled for each of them, and would say what is wrong with it as often. */
const withoutRepetitions = (problems: readonly ConfigurationProblem[]): readonly ConfigurationProblem[] => [
  ...new Map(problems.map((problem) => [`${problem.pointer} ${problem.message}`, problem])).values(),
];

/** The OpenAPI description of each service that has one. */
function readDescriptions(
  document: PolicyDocument,
  malformed: ReadonlySet<string>,
  report: Report,
): ReadonlyMap<string, ApiDescription> {
  const found = new Map<string, ApiDescription>();
  for (const [name, { openapi, origins }] of Object.entries(document.services)) {
    const pointer = `/services/${pointerToken(name)}`;
    if (openapi === undefined || malformed.has(pointer)) continue;
    if (typeof openapi === "string")
      report({
        pointer: `${pointer}/openapi`,
        message: "is a path: load the policy from a file, or give the description",
      });
    else found.set(name, readDescription(openapi, origins, `${pointer}/openapi`, report));
  }
  return found;
}

/** The rules of each service, compiled once; a deny without a service belongs to all. */
function compileRules(
  document: PolicyDocument,
  malformed: ReadonlySet<string>,
  descriptions: ReadonlyMap<string, ApiDescription>,
  predicates: ReadonlyMap<string, Predicate>,
  report: Report,
): ReadonlyMap<string, CompiledRule[]> {
  const rulesOf = new Map<string, CompiledRule[]>(Object.keys(document.services).map((name) => [name, []]));
  const ids = new Set<string>();
  document.rules.forEach((rule, index) => {
    const pointer = `/rules/${index}`;
    if (malformed.has(pointer)) return;
    if (ids.has(rule.id)) report({ pointer: `${pointer}/id`, message: `the id "${rule.id}" is used twice` });
    ids.add(rule.id);
    const named = rule.service === undefined ? [...rulesOf.keys()] : new Set([rule.service].flat());
    if (rule.operations !== undefined) {
      for (const one of namedOperations(rule, named, descriptions, pointer, report))
        rulesOf.get(one.service)?.push(compileRule(rule, predicates, pointer, report, one));
      return;
    }
    const compiled = compileRule(rule, predicates, pointer, report);
    for (const name of named) {
      const rules = rulesOf.get(name);
      if (rules === undefined) report({ pointer: `${pointer}/service`, message: `there is no service "${name}"` });
      else rules.push(compiled);
      if (compiled.protocol !== null && rule.service !== undefined && rules !== undefined) {
        if (document.services[name]?.protocol !== compiled.protocol)
          report({ pointer: `${pointer}/${compiled.protocol}`, message: `the service "${name}" has another protocol` });
      }
    }
  });
  return rulesOf;
}

function compileServices(
  document: PolicyDocument,
  malformed: ReadonlySet<string>,
  rulesOf: ReadonlyMap<string, readonly CompiledRule[]>,
  descriptions: ReadonlyMap<string, ApiDescription>,
  report: Report,
): OriginIndex<CompiledService> {
  const origins = new OriginIndex<CompiledService>();
  for (const [name, service] of Object.entries(document.services)) {
    const pointer = `/services/${pointerToken(name)}`;
    if (malformed.has(pointer)) continue;
    const compiled = compileService(
      name,
      service,
      rulesOf.get(name) ?? [],
      descriptions.get(name) ?? null,
      pointer,
      report,
    );
    service.origins.forEach((text, index) => {
      const pattern = parseOriginPattern(text);
      const message =
        "problem" in pattern
          ? pattern.problem
          : origins.add(pattern, compiled)
            ? undefined
            : "is claimed by another service too";
      if (message !== undefined) report({ pointer: `${pointer}/origins/${index}`, message });
    });
  }
  return origins;
}

const hashOf = (document: PolicyDocument): string =>
  createHash("sha256")
    .update(canonicalize(document) ?? "")
    .digest("hex");
