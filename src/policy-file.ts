import { readFile } from "node:fs/promises";
import { parse, YAMLParseError } from "yaml";
import { PolicyError } from "./errors.js";
import type { PolicyDocument } from "./policy/index.js";

/** A policy file is read by people: more than this is a mistake. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a policy document from a JSON or YAML file (by its ending; anything but `.yaml` and `.yml` is JSON).
 *
 * @throws PolicyError when the file cannot be read or parsed. It is not yet checked to be a policy.
 */
export async function readPolicyFile(path: string | URL): Promise<PolicyDocument> {
  const name = String(path);
  let text: string;
  try {
    const bytes = await readFile(path);
    if (bytes.byteLength > MAX_BYTES) throw new Error("it is larger than 16 MiB");
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PolicyError([{ pointer: "", message: `${name} cannot be read: ${messageOf(error)}` }]);
  }
  try {
    return (
      /\.ya?ml$/i.test(name) ? parse(text, { uniqueKeys: true, maxAliasCount: 100 }) : JSON.parse(text)
    ) as PolicyDocument;
  } catch (error) {
    const place = error instanceof YAMLParseError ? error.message.split("\n", 1)[0] : messageOf(error);
    throw new PolicyError([
      { pointer: "", message: `${name} is not ${/\.ya?ml$/i.test(name) ? "YAML" : "JSON"}: ${place}` },
    ]);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
