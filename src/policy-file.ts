import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConfigurationProblem, PolicyError } from "./errors/guard-error.js";
import type { PolicyDocument } from "./policy/index.js";
import { readRegularFile } from "./regular-file.js";

/** A policy file is read by people: more than this is a mistake. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a policy document from a JSON or YAML file (by its ending; anything but `.yaml` and `.yml` is JSON). Where a service
 * names the file of an OpenAPI description, relative to the policy, the description is put in its place. `reading` is told the
 * absolute path of each file before it is read.
 *
 * @throws PolicyError when a file cannot be read or parsed. The document is not yet checked to be a policy.
 */
export async function readPolicyFile(
  path: string | URL,
  reading: (file: string) => void = () => {},
): Promise<PolicyDocument> {
  const file = resolve(path instanceof URL ? fileURLToPath(path) : path);
  reading(file);
  const document = await readDocument(path, "");
  const services: unknown = (document as Partial<PolicyDocument> | null)?.services;
  if (typeof services !== "object" || services === null) return document as PolicyDocument;
  const problems: ConfigurationProblem[] = [];
  for (const [name, service] of Object.entries(services as Readonly<Record<string, { openapi?: unknown } | null>>)) {
    if (typeof service?.openapi !== "string") continue;
    const pointer = `/services/${name.replaceAll("~", "~0").replaceAll("/", "~1")}/openapi`;
    const description = resolve(dirname(file), service.openapi);
    reading(description);
    try {
      service.openapi = await readDocument(description, pointer);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new PolicyError(problems);
  return document as PolicyDocument;
}

async function readDocument(path: string | URL, pointer: string): Promise<unknown> {
  const name = String(path);
  const isYaml = /\.ya?ml$/i.test(name);
  const refuse = (message: string): PolicyError => new PolicyError([{ pointer, message: `${name} ${message}` }]);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readRegularFile(path, { most: MAX_BYTES }));
  } catch (error) {
    throw refuse(`cannot be read: ${messageOf(error)}`);
  }
  try {
    return isYaml ? await parseYaml(text) : JSON.parse(text);
  } catch (error) {
    // The YAML parser shows the lines around the place from the second line of its message on.
    throw refuse(`is not ${isYaml ? "YAML" : "JSON"}: ${messageOf(error).split("\n", 1)[0]}`);
  }
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  return parse(text, { uniqueKeys: true, maxAliasCount: 100 });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
