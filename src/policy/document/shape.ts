import type { ConfigurationProblem } from "../../errors/guard-error.js";
import type { ErrorObject } from "./json-schema.js";
import { pointerToken } from "./pointer.js";
import { type PolicyValidator, policyValidator } from "./policy-validator.js";

let validate: PolicyValidator | undefined;

/** What the schema finds wrong with a document, in words. */
export function shapeProblems(document: unknown): readonly ConfigurationProblem[] {
  // Made at first use: importing the library stays quick.
  validate ??= policyValidator();
  return validate(document) ? [] : (validate.errors ?? []).filter(saysSomething).map(describe);
}

/** `if` only repeats what its branch says; of a bad name the error about the name itself is kept. */
const saysSomething = ({ keyword, propertyName }: ErrorObject): boolean =>
  keyword !== "if" && (keyword === "propertyNames" || propertyName === undefined);

function describe(error: ErrorObject): ConfigurationProblem {
  const params = error.params as Readonly<Record<string, unknown>>;
  const pointer = error.instancePath;
  const member = (name: unknown): string => `${pointer}/${pointerToken(String(name))}`;
  switch (error.keyword) {
    case "additionalProperties":
      return { pointer: member(params["additionalProperty"]), message: "is not a known key" };
    case "propertyNames":
      return {
        pointer: member(params["propertyName"]),
        message: "is not a good name: letters, digits, `.`, `_` and `-`, at most 64",
      };
    case "required":
      return { pointer, message: `needs the key "${String(params["missingProperty"])}"` };
    case "enum":
      return { pointer, message: `must be one of ${(params["allowedValues"] as unknown[]).join(", ")}` };
    case "const":
      return { pointer, message: `must be ${JSON.stringify(params["allowedValue"])}` };
    case "false schema":
      return { pointer, message: "does not go together with what else is there" };
    case "minItems":
      return { pointer, message: "must not be an empty list" };
    default:
      return { pointer, message: error.message ?? "is not valid" };
  }
}
