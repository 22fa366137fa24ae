import { pointerToken } from "../document/pointer.js";
import { type Node, nodeAt, type Report, resolve } from "./reading.js";
import type { Schemas, SchemaTest } from "./schemas.js";

/** A description while its operations are compiled. */
export interface Context {
  readonly root: Node;
  readonly schemas: Schemas;
  readonly report: Report;
}

/** Compiles the schema at a place; one that cannot be checked is reported. */
export function compileSchema({ schemas, report }: Context, pointer: string): SchemaTest {
  try {
    return schemas.compile(pointer);
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n", 1)[0] : "";
    report(pointer, `is not a schema that can be checked (patterns are RE2, without look-around): ${why}`);
    return () => "its schema";
  }
}

/** The tests of an object's members, by name. */
export function fieldTests(context: Context, schema: unknown, at: string): ReadonlyMap<string, SchemaTest> {
  const place = resolve(context.root, schema, at, () => {});
  const names = Object.keys(place === null ? {} : nodeAt(place.node, "properties"));
  return new Map(names.map((name) => [name, compileSchema(context, `${place?.at}/properties/${pointerToken(name)}`)]));
}
