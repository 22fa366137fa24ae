import type { BodyView } from "../../request/body/body.js";
import { isForm, isJson } from "../../request/body/media-type.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { pointerToken } from "../document/pointer.js";
import { type Context, compileSchema, fieldTests } from "./context.js";
import { parameterCheck } from "./parameters.js";
import { isNode, listAt, type Node, nodeAt, type Place, resolve } from "./reading.js";
import { formObject } from "./text-values.js";

/** What the description says that a request does not fit: the part and the schema's place, never a value. Null where it fits. */
export type RequestCheck = (request: CanonicalRequest, body: BodyView) => string | null;

/** Compiles the parameters and the body of one operation. `paramAt` says where the path's parameters stand. */
export function compileChecks(
  context: Context,
  pathItem: Place,
  operation: Place,
  paramAt: ReadonlyMap<string, number>,
): RequestCheck {
  const checks = [...parameterChecks(context, pathItem, operation, paramAt), bodyCheck(context, operation)];
  return (request, body) => {
    for (const check of checks) {
      const fault = check(request, body);
      if (fault !== null) return fault;
    }
    return null;
  };
}

/** An operation's own parameters replace those of its path by name and place. */
function parameterChecks(
  context: Context,
  pathItem: Place,
  operation: Place,
  paramAt: ReadonlyMap<string, number>,
): readonly RequestCheck[] {
  const found = new Map<string, RequestCheck | null>();
  for (const { node, at } of [pathItem, operation]) {
    listAt(node, "parameters").forEach((value, index) => {
      const parameter = resolve(context.root, value, `${at}/parameters/${index}`, context.report);
      if (parameter === null) return;
      const key = `${String(parameter.node["in"])} ${String(parameter.node["name"])}`;
      found.set(key, parameterCheck(context, parameter, paramAt));
    });
  }
  return [...found.values()].filter((check) => check !== null);
}

function bodyCheck(context: Context, operation: Place): RequestCheck {
  const { requestBody } = operation.node;
  if (requestBody === undefined) return (_, body) => (body.kind === "none" ? null : "it takes no body");
  const described = resolve(context.root, requestBody, `${operation.at}/requestBody`, context.report);
  if (described === null) return () => "its body";
  const isNeeded = described.node["required"] === true;
  const contents = Object.entries(nodeAt(described.node, "content")).map(([range, media]) => ({
    range: range.split(";", 1)[0]?.trim().toLowerCase() ?? "",
    test: isNode(media) ? contentTest(context, media, `${described.at}/content/${pointerToken(range)}`) : () => null,
  }));
  const byRange = new Map(contents.map(({ range, test }) => [range, test]));
  return ({ declaredBody: { mediaType } }, body) => {
    if (body.kind === "none") return isNeeded ? "a body is needed" : null;
    const test = mediaType === null ? undefined : contentFor(byRange, mediaType);
    if (test === undefined) return "its media type is not one of the operation's";
    const fault = test(body, mediaType ?? "");
    return fault === null ? null : `the body: ${fault}`;
  };
}

/** The content for a media type: named exactly, by a range, or any. */
const contentFor = (byRange: ReadonlyMap<string, BodyTest>, mediaType: string): BodyTest | undefined =>
  byRange.get(mediaType) ?? byRange.get(`${mediaType.split("/", 1)[0]}/*`) ?? byRange.get("*/*");

type BodyTest = (body: BodyView, mediaType: string) => string | null;

function contentTest(context: Context, media: Node, at: string): BodyTest {
  if (media["schema"] === undefined) return () => null;
  const test = compileSchema(context, `${at}/schema`);
  const fields = fieldTests(context, media["schema"], `${at}/schema`);
  return (body, mediaType) => {
    if (body.kind === "json") return test(body.value);
    if (body.kind === "form") return test(formObject(body.pairs, fields));
    // What is not read, such as a file, has the right media type at least.
    return body.kind === "opaque" && !isJson(mediaType) && !isForm(mediaType) ? null : "it cannot be read";
  };
}
