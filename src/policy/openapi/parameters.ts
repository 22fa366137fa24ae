import { readStrictJson } from "../../request/body/json.js";
import { isJson } from "../../request/body/media-type.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { decodeEscapes } from "../../request/escapes.js";
import { headerValues } from "../../request/headers.js";
import { pointerToken } from "../document/pointer.js";
import { type Context, compileSchema, fieldTests } from "./context.js";
import { isNode, listAt, nodeAt, type Place, resolve } from "./reading.js";
import type { SchemaTest } from "./schemas.js";
import { formObject, testTexts } from "./text-values.js";

/** What a request's parameter does not fit, or null. */
export type ParameterCheck = (request: CanonicalRequest) => string | null;

/** The texts of a parameter in a request, and those of its members where its style spreads an object over several pairs. */
type Reader = (request: CanonicalRequest) => readonly string[];
type Pairs = readonly (readonly [string, string])[];

/** The styles that are read, by place; the first is the default. Values in others would go unchecked, so they do not load. */
const STYLES: Readonly<Record<string, readonly string[]>> = {
  path: ["simple"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
};

/** OpenAPI says of these header parameters that they are described elsewhere. */
const DESCRIBED_ELSEWHERE = new Set(["accept", "content-type", "authorization"]);

/** Compiles one parameter. Null where there is nothing to check: no cookie of the agent's is ever sent. */
export function parameterCheck(
  context: Context,
  { node, at }: Place,
  paramAt: ReadonlyMap<string, number>,
): ParameterCheck | null {
  const { name, in: place, required, style } = node;
  if (place === "cookie") return null;
  const styles = typeof place === "string" && Object.hasOwn(STYLES, place) ? STYLES[place] : undefined;
  if (typeof name !== "string" || typeof place !== "string" || styles === undefined) {
    context.report(at, "is no parameter: it needs a name, and its place in path, query, header or cookie");
    return null;
  }
  if (place === "header" && DESCRIBED_ELSEWHERE.has(name.toLowerCase())) return null;
  const written = style ?? styles[0];
  if (typeof written !== "string" || !styles.includes(written)) {
    context.report(`${at}/style`, `cannot be checked; in the ${place} only ${styles.join(", ")} can`);
    return null;
  }
  const { isThere, fault } = compileStyle(context, { node, at }, written, place, name, paramAt);
  return (request) => {
    if (!isThere(request))
      return required === true && place !== "path" ? `the ${place} parameter ${name} is needed` : null;
    const found = fault(request);
    return found === null ? null : `the ${place} parameter ${name}: ${found}`;
  };
}

interface Compiled {
  readonly isThere: (request: CanonicalRequest) => boolean;
  readonly fault: ParameterCheck;
}

function compileStyle(
  context: Context,
  parameter: Place,
  style: string,
  place: string,
  name: string,
  paramAt: ReadonlyMap<string, number>,
): Compiled {
  const { node, at } = parameter;
  const read = textReader(place, name, paramAt);
  const isThere = (request: CanonicalRequest): boolean => read(request).length > 0;
  if (node["content"] !== undefined) return { isThere, fault: contentFault(context, parameter, read) };
  if (!isNode(node["schema"])) return { isThere, fault: () => null };
  const test = compileSchema(context, `${at}/schema`);
  if (style === "deepObject") return deepObject(name, test, fieldTests(context, node["schema"], `${at}/schema`));
  const explode = typeof node["explode"] === "boolean" ? node["explode"] : style === "form";
  const separator = style === "spaceDelimited" ? " " : style === "pipeDelimited" ? "|" : ",";
  const split = (texts: readonly string[]): readonly string[] =>
    place === "query" && explode ? texts : texts.flatMap((text) => text.split(separator));
  if (!isObjectSchema(context, node["schema"], at)) {
    return {
      isThere,
      fault: (request) => {
        const texts = read(request);
        const whole = testTexts(test, texts);
        const pieces = split(texts);
        return whole === null || pieces.length === texts.length ? whole : testTexts(test, pieces);
      },
    };
  }
  const fields = fieldTests(context, node["schema"], `${at}/schema`);
  const faultOf = (pairs: Pairs | null): string | null =>
    pairs === null ? "its members cannot be told apart" : test(formObject(pairs, fields));
  // Each member is a parameter under its own name.
  if (place === "query" && explode) {
    const members = ({ query }: CanonicalRequest): Pairs => query.filter(([key]) => fields.has(key));
    return { isThere: (request) => members(request).length > 0, fault: (request) => faultOf(members(request)) };
  }
  return { isThere, fault: (request) => faultOf(members(split(read(request)), explode)) };
}

/** `R=1`, `G=2` or, where nothing is spread, `R`, `1`, `G`, `2`. */
function members(pieces: readonly string[], explode: boolean): Pairs | null {
  if (explode) {
    const pairs = pieces.map(
      (piece) => [piece.slice(0, piece.indexOf("=")), piece.slice(piece.indexOf("=") + 1)] as const,
    );
    return pieces.every((piece) => piece.includes("=")) ? pairs : null;
  }
  return pieces.length % 2 !== 0
    ? null
    : pieces.flatMap((piece, index) => (index % 2 === 0 ? [[piece, pieces[index + 1] ?? ""] as const] : []));
}

/** `created[gte]=1`, and as some APIs write a list, `expand[]=a` or `expand[0]=a`. One level, as the style is defined. */
function deepObject(name: string, test: SchemaTest, fields: ReadonlyMap<string, SchemaTest>): Compiled {
  const own = ({ query }: CanonicalRequest): Pairs =>
    query
      .filter(([key]) => key === name || key.startsWith(`${name}[`))
      .map(([key, value]) => [key.slice(name.length), value]);
  return {
    isThere: (request) => own(request).length > 0,
    fault: (request) => {
      const pairs = own(request);
      if (!pairs.every(([key]) => /^\[[^[\]]*\]$/.test(key))) return "it is not written as name[member]";
      const inner: Pairs = pairs.map(([key, value]) => [key.slice(1, -1), value]);
      if (inner.every(([key]) => /^[0-9]*$/.test(key)))
        return testList(
          test,
          inner.map(([, value]) => value),
        );
      return test(formObject(inner, fields));
    },
  };
}

const testList = (test: SchemaTest, texts: readonly string[]): string | null =>
  texts.length > 1 ? testTexts(test, texts) : test(texts);

/** A parameter whose value is a document of its own: JSON, or text. */
function contentFault(context: Context, { node, at }: Place, read: Reader): ParameterCheck {
  const contents = Object.entries(nodeAt(node, "content"));
  const [content] = contents;
  const media = content?.[0].split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (
    contents.length !== 1 ||
    content === undefined ||
    !isNode(content[1]) ||
    !(isJson(media) || media === "text/plain")
  ) {
    context.report(`${at}/content`, "cannot be checked; one entry, of application/json or text/plain, can");
    return () => null;
  }
  const place = `${at}/content/${pointerToken(content[0])}`;
  if (content[1]["schema"] === undefined) return () => null;
  const test = compileSchema(context, `${place}/schema`);
  if (!isJson(media)) return (request) => testTexts(test, read(request));
  return (request) => {
    const [text = "", ...more] = read(request);
    const json = readStrictJson(new TextEncoder().encode(text));
    return more.length > 0 || !json.ok ? "it cannot be read" : test(json.value);
  };
}

const isObjectSchema = (context: Context, schema: unknown, at: string): boolean =>
  hasType(context, schema, at, ["object"]);

function hasType(context: Context, schema: unknown, at: string, types: readonly string[]): boolean {
  const type = resolve(context.root, schema, `${at}/schema`, () => {})?.node["type"];
  return [type].flat().some((one) => types.includes(String(one)));
}

/** Names of the path parameters that are lists or objects: their values have commas. */
export function listParameters(context: Context, ...places: readonly Place[]): ReadonlySet<string> {
  const names = places.flatMap(({ node, at }) =>
    listAt(node, "parameters").flatMap((value, index) => {
      const parameter = resolve(context.root, value, `${at}/parameters/${index}`, () => {});
      if (parameter === null || parameter.node["in"] !== "path") return [];
      const { name, schema } = parameter.node;
      return typeof name === "string" && hasType(context, schema, parameter.at, ["array", "object"]) ? [name] : [];
    }),
  );
  return new Set(names);
}

function textReader(place: string, name: string, paramAt: ReadonlyMap<string, number>): Reader {
  if (place === "query") return ({ query }) => query.flatMap(([key, value]) => (key === name ? [value] : []));
  if (place === "header") return ({ headers }) => headerValues(headers, name.toLowerCase());
  const index = paramAt.get(name);
  return ({ segments }) => {
    const text = index === undefined ? null : decodeEscapes(segments[index] ?? "");
    return text === null ? [] : [text];
  };
}
