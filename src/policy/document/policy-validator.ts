import { type ErrorObject, schemaCompiler } from "./json-schema.js";
import { policySchema } from "./schema.js";

/** Checks a document against the policy schema, and leaves what it found in `errors`. */
export interface PolicyValidator {
  (document: unknown): boolean;
  errors?: readonly ErrorObject[] | null;
}

/** The schema is our own, and a test holds it to the meta-schema: to check and optimize it here takes most of a cold start. */
export const VALIDATOR_OPTIONS = {
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  validateSchema: false,
  meta: false,
  code: { optimize: false },
} as const;

/**
 * Makes the validator. The build puts code that is generated from the schema in the place of this module
 * (`scripts/policy-validator.js`), so that the package loads no schema compiler for a policy.
 */
export function policyValidator(): PolicyValidator {
  return schemaCompiler(VALIDATOR_OPTIONS).compile(policySchema) as PolicyValidator;
}
