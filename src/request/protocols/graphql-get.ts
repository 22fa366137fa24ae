import { type JsonValue, readStrictJson } from "../body/json.js";
import { type Refusal, refuse } from "../refusal.js";
import { type GraphqlLibrary, type GraphqlLimits, type GraphqlReading, readGraphql } from "./graphql.js";
import type { GraphqlField } from "./graphql-field.js";

const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);

/** Parameters of a GET, and whether their text is JSON (GraphQL over HTTP, section 6.2). */
const PARAMETERS: ReadonlyMap<string, "text" | "json"> = new Map([
  ["query", "text"],
  ["operationName", "text"],
  ["variables", "json"],
  ["extensions", "json"],
]);

/**
 * Reads a GraphQL request that is made by GET, from the decoded pairs of its query. A parameter that is unknown, or there
 * twice, is one that two servers could read differently. Only a `query` may be asked for so: what changes something must
 * not be behind a link (GraphQL over HTTP, section 6.2.1).
 */
export function readGraphqlQuery(
  library: GraphqlLibrary,
  pairs: readonly (readonly [string, string])[],
  limits: GraphqlLimits,
): GraphqlReading {
  const members: [string, JsonValue][] = [];
  for (const [name, text] of pairs) {
    const kind = PARAMETERS.get(name);
    if (kind === undefined || members.some(([known]) => known === name))
      return no("a GraphQL request by GET has a parameter that is unknown or there twice");
    const value = kind === "text" ? text : jsonIn(text);
    if (value === undefined) return no(`the parameter \`${name}\` is not JSON that can be read`);
    members.push([name, value]);
  }
  const fields = readGraphql(library, Object.fromEntries(members), limits);
  return "ok" in fields || fields.every(isOfQuery) ? fields : no("only a query may be asked for by GET");
}

const isOfQuery = ({ type }: GraphqlField): boolean => type === "query";

const utf8 = new TextEncoder();

function jsonIn(text: string): JsonValue | undefined {
  const read = readStrictJson(utf8.encode(text));
  return read.ok ? read.value : undefined;
}
