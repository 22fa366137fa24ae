import { randomBytes } from "node:crypto";
import { base64Of, utf8Bytes } from "../../request/body/encodings.js";
import { charCodeAt, freeze } from "../../request/captured.js";
import {
  isObject,
  needed,
  object,
  oneOf,
  readAt,
  readOptions,
  type Shape,
  text,
  typed,
  whole,
} from "../../shapes/index.js";
import { CredentialError } from "../credential-error.js";
import { type SecretSource, secretSource, secretSupplier } from "../oauth/suppliers.js";
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

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\w]+$/;
const PARAMETER_NAME = /^[\w.~[\]-]+$/;
/** Headers that frame or route a message: no secret belongs there. */
const FRAMING = /^(host|content-.*|transfer-encoding|connection|te|trailer|upgrade|expect|keep-alive|proxy-.*)$/i;

/**
 * For services that have nothing better than a key. It cannot be narrowed, does not expire and cannot be revoked, and
 * the record says so; what is left is that the agent does not see it, and that it goes to the service's origins only.
 */
export function staticSecret(options: StaticSecretOptions): CredentialProvider {
  const given = Object.freeze(readOptions(options, OPTIONS));
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

type Scheme<Name> = Extract<StaticSecretOptions, { readonly scheme: Name }>;

const common = { secret: needed(secretSource), maxAgeMs: whole(1) };
const PLAIN = "must be a plain name";

const header = text(PLAIN, (name) => {
  if (!HEADER_NAME.test(name)) return PLAIN;
  return FRAMING.test(name) ? "must not be a header that frames or routes the message" : undefined;
});
const prefix = typed(
  (given): given is string => typeof given === "string" && /^[\x20-\x7e]*$/.test(given),
  "must be printable ASCII",
);
// RFC 7617 §2: the first colon ends the user name.
const username = typed(
  (given): given is string => typeof given === "string" && /^[^:\x00-\x1f\x7f]*$/.test(given),
  "must be a text without a colon",
);

const SCHEMES: { readonly [Name in StaticSecretOptions["scheme"]]: Shape<Scheme<Name>> } = {
  bearer: object<Scheme<"bearer">>({ ...common, scheme: needed(oneOf("bearer")) }),
  basic: object<Scheme<"basic">>({ ...common, scheme: needed(oneOf("basic")), username: needed(username) }),
  header: object<Scheme<"header">>({ ...common, scheme: needed(oneOf("header")), name: needed(header), prefix }),
  query: object<Scheme<"query">>({
    ...common,
    scheme: needed(oneOf("query")),
    name: needed(text(PLAIN, (name) => (PARAMETER_NAME.test(name) ? undefined : PLAIN))),
  }),
};
const SCHEME = oneOf("bearer", "basic", "header", "query");

const OPTIONS: Shape<StaticSecretOptions> = {
  read(given, place) {
    if (!isObject(given)) return void place.report("must be an object");
    const copy = { ...given }; // `scheme` decides how the rest is read
    const scheme = readAt(
      copy["scheme"],
      needed(SCHEME, 'must be "bearer", "basic", "header" or "query"'),
      place.at("scheme"),
    );
    return scheme === undefined ? undefined : SCHEMES[scheme].read(copy, place);
  },
};
