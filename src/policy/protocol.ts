import type { ConfigurationProblem } from "../errors/guard-error.js";
import type { BodyView } from "../request/body/body.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { type EnvelopeKind, type EnvelopePart, readEnvelope } from "../request/protocols/envelope.js";
import {
  documentHash,
  type GraphqlLibrary,
  type GraphqlLimits,
  type GraphqlReading,
  readGraphql,
} from "../request/protocols/graphql.js";
import { readGraphqlQuery } from "../request/protocols/graphql-get.js";
import { mcpProblem, readRpcMessages } from "../request/protocols/jsonrpc.js";
import { mcpHeaderProblem } from "../request/protocols/mcp-headers.js";
import { type Refusal, refuse } from "../request/refusal.js";
import type { ServiceDocument } from "./document/document.js";
import { pointerToken } from "./document/pointer.js";
import { library } from "./libraries.js";
import { foldedPaths, foldTemplate } from "./match/folded-path.js";
import { PathIndex } from "./match/path-index.js";
import { parsePathTemplate, pathReporter } from "./match/path-template.js";
import type { Operation, OperationProtocol } from "./operation.js";

type Report = (problem: ConfigurationProblem) => void;

/** What a special path is for. */
export type Endpoint =
  | {
      readonly kind: "operations";
      readonly protocol: OperationProtocol;
      readonly read: (request: CanonicalRequest, body: BodyView) => readonly Operation[] | Refusal;
    }
  | {
      readonly kind: "envelope";
      readonly read: (request: CanonicalRequest, body: BodyView) => readonly EnvelopePart[] | Refusal;
    };

/** The paths of a service where the body says what is asked. */
export class Endpoints {
  readonly #exact = new PathIndex<Endpoint>();
  readonly #loose = new PathIndex<Endpoint>({ extensions: true });

  add(path: string, endpoint: Endpoint, pointer: string, report: Report): void {
    const template = parsePathTemplate(path, pathReporter(pointer, report));
    if (template === null) return;
    if (template.rest) report({ pointer, message: "must be one path, without a trailing /**" });
    this.#exact.add(template, endpoint);
    this.#loose.add(foldTemplate(template), endpoint);
  }

