import { isMethodOverrideField } from "../method.js";

/** A place in a request at which a value stands, whole: a parameter, a form field or a JSON string. */
export interface ValuePlace {
  readonly part: "query" | "form" | "json";
  /** The names and numbers that lead there; of a parameter or a form field, its name alone. */
  readonly path: readonly string[];
}

/** What the path that a request goes to takes: ordinary requests, operations of a protocol, or several requests in one. */
export type PathProtocol = "http" | "graphql" | "jsonrpc" | "mcp" | "envelope";

/**
 * Whether a place holds data and nothing else. False for whatever says what is done, and where: GraphQL documents and the
 * names of operations, methods and tools, all of an envelope, and fields by which a server runs another method. A value that
 * the caller has never seen may only stand where it cannot choose any of that.
 */
export function holdsOnlyData(protocol: PathProtocol, { part, path }: ValuePlace): boolean {
  if (path.some(isMethodOverrideField)) return false;
  if (protocol === "http") return true;
  if (protocol === "envelope" || part !== "json") return false;
  const [first = "", ...deeper] = isNumber(path[0]) ? path.slice(1) : path; // of a batch, any message
  switch (protocol) {
    case "graphql":
      return first === "variables" && deeper.length > 0;
    case "jsonrpc":
      return first === "params" && deeper.length > 0;
    case "mcp":
      return first === "params" && deeper[0] === "arguments" && deeper.length > 1;
  }
}

const isNumber = (text: string | undefined): boolean => text !== undefined && /^[0-9]+$/.test(text);
