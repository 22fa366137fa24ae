import type { PolicyDocument } from "../document/document.js";
import type { Predicates } from "../predicates.js";

/**
 * Predicates that always say yes, for whatever names a document uses: the tools look at the document alone, and what they
 * say of it holds at most as far as the code agrees. Takes any input; what is no policy names nothing.
 */
export function standIns(document: PolicyDocument): Predicates {
  const rules: unknown = (document as Partial<PolicyDocument> | null)?.rules;
  const names = Array.isArray(rules) ? rules.flatMap(predicateNames) : [];
  return Object.fromEntries(names.map((name) => [name, () => true]));
}

function predicateNames(rule: unknown): readonly string[] {
  const predicates: unknown = (rule as { readonly predicates?: unknown } | null)?.predicates;
  return typeof predicates === "object" && predicates !== null ? Object.keys(predicates) : [];
}
