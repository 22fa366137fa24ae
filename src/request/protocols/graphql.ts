import { createHash } from "node:crypto";
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode } from "graphql";
import type { JsonValue } from "../body/json.js";
import { type Refusal, refuse } from "../refusal.js";
import type { GraphqlField } from "./graphql-field.js";

/** What of the `graphql` package is used. It is an optional peer. */
export type GraphqlLibrary = Pick<typeof import("graphql"), "parse" | "Kind">;

/** What a reading is held to. */
export interface GraphqlLimits {
  /** How many operations one request may carry. */
  readonly maxOperations: number;
  /** Whether `__schema` and `__type` may be asked for. */
  readonly introspection: boolean;
  /** Document by its SHA-256 in lower-case hex: the only hashes that may be sent. */
  readonly persisted: ReadonlyMap<string, string>;
}

/** The root fields that a request selects, or why it is not read. */
export type GraphqlReading = readonly GraphqlField[] | Refusal;

const MAX_TOKENS = 2_000;
const MAX_DEPTH = 50;
const MAX_ROOT_FIELDS = 50;
const REQUEST_KEYS: ReadonlySet<string> = new Set(["query", "operationName", "variables", "extensions"]);
const EXTENSION_KEYS: ReadonlySet<string> = new Set(["persistedQuery", "clientLibrary"]);

const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);

/**
 * Reads the JSON body of a GraphQL request (GraphQL over HTTP), one operation or a batch, into the root fields it selects.
 * Whatever a server could understand in another way is refused: other members than the known ones, several operations
 * without a name, fragments that are not there or go in circles.
 */
export function readGraphql(library: GraphqlLibrary, body: JsonValue, limits: GraphqlLimits): GraphqlReading {
  const requests = Array.isArray(body) ? (body as readonly JsonValue[]) : [body];
  if (requests.length === 0) return no("the batch is empty");
  if (requests.length > limits.maxOperations) return no(`there are more than ${limits.maxOperations} operations`);
  const fields: GraphqlField[] = [];
  for (const request of requests) {
    const read = readRequest(library, request, limits);
    if ("ok" in read) return read;
    fields.push(...read);
  }
  return fields;
}

type Members = { readonly [key: string]: JsonValue };
const isObject = (value: JsonValue | undefined): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function readRequest(
  library: GraphqlLibrary,
  request: JsonValue,
  limits: GraphqlLimits,
): readonly GraphqlField[] | Refusal {
  if (!isObject(request)) return no("an operation is not an object");
  if (Object.keys(request).some((key) => !REQUEST_KEYS.has(key)))
    return no("an operation has a member that is not query, operationName, variables or extensions");
  const { operationName = null, variables = null, extensions = null } = request;
  if (operationName !== null && typeof operationName !== "string") return no("operationName is not text");
  if (variables !== null && !isObject(variables)) return no("variables is not an object");
  const text = documentText(request["query"] ?? null, extensions, limits.persisted);
  if (typeof text !== "string") return text;
  let document: DocumentNode;
  try {
    document = library.parse(text, { noLocation: true, maxTokens: MAX_TOKENS });
  } catch {
    return no(`the document is not GraphQL, or has more than ${MAX_TOKENS} tokens`);
  }
  return new DocumentReader(library, document).fieldsOf(operationName, limits.introspection);
}

/** The text that will run. A server may run what it has under a hash and not the text beside it, so both must be the same. */
function documentText(
  query: JsonValue,
  extensions: JsonValue,
  persisted: ReadonlyMap<string, string>,
): string | Refusal {
  if (query !== null && typeof query !== "string") return no("query is not text");
  if (extensions !== null) {
    if (!isObject(extensions) || Object.keys(extensions).some((key) => !EXTENSION_KEYS.has(key)))
      return no("extensions holds something unknown");
    const { persistedQuery } = extensions;
    if (persistedQuery !== undefined) {
      const hash = isObject(persistedQuery) ? persistedQuery["sha256Hash"] : undefined;
      const listed = typeof hash === "string" ? persisted.get(hash) : undefined;
      if (listed === undefined) return no("the persisted operation is not listed");
      return query === null || query === listed ? listed : no("the persisted operation is another than the text");
    }
  }
  return query ?? no("there is no document");
}

/** SHA-256 of a document, in lower-case hex, as persisted operations are named. */
export const documentHash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Why a document cannot be judged. */
class Unclear extends Error {}

/** Walks one document. Work is bounded by its tokens: a fragment is walked once, however often it is spread. */
class DocumentReader {
  readonly #kinds: GraphqlLibrary["Kind"];
  readonly #operations: OperationDefinitionNode[] = [];
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  readonly #depths = new Map<string, number | "open">();
  #introspects = false;
  readonly #problem: string | null;

