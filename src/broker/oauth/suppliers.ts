import { readRegularFile } from "../../regular-file.js";
import { endsWith, slice } from "../../request/captured.js";
import { isObject, type Shape } from "../../shapes/index.js";
import { CredentialError } from "../credential-error.js";
import { revealed, Secret, sealedSecret } from "../secret.js";

/**
 * Where a long-lived secret comes from: the value itself, an environment variable, a file (whose last line break is
 * dropped, as in mounted secrets), or a function. All but the value are read anew whenever a credential is issued, so
 * that rotation needs no restart. With `delete` the variable is taken out of the environment when it is first read, so
 * that no child process and no crash report has it; it is then kept in memory.
 */
export type SecretSource =
  | string
  | Secret
  | { readonly env: string; readonly delete?: boolean }
  | { readonly file: string }
  | (() => string | Promise<string>);

/** Reads a source, and remembers what it read last for {@link CredentialProvider.secrets}. */
export interface SecretSupplier {
  read(): Promise<Secret>;
  known(): readonly string[];
  /** Whether the last reading failed because its file was not there. */
  isMissing(): boolean;
}

const MAX_SECRET_CHARACTERS = 64 * 1024;
/** Mounted secrets are links, and readable by all in their container; what others may write is nobody's secret. */
const SECRET_FILE = { most: 4 * MAX_SECRET_CHARACTERS, notFor: 0o022 };

const SOURCE = "must be a text that is not empty, { env }, { file } or a function";
const isName = (value: unknown): value is string => typeof value === "string" && value !== "";

/** How a source must look. No problem quotes it. */
export const secretSource: Shape<SecretSource> = {
  read(given, place) {
    if (isName(given) || given instanceof Secret || typeof given === "function") return given as SecretSource;
    const source = isObject(given) ? sourceOf({ ...given }) : undefined;
    if (source === undefined) place.report(SOURCE);
    return source;
  },
};

function sourceOf({
  env,
  file,
  delete: takenOut,
  ...further
}: Readonly<Record<string, unknown>>): SecretSource | undefined {
  if (Object.keys(further).length > 0) return undefined;
  if (isName(env) && file === undefined && (takenOut === undefined || typeof takenOut === "boolean"))
    return { env, ...(takenOut === undefined ? {} : { delete: takenOut }) };
  return isName(file) && env === undefined && takenOut === undefined ? { file } : undefined;
}

/** `what` names the secret in errors, e.g. `the client secret of crm-agent`. */
export function secretSupplier(source: SecretSource, what: string): SecretSupplier {
  const fixed = typeof source === "string" ? sealedSecret(source) : source instanceof Secret ? source : undefined;
  let last: Secret | undefined = fixed;
  let missing = false;
  return {
    async read() {
      if (fixed !== undefined) return fixed;
      if (last !== undefined && isTakenOut(source)) return last;
      missing = false;
      const value = await currentValue(source as Exclude<SecretSource, string | Secret>).catch((error: unknown) => {
        // Ours say what is wrong, and hold no secret.
        if (error instanceof CredentialError) throw error;
        const { code } = (error ?? {}) as { readonly code?: unknown };
        missing = code === "ENOENT";
        if (code === "FILE_EXPOSED")
          throw new CredentialError("misconfigured", {
            message: `The file of ${what} can be written by others. Run \`chmod go-w\` on it.`,
          });
        return undefined;
      });
      if (typeof value !== "string" || value === "" || value.length > MAX_SECRET_CHARACTERS) {
        throw new CredentialError("misconfigured", { message: `There is no usable value for ${what}.` });
      }
      last = sealedSecret(value);
      return last;
    },
    known: () => (last === undefined ? [] : [revealed(last)]),
    isMissing: () => missing,
  };
}

const isTakenOut = (source: SecretSource): boolean =>
  typeof source === "object" && "env" in source && source.delete === true;

/** By hand: a regular expression would remember the secret for `RegExp.input`. */
function withoutLastBreak(text: string): string {
  if (!endsWith(text, "\n")) return text;
  return slice(text, 0, text.length - (endsWith(text, "\r\n") ? 2 : 1));
}

async function currentValue(source: Exclude<SecretSource, string | Secret>): Promise<string | undefined> {
  if (typeof source === "function") return await source();
  if ("env" in source) {
    const value = process.env[source.env];
    if (source.delete === true) delete process.env[source.env];
    return value;
  }
  return withoutLastBreak(readRegularFile(source.file, SECRET_FILE).toString("utf8"));
}
