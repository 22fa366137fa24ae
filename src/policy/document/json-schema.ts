import { type Ajv2020, type ErrorObject, library } from "../libraries.js";

export type { ErrorObject };
export type SchemaCompiler = Ajv2020;
type Options = ConstructorParameters<typeof Ajv2020>[0];

/** A compiler for JSON Schema (draft 2020-12). */
export function schemaCompiler(options: Options): SchemaCompiler {
  return new (library("ajv").Ajv2020)(options);
}