  constructor({ Kind }: GraphqlLibrary, document: DocumentNode) {
    this.#kinds = Kind;
    let problem: string | null = null;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.OPERATION_DEFINITION) this.#operations.push(definition);
      else if (definition.kind === Kind.FRAGMENT_DEFINITION && !this.#fragments.has(definition.name.value))
        this.#fragments.set(definition.name.value, definition);
      else problem = "the document defines something else than operations and fragments, or a fragment twice";
    }
    this.#problem = problem;
  }

  fieldsOf(operationName: string | null, introspection: boolean): readonly GraphqlField[] | Refusal {
    if (this.#problem !== null) return no(this.#problem);
    try {
      const operation = this.#selected(operationName);
      // All of the document, not only what is selected: the server validates, and may run, the rest too.
      for (const name of this.#fragments.keys()) this.#depthOfFragment(name, 0);
      for (const { selectionSet } of this.#operations) this.#depth(selectionSet, 0);
      if (this.#introspects && !introspection) return no("introspection is off for this service");
      const keys = new Map<string, Set<string>>();
      this.#rootFields(operation.selectionSet, keys, new Set(), { count: 0 });
      return [...keys].map(([field, { size: times }]) => ({ type: operation.operation, field, times }));
    } catch (error) {
      if (error instanceof Unclear) return no(error.message);
      throw error;
    }
  }

  #selected(operationName: string | null): OperationDefinitionNode {
    const names = this.#operations.map(({ name }) => name?.value);
    if (new Set(names).size < names.length || (names.length > 1 && names.includes(undefined)))
      throw new Unclear("two operations of the document cannot be told apart");
    const chosen =
      operationName === null ? this.#operations : this.#operations.filter((_, at) => names[at] === operationName);
    const [operation] = chosen;
    if (operation === undefined) throw new Unclear("the document has no operation of that name");
    if (chosen.length > 1) throw new Unclear("the document has several operations and none is named");
    return operation;
  }

  /** How deep the selection goes, fragments included; finds circles, unknown fragments and introspection on its way. */
  #depth({ selections }: SelectionSetNode, above: number): number {
    if (above >= MAX_DEPTH) throw new Unclear(`the document is more than ${MAX_DEPTH} levels deep`);
    let deepest = 0;
    for (const node of selections) {
      let below = 0;
      if (node.kind === this.#kinds.FIELD) {
        const name = node.name.value;
        // At any depth: what a mutation gives back may hold the query root again.
        if (name.startsWith("__") && name !== "__typename") this.#introspects = true;
        if (node.selectionSet !== undefined) below = this.#depth(node.selectionSet, above + 1);
      } else if (node.kind === this.#kinds.INLINE_FRAGMENT) below = this.#depth(node.selectionSet, above + 1);
      else below = this.#depthOfFragment(node.name.value, above + 1);
      deepest = Math.max(deepest, below + 1);
    }
    if (above + deepest > MAX_DEPTH) throw new Unclear(`the document is more than ${MAX_DEPTH} levels deep`);
    return deepest;
  }

  #depthOfFragment(name: string, above: number): number {
    const known = this.#depths.get(name);
    if (known === "open") throw new Unclear("a fragment contains itself");
    if (known !== undefined) return known;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) throw new Unclear("the document spreads a fragment that is not there");
    this.#depths.set(name, "open");
    const depth = this.#depth(fragment.selectionSet, above);
    this.#depths.set(name, depth);
    return depth;
  }

  /**
   * The response keys under which each field is asked for. `@skip` and `@include` count as present: their values are the
   * caller's. So does every type condition.
   */
  #rootFields(
    { selections }: SelectionSetNode,
    keys: Map<string, Set<string>>,
    walked: Set<string>,
    seen: { count: number },
  ): void {
    for (const node of selections) {
      if (node.kind === this.#kinds.FIELD) {
        const field = node.name.value;
        keys.set(field, (keys.get(field) ?? new Set()).add(node.alias?.value ?? field));
        if (++seen.count > MAX_ROOT_FIELDS)
          throw new Unclear(`an operation has more than ${MAX_ROOT_FIELDS} root fields`);
      } else if (node.kind === this.#kinds.INLINE_FRAGMENT) this.#rootFields(node.selectionSet, keys, walked, seen);
      else if (!walked.has(node.name.value)) {
        walked.add(node.name.value);
        const fragment = this.#fragments.get(node.name.value);
        if (fragment !== undefined) this.#rootFields(fragment.selectionSet, keys, walked, seen);
      }
    }
  }
}
