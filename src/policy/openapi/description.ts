import type { ConfigurationProblem } from "../../errors/guard-error.js";
import type { BodyView } from "../../request/body/body.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { decodeEscapes } from "../../request/escapes.js";
import { METHODS, type Method } from "../../request/method.js";
import { pointerToken } from "../document/pointer.js";
import { PathIndex } from "../match/path-index.js";
import { templateParams } from "../match/path-template.js";
import { basePaths } from "./base-paths.js";
import { compileChecks, type RequestCheck } from "./checks.js";
import { listParameters } from "./parameters.js";
import { fitsPatterns, isAsConcrete, type OperationPath, readOperationPath } from "./paths.js";
import { isNode, type Node, nodeAt, type Place, type Report, reportForeignReferences, resolve } from "./reading.js";
import { openSchemas, type Schemas } from "./schemas.js";

/** One operation at one path: with several base paths there are several of one id. */
export interface ApiOperation {
  /** Undefined where the description gives none: it cannot be named then. */
  readonly id: string | undefined;
  readonly method: Method;
  readonly path: OperationPath;
  readonly check: RequestCheck;
}

/** What an OpenAPI description says of a service. */
export interface ApiDescription {
  /** All places of an operation; none where the description has no such id. */
  byId(id: string): readonly ApiOperation[];
  /** The operation that a request is; null where it is none, or where servers could differ about which. */
  operationOf(request: CanonicalRequest): ApiOperation | null;
  /** What a request does not fit, if it is an operation of the description. */
  fault(request: CanonicalRequest, body: BodyView): string | null;
}

const MAX_OPERATIONS = 10_000;

/** Reads an OpenAPI 3.0 or 3.1 description; what is wrong goes to `problem`, with its place. */
export function readDescription(
  root: Node,
  origins: readonly string[],
  pointer: string,
  problem: (problem: ConfigurationProblem) => void,
): ApiDescription {
  let isSound = true;
  const report: Report = (at, message) => {
    isSound = false;
    problem({ pointer: `${pointer}${at}`, message });
  };
  const version = /^3\.([01])(?:\.|$)/.exec(String(root["openapi"]))?.[1];
  if (version === undefined) report("/openapi", "must be 3.0.x or 3.1.x");
  if (!isNode(root["paths"])) report("/paths", "is needed");
  reportForeignReferences(root, report);
  const schemas = isSound ? openSchemas(root, version === "0") : null;
  const operations = schemas === null ? [] : readOperations(root, schemas, origins, report);
  if (operations.length > MAX_OPERATIONS) report("/paths", `has more than ${MAX_OPERATIONS} operations`);
  return indexOf(operations);
}

function readOperations(
  root: Node,
  schemas: Schemas,
  origins: readonly string[],
  report: Report,
): readonly ApiOperation[] {
  const operations: ApiOperation[] = [];
  const shapes = new Map<string, string>();
  const ids = new Set<string>();
  for (const [text, value] of Object.entries(nodeAt(root, "paths"))) {
    const at = `/paths/${pointerToken(text)}`;
    if (text.startsWith("x-")) continue;
    const item = resolve(root, value, at, report);
    if (item === null) continue;
    for (const method of METHODS) {
      const key = method.toLowerCase();
      if (!isNode(item.node[key])) continue;
      const operation: Place = { node: item.node[key], at: `${item.at}/${key}` };
      const id = operation.node["operationId"];
      if (typeof id === "string" && ids.has(id)) report(`${operation.at}/operationId`, `the id "${id}" is used twice`);
      if (typeof id === "string") ids.add(id);
      const lists = listParameters({ root, schemas, report }, item, operation);
      for (const base of basePaths([operation.node, item.node, root], origins, report)) {
        const path = readOperationPath(base + text, lists);
        if (path === null) {
          report(at, "must start with / and have no query");
          continue;
        }
        const shape = `${method} ${path.shape}`;
        const other = shapes.get(shape);
        if (other !== undefined) report(at, `cannot be told apart from ${other}`);
        shapes.set(shape, text);
        const check = compileChecks({ root, schemas, report }, item, operation, templateParams(path.template));
        operations.push({ id: typeof id === "string" ? id : undefined, method, path, check });
      }
    }
  }
  return operations;
}

function indexOf(operations: readonly ApiOperation[]): ApiDescription {
  const index = new PathIndex<ApiOperation>();
  const byId = new Map<string, ApiOperation[]>();
  for (const operation of operations) {
    index.add(operation.path.template, operation);
    if (operation.id !== undefined) byId.set(operation.id, [...(byId.get(operation.id) ?? []), operation]);
  }
  const operationOf = ({ method, segments }: CanonicalRequest): ApiOperation | null => {
    const decoded = segments.map((segment) => decodeEscapes(segment) ?? "");
    const onPath = index.find(segments).filter(({ path }) => fitsPatterns(path, decoded));
    const found = onPath.filter((one) => one.method === method);
    // GET brings HEAD with it.
    const candidates = found.length > 0 || method !== "HEAD" ? found : onPath.filter((one) => one.method === "GET");
    return candidates.find((one) => candidates.every((other) => isAsConcrete(one.path, other.path))) ?? null;
  };
  return {
    byId: (id) => byId.get(id) ?? [],
    operationOf,
    fault: (request, body) => {
      const operation = operationOf(request);
      const fault = operation?.check(request, body) ?? null;
      return fault === null ? null : `it does not fit ${operation?.id ?? "its operation"}: ${fault}`;
    },
  };
}
