import { readFile } from "node:fs/promises";
import { CredentialError } from "./credential-error.js";
import { Secret } from "./secret.js";

/**
 * Where a long-lived secret comes from: the value itself, an environment variable, a file (whose last line break is
 * dropped, as in mounted secrets), or a function. All but the value are read anew whenever a credential is issued, so
 * that rotation needs no restart.
 */
export type SecretSource =
  | string
  | Secret
  | { readonly env: string }
  | { readonly file: string }
  | (() => string | Promise<string>);

/** Reads a source, and remembers what it read last for {@link CredentialProvider.secrets}. */
export interface SecretSupplier {
  read(): Promise<Secret>;
  known(): Iterable<string>;
}

const MAX_SECRET_CHARACTERS = 64 * 1024;

/** Why this is not a source, or undefined. Never quotes the source. */
export function sourceProblem(source: unknown): string | undefined {
  if (typeof source === "string") return source === "" ? "must not be empty" : undefined;
  if (source instanceof Secret || typeof source === "function") return undefined;
  if (typeof source === "object" && source !== null) {
    const keys = Object.keys(source);
    const { env, file } = source as { env?: unknown; file?: unknown };
    const name = keys.length === 1 ? (env ?? file) : undefined;
    if (typeof name === "string" && name !== "") return undefined;
  }
  return "must be a string, { env }, { file } or a function";
}

/** `what` names the secret in errors, e.g. `the client secret of crm-agent`. */
export function secretSupplier(source: SecretSource, what: string): SecretSupplier {
  const fixed = typeof source === "string" ? new Secret(source) : source instanceof Secret ? source : undefined;
  let last: Secret | undefined = fixed;
  return {
    async read() {
      if (fixed !== undefined) return fixed;
      const value = await currentValue(source as Exclude<SecretSource, string | Secret>).catch(() => undefined);
      if (typeof value !== "string" || value === "" || value.length > MAX_SECRET_CHARACTERS) {
        throw new CredentialError("misconfigured", { message: `There is no usable value for ${what}.` });
      }
      last = new Secret(value);
      return last;
    },
    known: () => (last === undefined ? [] : [last.reveal()]),
  };
}

async function currentValue(source: Exclude<SecretSource, string | Secret>): Promise<string | undefined> {
  if (typeof source === "function") return await source();
  if ("env" in source) return process.env[source.env];
  return (await readFile(source.file, "utf8")).replace(/\r?\n$/, "");
}