  /**
   * The endpoint that a path leads to. Found by every reading that some server could make of the path (`/graphql/`,
   * `/%24batch`); unless it is written exactly so it is refused, since nobody knows whether this server makes it.
   */
  find({ path, segments, encodedSlash }: CanonicalRequest): Endpoint | Refusal | undefined {
    if (this.#loose.isEmpty) return undefined;
    const [exact] = this.#exact.find(segments);
    if (exact !== undefined) return exact;
    const isNear = foldedPaths(path, segments, encodedSlash).some(
      (reading) => this.#loose.find(reading.segments).length > 0,
    );
    return isNear ? refuse("URL_AMBIGUOUS", "the path is another spelling of an endpoint") : undefined;
  }
}

/** Compiles what a service says of its protocol and its envelopes. */
export function compileEndpoints(document: ServiceDocument, pointer: string, report: Report): Endpoints {
  const endpoints = new Endpoints();
  const protocol = document.protocol ?? "http";
  for (const key of ["graphql", "jsonrpc", "mcp"] as const) {
    if (document[key] !== undefined && protocol !== key)
      report({ pointer: `${pointer}/${key}`, message: `needs "protocol": "${key}"` });
  }
  if (protocol !== "http") {
    const at = document[protocol]?.endpoint ?? `/${protocol}`;
    if (/[{}]/.test(at)) report({ pointer: `${pointer}/${protocol}/endpoint`, message: "must not have a parameter" });
    const endpoint =
      protocol === "graphql" ? graphqlEndpoint(document, pointer, report) : rpcEndpoint(protocol, document);
    endpoints.add(at, endpoint, `${pointer}/${protocol}/endpoint`, report);
  }
  for (const [path, kind] of Object.entries(document.envelopes ?? {})) {
    endpoints.add(path, envelopeEndpoint(kind), `${pointer}/envelopes/${pointerToken(path)}`, report);
  }
  return endpoints;
}

function graphqlEndpoint(document: ServiceDocument, pointer: string, report: Report): Endpoint {
  const { maxOperations = 1, introspection = false, persisted = {} } = document.graphql ?? {};
  const parser = graphqlLibrary();
  if (parser === null)
    report({ pointer: `${pointer}/protocol`, message: "needs the package graphql: npm install graphql" });
  for (const [hash, text] of Object.entries(persisted)) {
    if (documentHash(text) !== hash)
      report({ pointer: `${pointer}/graphql/persisted/${hash}`, message: "is not the SHA-256 of the document" });
  }
  const limits: GraphqlLimits = { maxOperations, introspection, persisted: new Map(Object.entries(persisted)) };
  const fieldsOfGet = (from: GraphqlLibrary, request: CanonicalRequest, body: BodyView): GraphqlReading =>
    body.kind === "none"
      ? readGraphqlQuery(from, request.query, limits)
      : refuse("PROTOCOL_REFUSED", "a GraphQL request by GET has no body");
  const fieldsOfPost = (from: GraphqlLibrary, request: CanonicalRequest, body: BodyView): GraphqlReading => {
    // Servers take `?query=` and `?operationName=` on a POST, too, and some prefer them to the body.
    if (request.query.length > 0) return refuse("PROTOCOL_REFUSED", "a GraphQL POST has no query parameters");
    const json = jsonOf(request, body);
    return json.ok ? readGraphql(from, json.value, limits) : json;
  };
  return {
    kind: "operations",
    protocol: "graphql",
    read: (request, body) => {
      if (parser === null) return refuse("PROTOCOL_REFUSED", "GraphQL cannot be read");
      const fields =
        request.method === "GET" ? fieldsOfGet(parser, request, body) : fieldsOfPost(parser, request, body);
      return "ok" in fields ? fields : fields.map((field) => ({ protocol: "graphql" as const, ...field }));
    },
  };
}

/** The `graphql` package, or null if it is not installed. */
function graphqlLibrary(): GraphqlLibrary | null {
  try {
    return library("graphql");
  } catch {
    return null;
  }
}

/** Every message of a batch is judged, so a batch is no way around a rule: this only bounds the work. */
const MAX_MESSAGES = 20;

function rpcEndpoint(protocol: "jsonrpc" | "mcp", document: ServiceDocument): Endpoint {
  const maxOperations = document[protocol]?.maxOperations ?? MAX_MESSAGES;
  return {
    kind: "operations",
    protocol,
    read: (request, body) => {
      const json = jsonOf(request, body);
      if (!json.ok) return json;
      const messages = readRpcMessages(json.value, maxOperations);
      if ("ok" in messages) return messages;
      const problem =
        protocol === "mcp"
          ? (messages.map(mcpProblem).find((one) => one !== null) ?? mcpHeaderProblem(request.headers, messages))
          : null;
      return problem ?? messages.map((message) => ({ protocol, message }));
    },
  };
}

const envelopeEndpoint = (kind: EnvelopeKind): Endpoint => ({
  kind: "envelope",
  read: (request, body) => {
    const json = jsonOf(request, body);
    return json.ok ? readEnvelope(kind, json.value, request) : json;
  },
});

/** The body of a POST that is JSON and says so in the one way that all servers understand. */
function jsonOf(
  { method, declaredBody }: CanonicalRequest,
  body: BodyView,
): (BodyView & { kind: "json"; ok: true }) | Refusal {
  if (method !== "POST") return refuse("PROTOCOL_REFUSED", "this endpoint takes POST only");
  if (declaredBody.mediaType !== "application/json")
    return refuse("BODY_UNREADABLE", "this endpoint takes application/json only");
  if (body.kind === "json") return { ...body, ok: true };
  return refuse("BODY_UNREADABLE", "reason" in body ? body.reason : "there is no body to judge");
}
