import { createHash } from "node:crypto";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import canonicalize from "canonicalize";
import { type ConfigurationProblem, PolicyError } from "../errors.js";
import type { PolicyDocument } from "./document.js";
import { OriginIndex } from "./origins.js";
import { pointerToken } from "./pointer.js";
import { type CompiledRule, compileRule } from "./rule.js";
import { policySchema } from "./schema.js";
import { type CompiledService, compileService } from "./service.js";

/** A document turned into what the judge walks over. */
export interface CompiledPolicy {
  readonly document: PolicyDocument;
  readonly id: string | undefined;
  /** SHA-256 over the RFC 8785 form of the document, in hex. */
  readonly hash: string;
  readonly services: ReadonlyMap<string, CompiledService>;
  readonly origins: OriginIndex<CompiledService>;
}

type Report = (problem: ConfigurationProblem) => void;

/**
 * Checks and compiles a document.
 *
 * @throws PolicyError with every problem at once, each with its JSON Pointer.
 */
export function compileDocument(source: unknown): CompiledPolicy {
  const shape = shapeProblems(source);
  if (shape.length > 0) throw new PolicyError(shape);
  // A copy: the caller's object may change later, the policy may not.
  const document = structuredClone(source) as PolicyDocument;
  const problems: ConfigurationProblem[] = [];
  const report: Report = (problem) => problems.push(problem);
  const rulesOf = compileRules(document, report);
  const services = new Map<string, CompiledService>();
  const origins = new OriginIndex<CompiledService>();
  for (const [name, service] of Object.entries(document.services)) {
    const pointer = `/services/${pointerToken(name)}`;
    const compiled = compileService(name, service, rulesOf.get(name) ?? [], pointer, report);
    services.set(name, compiled);
    for (const pattern of compiled.origins) {
      if (!origins.add(pattern, compiled))
        report({ pointer: `${pointer}/origins`, message: "names an origin that another service has" });
    }
  }
  if (problems.length > 0) throw new PolicyError(problems);
  return { document, id: document.id, hash: hashOf(document), services, origins };
}

/** The rules of each service, compiled once; a deny without a service belongs to all. */
function compileRules(document: PolicyDocument, report: Report): ReadonlyMap<string, CompiledRule[]> {
  const rulesOf = new Map<string, CompiledRule[]>(Object.keys(document.services).map((name) => [name, []]));
  const ids = new Set<string>();
  document.rules.forEach((rule, index) => {
    const pointer = `/rules/${index}`;
    if (ids.has(rule.id)) report({ pointer: `${pointer}/id`, message: `the id "${rule.id}" is used twice` });
    ids.add(rule.id);
    const compiled = compileRule(rule, pointer, report);
    const named = rule.service === undefined ? [...rulesOf.keys()] : new Set([rule.service].flat());
    for (const name of named) {
      const rules = rulesOf.get(name);
      if (rules === undefined) report({ pointer: `${pointer}/service`, message: `there is no service "${name}"` });
      else rules.push(compiled);
    }
  });
  return rulesOf;
}

const hashOf = (document: PolicyDocument): string =>
  createHash("sha256")
    .update(canonicalize(document) ?? "")
    .digest("hex");

let validate: ReturnType<Ajv2020["compile"]> | undefined;

function shapeProblems(source: unknown): readonly ConfigurationProblem[] {
  // Compiled at first use: importing the library stays quick.
  validate ??= new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(policySchema);
  if (validate(source)) return [];
  return (validate.errors ?? []).filter(({ keyword }) => keyword !== "if" && keyword !== "propertyNames").map(describe);
}

function describe(error: ErrorObject): ConfigurationProblem {
  const params = error.params as Readonly<Record<string, unknown>>;
  const pointer = error.instancePath;
  switch (error.keyword) {
    case "additionalProperties":
      return {
        pointer: `${pointer}/${pointerToken(String(params["additionalProperty"]))}`,
        message: "is not a known key",
      };
    case "required":
      return { pointer, message: `needs the key "${String(params["missingProperty"])}"` };
    case "enum":
      return { pointer, message: `must be one of ${(params["allowedValues"] as unknown[]).join(", ")}` };
    case "const":
      return { pointer, message: `must be ${JSON.stringify(params["allowedValue"])}` };
    case "minItems":
      return { pointer, message: "must not be an empty list" };
    default:
      return { pointer, message: error.message ?? "is not valid" };
  }
}
