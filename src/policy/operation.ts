import type { ConfigurationProblem } from "../errors/guard-error.js";
import { foldCase } from "../request/body/json.js";
import type { GraphqlField } from "../request/protocols/graphql-field.js";
import { isObject, type RpcMessage, TOOL_CALL } from "../request/protocols/jsonrpc.js";
import type { Clause } from "./clauses.js";
import type {
  GraphqlRuleDocument,
  MatcherDocument,
  McpRuleDocument,
  RpcRuleDocument,
  RuleDocument,
} from "./document/document.js";
import { DOUBT, parsePointer, pointerToken, valuesAt } from "./document/pointer.js";
import { compileMatcher } from "./match/matcher.js";
import { everyMatches, someMatches } from "./match/values.js";

/** How the requests to an endpoint are understood. */
export type OperationProtocol = "graphql" | "jsonrpc" | "mcp";

/** The smallest thing that is permitted or forbidden at an endpoint: a root field, or a message. */
export type Operation =
  | ({ readonly protocol: "graphql" } & GraphqlField)
  | { readonly protocol: "jsonrpc" | "mcp"; readonly message: RpcMessage };

/** What clauses and limits about an operation's values look at: a tool's arguments, or the params of another message. */
export function operationRoot(operation: Operation): unknown {
  if (operation.protocol === "graphql" || operation.message.kind === "response") return null;
  const { method, params } = operation.message;
  return (
    (operation.protocol === "mcp" && method === TOOL_CALL ? paramsOf(operation.message)["arguments"] : params) ?? null
  );
}

type Report = (problem: ConfigurationProblem) => void;
type Holds = (operation: Operation) => boolean;

/** What the rule says of operations, or null where it is about ordinary requests. */
export function operationProtocol(rule: RuleDocument): OperationProtocol | null {
  if (rule.graphql !== undefined) return "graphql";
  if (rule.mcp !== undefined) return "mcp";
  return rule.jsonrpc !== undefined ? "jsonrpc" : null;
}

/** The clauses of a rule about operations; a request that carries none never fulfils them. */
export function compileOperationClauses(rule: RuleDocument, pointer: string, report: Report): readonly Clause[] {
  const protocol = operationProtocol(rule);
  if (protocol === null) return [];
  const others = (["graphql", "mcp", "jsonrpc"] as const).filter((key) => key !== protocol && rule[key] !== undefined);
  for (const key of others) report({ pointer: `${pointer}/${key}`, message: "a rule is about one protocol" });
  for (const key of ["methods", "path", "params"] as const) {
    if (rule[key] !== undefined)
      report({ pointer: `${pointer}/${key}`, message: "a rule about operations is for the endpoint of its service" });
  }
  const deny = rule.effect === "deny";
  if (protocol === "graphql") return [graphqlClause(rule.graphql ?? {}, deny)];
  const document = rule[protocol] ?? {};
  return rpcClauses(protocol, document, deny, `${pointer}/${protocol}`, report);
}

const clause = (name: string, expected: string, holds: Holds, got: (operation: Operation) => string): Clause => ({
  name,
  expected,
  readsBody: false,
  holds: ({ operation }) => operation !== undefined && holds(operation),
  got: ({ operation }) => (operation === undefined ? "no operation" : got(operation)),
});

function graphqlClause({ operation: type, fields }: GraphqlRuleDocument, deny: boolean): Clause {
  const listed = fields === undefined ? null : new Set(deny ? fields.map(foldCase) : fields);
  // `__typename` says nothing, and the service has said whether the schema may be asked for.
  const isField = (field: string): boolean =>
    listed === null || (deny ? listed.has(foldCase(field)) : listed.has(field) || field.startsWith("__"));
  return clause(
    "graphql",
    `${type ?? "an operation"}${fields === undefined ? "" : ` of ${fields.join(", ")}`}`,
    (one) => one.protocol === "graphql" && (type === undefined || one.type === type) && isField(one.field),
    (one) => (one.protocol === "graphql" ? `another field of a ${one.type}` : "another protocol"),
  );
}

function rpcClauses(
  protocol: "jsonrpc" | "mcp",
  document: RpcRuleDocument & McpRuleDocument,
  deny: boolean,
  pointer: string,
  report: Report,
): readonly Clause[] {
  const { methods, tools, responses = false, arguments: given, params } = document;
  const aboutTools = tools !== undefined || given !== undefined;
  if (aboutTools && methods?.some((method) => method !== TOOL_CALL) === true)
    report({ pointer: `${pointer}/methods`, message: `only ${TOOL_CALL} has tools and arguments` });
  if (responses && (aboutTools || params !== undefined))
    report({ pointer: `${pointer}/responses`, message: "an answer has neither params nor a tool" });
  const fold = (text: string): string => (deny ? foldCase(text) : text);
  const setOf = (names: readonly string[] | undefined): ReadonlySet<string> | null =>
    names === undefined ? null : new Set(names.map(fold));
  // Only answers where answers are all that is listed; any method where nothing is.
  const methodSet = setOf(methods ?? (aboutTools ? [TOOL_CALL] : responses ? [] : undefined));
  const toolSet = setOf(tools);
  const holds: Holds = (one) => {
    if (one.protocol !== protocol) return false;
    const { message } = one;
    if (message.kind === "response") return responses;
    if (methodSet !== null && !methodSet.has(fold(message.method))) return false;
    return toolSet === null || toolSet.has(fold(toolOf(message)));
  };
  const what = [
    ...(methods ?? []),
    ...(tools ?? []).map((tool) => `the tool ${tool}`),
    ...(responses ? ["answers"] : []),
  ];
  const named = clause(protocol, what.join(", ") || "any message", holds, () => "another message");
  const values = [
    ...matcherClauses("arguments", given, (message) => paramsOf(message)["arguments"], deny, pointer, report),
    ...matcherClauses(
      "params",
      params,
      (message) => (message.kind === "response" ? undefined : message.params),
      deny,
      pointer,
      report,
    ),
  ];
  return [named, ...values];
}

function matcherClauses(
  part: string,
  documents: Readonly<Record<string, MatcherDocument>> | undefined,
  read: (message: RpcMessage) => unknown,
  deny: boolean,
  pointer: string,
  report: Report,
): readonly Clause[] {
  return Object.entries(documents ?? {}).map(([key, document]) => {
    const at = `${pointer}/${part}/${pointerToken(key)}`;
    const matcher = compileMatcher(document, at, report);
    const where = parsePointer(key);
    if (where === null) report({ pointer: at, message: "is not a JSON Pointer" });
    const decide = deny ? someMatches : everyMatches;
    return clause(
      `${part} ${key}`,
      matcher.expected,
      (one) => {
        if (one.protocol === "graphql") return false;
        const root = read(one.message) ?? null;
        return decide(where === null ? [DOUBT] : valuesAt(root, where, deny ? "wide" : "strict"), matcher);
      },
      () => "something else",
    );
  });
}

const paramsOf = (message: RpcMessage): Readonly<Record<string, unknown>> =>
  message.kind !== "response" && isObject(message.params) ? message.params : {};

const toolOf = (message: RpcMessage): string => {
  const { name } = paramsOf(message);
  return typeof name === "string" ? name : "";
};
