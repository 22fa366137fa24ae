import { createRequire } from "node:module";
import type { Ajv2020, ErrorObject } from "ajv/dist/2020.js";

export type { ErrorObject };
export type SchemaCompiler = Ajv2020;
type Options = ConstructorParameters<typeof Ajv2020>[0];

/** A compiler for JSON Schema (draft 2020-12). Loaded with the first policy: importing the library stays quick. */
export function schemaCompiler(options: Options): SchemaCompiler {
  const library = createRequire(import.meta.url)("ajv/dist/2020.js") as { readonly Ajv2020: typeof Ajv2020 };
  return new library.Ajv2020(options);
}
