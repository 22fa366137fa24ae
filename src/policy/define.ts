import type { PolicyDocument, RuleDocument } from "./document/document.js";

/** A document whose rules name services that it has. */
interface NamingItsServices<Service extends string> {
  readonly rules: readonly (Omit<RuleDocument, "service"> & { readonly service?: Service | readonly Service[] })[];
}

/**
 * Checks the types of a policy that is written in code, and returns it unchanged: names of services, effects and methods keep
 * their literal types, and a rule that names a service the document does not have is an error of the compiler. Nothing is
 * checked at run time; `compilePolicy` and `createGuard` do that.
 *
 * @param document the policy, as in `docs/policy.md`.
 * @example
 * const policy = definePolicy({
 *   version: 1,
 *   services: { crm: { origins: ["https://crm.internal.example"] } },
 *   rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/accounts/{id}" }],
 * });
 */
export function definePolicy<const Document extends PolicyDocument>(
  document: Document & NamingItsServices<keyof Document["services"] & string>,
): Document {
  return document;
}
