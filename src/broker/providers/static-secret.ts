import { randomBytes } from "node:crypto";
import { type ConfigurationProblem, OptionsError } from "../../errors/guard-error.js";
import { base64Of, utf8Bytes } from "../../request/body/encodings.js";
import { charCodeAt, freeze } from "../../request/captured.js";
import { CredentialError } from "../credential-error.js";
import { type SecretSource, secretSupplier, sourceProblem } from "../oauth/suppliers.js";
import type { CredentialProvider, IssuedCredential, Placement } from "../provider.js";
import { revealed, sealedSecret } from "../secret.js";

/** A secret that a service gave out once, and how the service wants to see it. */
export type StaticSecretOptions = {
  /** Where the secret comes from; for `basic`, the password. */
  readonly secret: SecretSource;
  /** How long one reading of the source is used. Milliseconds. Default 5 minutes. */
  readonly maxAgeMs?: number;
} & (
  | { readonly scheme: "bearer" }
  | { readonly scheme: "basic"; readonly username: string }
  | {
      readonly scheme: "header";
      readonly name: string;
      /** Precedes the secret, e.g. `"Token "`. Default: nothing. */
      readonly prefix?: string;
    }
  | {
      /** URLs end up in logs of servers and proxies: only for services that accept nothing else. */
      readonly scheme: "query";
      readonly name: string;
    }
);

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  bearer: [],
  basic: ["username"],
  header: ["name", "prefix"],
  query: ["name"],
};
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const PARAMETER_NAME = /^[\w.~[\]-]+$/;
/** Headers that frame or route a message: no secret belongs there. */
const FRAMING = /^(host|content-.*|transfer-encoding|connection|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

/**
 * For services that have nothing better than a key. It cannot be narrowed, does not expire and cannot be revoked, and
 * the record says so; what is left is that the agent does not see it, and that it goes to the service's origins only.
 */
export function staticSecret(options: StaticSecretOptions): CredentialProvider {
  const problems = optionProblems(options);
  if (problems.length > 0) throw new OptionsError(problems);
  const given = Object.freeze({ ...options });
  const supplier = secretSupplier(given.secret, `the static secret (${given.scheme})`);
  // A digest of a guessable secret would tell it to whoever can guess; chance tells nothing.
  let last = { value: "", kid: "" };
  return {
    async issue(): Promise<IssuedCredential> {
      const value = revealed(await supplier.read());
      const secret = sealedSecret(wireForm(given, value));
      if (last.value !== value) last = { value, kid: `static-${randomBytes(11).toString("base64url")}` };
      // Without a prototype, since a promise asks what it resolves to for `then`.
      return freeze({
        __proto__: null,
        secret,
        placement: placementOf(given),
        scope: [],
        unscoped: true,
        lifetimeMs: given.maxAgeMs ?? 5 * 60_000,
        revocable: false,
        kid: last.kid,
        ...(given.scheme === "basic" ? { forms: [sealedSecret(value)] } : {}),
      } as unknown as IssuedCredential);
    },
    secrets: () => supplier.known(),
  };
}

/** Checked before it can reach a header, whose own error message would quote it. */
function wireForm(options: StaticSecretOptions, value: string): string {
  if (options.scheme === "basic") return base64Of(utf8Bytes(`${options.username}:${value}`));
  if (options.scheme === "query" || fitsHeader(value)) return value;
  throw new CredentialError("misconfigured", { message: "The static secret has characters that no header can carry." });
}

/** Printable ASCII without blanks around it. By hand: a regular expression would remember the value for `RegExp.input`. */
function fitsHeader(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = charCodeAt(value, at);
    const isEdge = at === 0 || at === value.length - 1;
    if (code < (isEdge ? 0x21 : 0x20) || code > 0x7e) return false;
  }
  return true;
}

function placementOf(options: StaticSecretOptions): Placement {
  switch (options.scheme) {
    case "bearer":
      return { in: "header", name: "authorization", prefix: "Bearer " };
    case "basic":
      return { in: "header", name: "authorization", prefix: "Basic " };
    case "header":
      return { in: "header", name: options.name.toLowerCase(), prefix: options.prefix ?? "" };
    case "query":
      return { in: "query", name: options.name };
  }
}

function optionProblems(options: StaticSecretOptions): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const check = (ok: boolean, pointer: string, message: string): void => {
    if (!ok) problems.push({ pointer, message });
  };
  const own = KNOWN[options.scheme];
  if (own === undefined) return [{ pointer: "/scheme", message: 'must be "bearer", "basic", "header" or "query"' }];
  for (const name of Object.keys(options)) {
    check(["scheme", "secret", "maxAgeMs", ...own].includes(name), `/${name}`, "is not an option");
  }
  const secret = sourceProblem(options.secret);
  check(secret === undefined, "/secret", secret ?? "");
  const { maxAgeMs } = options;
  check(
    maxAgeMs === undefined || (Number.isSafeInteger(maxAgeMs) && maxAgeMs > 0),
    "/maxAgeMs",
    "must be a positive whole number",
  );
  if (options.scheme === "basic") {
    // RFC 7617 §2: the first colon ends the user name.
    check(
      typeof options.username === "string" && /^[^:\x00-\x1f\x7f]*$/.test(options.username),
      "/username",
      "must have no colon",
    );
  }
  if (options.scheme === "header" || options.scheme === "query") {
    const plain = options.scheme === "header" ? HEADER_NAME : PARAMETER_NAME;
    check(typeof options.name === "string" && plain.test(options.name), "/name", "must be a plain name");
  }
  if (options.scheme === "header") {
    check(!FRAMING.test(options.name), "/name", "must not be a header that frames or routes the message");
    check(/^[\x20-\x7e]*$/.test(options.prefix ?? ""), "/prefix", "must be printable ASCII");
  }
  return problems;
}
