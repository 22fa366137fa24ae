/** The source of the module that the build puts in the place of `src/policy/document/policy-validator.ts`. */
export function policyValidatorModule(): Promise<string>;
export const policyValidatorPlugin: import("esbuild").Plugin;
