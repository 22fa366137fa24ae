import { createRequire } from "node:module";
import type { Ajv2020, ErrorObject } from "ajv/dist/2020.js";
import type { GraphqlLibrary } from "../request/protocols/graphql.js";

export type { Ajv2020, ErrorObject };

/** Libraries that only some policies need: importing the package stays quick, and `graphql` is an optional peer. */
interface Libraries {
  /** Compiles the schemas of OpenAPI descriptions. */
  readonly ajv: { readonly Ajv2020: typeof Ajv2020 };
  readonly graphql: GraphqlLibrary;
  /** The Public Suffix List, some hundred kilobytes, for wildcards. */
  readonly tldts: Pick<typeof import("tldts"), "getPublicSuffix">;
}

const SPECIFIERS = { ajv: "ajv/dist/2020.js", graphql: "graphql", tldts: "tldts" } as const;
const loaded: { -readonly [Name in keyof Libraries]?: Libraries[Name] } = {};

/**
 * Loads what a document needs, so that it can be compiled without waiting. `import()` is what bundlers follow: in an
 * application that was bundled, {@link library} finds nothing that was not loaded here.
 */
export async function loadLibrariesFor(document: unknown): Promise<void> {
  const services = Object.values(membersOf(membersOf(document)["services"])).map(membersOf);
  const origins = services.flatMap(({ origins: named }) => (Array.isArray(named) ? (named as unknown[]) : []));
  await Promise.all([
    services.some((service) => service["openapi"] !== undefined) && load("ajv", () => import("ajv/dist/2020.js")),
    services.some((service) => service["protocol"] === "graphql") && load("graphql", () => import("graphql")),
    origins.some((origin) => String(origin).includes("*")) && load("tldts", () => import("tldts")),
  ]);
}

/**
 * A library, loaded before or now.
 *
 * @throws Error when it is not installed.
 */
export function library<Name extends keyof Libraries>(name: Name): Libraries[Name] {
  loaded[name] ??= createRequire(import.meta.url)(SPECIFIERS[name]) as Libraries[Name];
  return loaded[name] as Libraries[Name];
}

/** What cannot be loaded is missed where it is needed, with the place in the document. */
async function load<Name extends keyof Libraries>(name: Name, from: () => Promise<Libraries[Name]>): Promise<void> {
  const found = await from().catch(() => undefined);
  if (found !== undefined) loaded[name] = found;
}

const membersOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
