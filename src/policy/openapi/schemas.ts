import { canonicalJson } from "../../request/body/canonical-json.js";
import type { JsonValue } from "../../request/body/json.js";
import { type SchemaCompiler, schemaCompiler } from "../document/json-schema.js";
import { compileExpression } from "../match/expression.js";
import { FORMATS } from "./formats.js";
import { IS_DATA, isNode, NAMES_ITS_MEMBERS, type Node } from "./reading.js";

/** What a value fails: where in the schema, never the value. Null where it fits. */
export type SchemaTest = (value: unknown) => string | null;

/** The schemas of one description. */
export interface Schemas {
  /** Compiles the schema at a JSON Pointer into the description. @throws where it is no schema */
  compile(pointer: string): SchemaTest;
}

const NAME = "openapi";

/** Makes the schemas of a description ready to be compiled, each at its place, so that references between them hold. */
export function openSchemas(description: Node, is30: boolean): Schemas {
  const compiler: SchemaCompiler = schemaCompiler({
    strict: false,
    validateSchema: false,
    meta: false,
    formats: FORMATS,
    ownProperties: true,
    logger: false,
    // The author's patterns meet the agent's text: in linear time.
    code: { regExp: linearExpression },
  });
  // By the text of each item: to compare each with each, as the keyword does by itself, takes the square of the length.
  compiler.removeKeyword("uniqueItems");
  compiler.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    validate: (isUnique: unknown, items: readonly JsonValue[]) =>
      isUnique !== true || new Set(items.map(canonicalJson)).size === items.length,
  });
  compiler.addSchema(copyOf(description, is30, false) as object, NAME);
  return {
    compile(pointer) {
      const reference = pointer.split("/").map(encodeURIComponent).join("/");
      const validate = compiler.compile({ $ref: `${NAME}#${reference}` });
      return (value) => {
        if (validate(value) === true) return null;
        const [error] = validate.errors ?? [];
        return error === undefined ? "its schema" : `${error.keyword} at ${placeOf(error.schemaPath)}`;
      };
    },
  };
}

/** `openapi#/components/schemas/Note/properties/title/type` without what is plain anyway. */
const placeOf = (schemaPath: string): string =>
  decodeURIComponent(schemaPath.replace(/^[^#]*#/, ""))
    .replace(/\/[^/]*$/, "")
    .slice(-120);

const linearExpression = Object.assign(
  (pattern: string): { test(text: string): boolean; toString(): string } => ({
    test: compileExpression(pattern),
    toString: () => pattern,
  }),
  { code: "compileExpression" },
);

/**
 * An ordinary copy in the 2020-12 dialect. Left out: examples and extensions, and names that would move a schema
 * elsewhere.
 */
function copyOf(value: unknown, is30: boolean, isMap: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => copyOf(item, is30, false));
  if (!isNode(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!isMap && (LEFT_OUT.has(key) || key.startsWith("x-"))) continue;
    const isData = !isMap && IS_DATA.has(key);
    define(copy, key, isData ? plain(inner) : copyOf(inner, is30, !isMap && NAMES_ITS_MEMBERS.has(key)));
  }
  return is30 && !isMap ? from30(copy) : copy;
}

const LEFT_OUT = new Set("example examples $id id$ $anchor $dynamicAnchor $schema".split(" "));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Also for a name such as `__proto__`, which an assignment would not make a member. */
const define = (target: object, key: string, value: unknown): void => {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
};

/** What OpenAPI 3.0 writes otherwise than JSON Schema does. */
function from30(schema: Record<string, unknown>): unknown {
  const { type, nullable, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (nullable === true && typeof type === "string") {
    schema["type"] = [type, "null"];
    if (Array.isArray(schema["enum"])) schema["enum"] = [...schema["enum"], null];
  }
  if (typeof exclusiveMinimum === "boolean") {
    delete schema["exclusiveMinimum"];
    if (exclusiveMinimum && minimum !== undefined) schema["exclusiveMinimum"] = minimum;
  }
  if (typeof exclusiveMaximum === "boolean") {
    delete schema["exclusiveMaximum"];
    if (exclusiveMaximum && maximum !== undefined) schema["exclusiveMaximum"] = maximum;
  }
  return schema;
}
