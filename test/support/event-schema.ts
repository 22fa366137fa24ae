import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { auditEventSchema } from "../../src/audit/index.js";

let compiled: ValidateFunction | undefined;

/** A line of the record as an object; throws where the published schema does not describe it, member by member. */
export function checkedEvent(line: string): Record<string, unknown> {
  const event = JSON.parse(line) as Record<string, unknown>;
  const problems = schemaProblems(event);
  if (problems.length > 0) throw new Error(`The schema does not describe ${line}: ${problems.join(", ")}`);
  return event;
}

export function schemaProblems(event: unknown): readonly string[] {
  compiled ??= new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(closed(auditEventSchema) as object);
  return compiled(event)
    ? []
    : (compiled.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The published schema lets members pass that later versions may have; no line of this version has one. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  if (copy["type"] === "object" && "properties" in copy) copy["additionalProperties"] = false;
  if (copy["pattern"] === LATER_TYPES) return false;
  return copy;
}

/** Types that later versions may have. */
const LATER_TYPES = "^[a-z_.]{1,64}$";
