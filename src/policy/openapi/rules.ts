import type { ConfigurationProblem } from "../../errors/guard-error.js";
import type { Clause } from "../clauses.js";
import type { RuleDocument } from "../document/document.js";
import type { ApiDescription, ApiOperation } from "./description.js";
import { fitsPatterns } from "./paths.js";

/** An operation that a rule names, and whose it is. */
export interface NamedOperation {
  readonly service: string;
  readonly description: ApiDescription;
  readonly operation: ApiOperation;
}

/** The operations of a rule in each of its services; what is not there is a problem. */
export function namedOperations(
  rule: RuleDocument,
  services: Iterable<string>,
  descriptions: ReadonlyMap<string, ApiDescription>,
  pointer: string,
  report: (problem: ConfigurationProblem) => void,
): readonly NamedOperation[] {
  const problem = (at: string, message: string): void => report({ pointer: `${pointer}/${at}`, message });
  for (const key of ["methods", "path", "graphql", "jsonrpc", "mcp"] as const)
    if (rule[key] !== undefined) problem(key, "the operations say that already");
  if (rule.service === undefined) problem("operations", "the rule must name the service whose operations these are");
  return (rule.service === undefined ? [] : [...services]).flatMap((service) => {
    const description = descriptions.get(service);
    if (description === undefined) {
      problem("operations", `there is no service "${service}" with an OpenAPI description`);
      return [];
    }
    return (rule.operations ?? []).flatMap((id, index) => {
      const operations = description.byId(id);
      if (operations.length === 0)
        problem(`operations/${index}`, `the description of "${service}" has no operation "${id}"`);
      return operations.map((operation) => ({ service, description, operation }));
    });
  });
}

/**
 * The clause that a request is this operation. In an allow, it must be the one that the description leads to: `/notes/mine`
 * is not `/notes/{id}` where both are described. In a deny, it is enough that it could be.
 */
export function operationClause({ operation, description }: NamedOperation, deny: boolean): Clause {
  return {
    name: "operation",
    expected: operation.id ?? "an operation",
    readsBody: false,
    holds: deny
      ? ({ path }) => path !== undefined && fitsPatterns(operation.path, path.segments)
      : ({ request }) => description.operationOf(request) === operation,
    got: () => "another operation",
  };
}
