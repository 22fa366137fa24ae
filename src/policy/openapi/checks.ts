import type { BodyView } from "../../request/body.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { decodeEscapes } from "../../request/escapes.js";
import { headerValues } from "../../request/headers.js";
import { isForm, isJson } from "../../request/media-type.js";
import { pointerToken } from "../pointer.js";
import { isNode, listAt, type Node, nodeAt, type Place, type Report, resolve } from "./reading.js";
import type { Schemas, SchemaTest } from "./schemas.js";
import { formObject, testTexts } from "./text-values.js";

/** What the description says that a request does not fit: the part and the schema's place, never a value. Null where it fits. */
export type RequestCheck = (request: CanonicalRequest, body: BodyView) => string | null;

interface Context {
  readonly root: Node;
  readonly schemas: Schemas;
  readonly report: Report;
}

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

const DEFAULT_STYLE: Readonly<Record<string, string>> = { path: "simple", query: "form", header: "simple" };

/** Null where nothing can be said: a cookie is never sent, and other styles than the default write values in other ways. */
function parameterCheck(
  context: Context,
  { node, at }: Place,
  paramAt: ReadonlyMap<string, number>,
): RequestCheck | null {
  const { name, in: place, required, style } = node;
  if (typeof name !== "string" || typeof place !== "string" || !Object.hasOwn(DEFAULT_STYLE, place)) return null;
  const isPlain = style === undefined || style === DEFAULT_STYLE[place];
  const test = isPlain && isNode(node["schema"]) ? compile(context, `${at}/schema`) : null;
  const isRepeated = place === "query" && node["explode"] !== false;
  const read = textReader(place, name, paramAt);
  return (request) => {
    const texts = read(request);
    if (texts.length === 0)
      return required === true && place !== "path" ? `the ${place} parameter ${name} is needed` : null;
    if (test === null) return null;
    const whole = testTexts(test, texts);
    if (whole === null) return null;
    const pieces = isRepeated ? texts : texts.flatMap((text) => text.split(","));
    const fault = pieces.length === texts.length ? whole : testTexts(test, pieces);
    return fault === null ? null : `the ${place} parameter ${name}: ${fault}`;
  };
}

function textReader(
  place: string,
  name: string,
  paramAt: ReadonlyMap<string, number>,
): (request: CanonicalRequest) => readonly string[] {
  if (place === "query") return ({ query }) => query.flatMap(([key, value]) => (key === name ? [value] : []));
  if (place === "header") return ({ headers }) => headerValues(headers, name.toLowerCase());
  const index = paramAt.get(name);
  return ({ segments }) => {
    const text = index === undefined ? null : decodeEscapes(segments[index] ?? "");
    return text === null ? [] : [text];
  };
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
  const test = compile(context, `${at}/schema`);
  const fields = fieldTests(context, media["schema"], `${at}/schema`);
  return (body, mediaType) => {
    if (body.kind === "json") return test(body.value);
    if (body.kind === "form") return test(formObject(body.pairs, fields));
    // What is not read, such as a file, has the right media type at least.
    return body.kind === "opaque" && !isJson(mediaType) && !isForm(mediaType) ? null : "it cannot be read";
  };
}

function fieldTests(context: Context, schema: unknown, at: string): ReadonlyMap<string, SchemaTest> {
  const place = resolve(context.root, schema, at, () => {});
  const names = Object.keys(place === null ? {} : nodeAt(place.node, "properties"));
  return new Map(names.map((name) => [name, compile(context, `${place?.at}/properties/${pointerToken(name)}`)]));
}

function compile({ schemas, report }: Context, pointer: string): SchemaTest {
  try {
    return schemas.compile(pointer);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n", 1)[0] : "";
    report(pointer, `is not a schema that can be checked (patterns are RE2, without look-around): ${why}`);
    return () => "its schema";
  }
}
