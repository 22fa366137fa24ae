import { CONFIGURED } from "./approval/check-options.js";
import { RECORD } from "./audit/options.js";
import type { CredentialProvider } from "./broker/index.js";
import type { OnDeny } from "./call/respond.js";
import { type ConfigurationProblem, OptionsError } from "./errors/guard-error.js";
import { checkTogether, MASKER } from "./masking/check-options.js";
import type { PlaceholderOptions } from "./masking/index.js";
import type { ApprovalOptions, GuardOptions, PolicySource, WatchedPolicy } from "./options.js";
import type { Policy } from "./policy/index.js";
import {
  across,
  callable,
  dictionary,
  having,
  isObject,
  list,
  needed,
  object,
  oneOf,
  readOptions,
  type Shape,
  text,
  whole,
} from "./shapes/index.js";
import type { Store } from "./store/index.js";
import {
  createFetchTransport,
  openUndiciTransport,
  type Transport,
  type TransportSettings,
} from "./transport/index.js";
import { TRANSPORT } from "./transport/transport-options.js";

/** A request is held for a predicate; what takes longer is an approval. */
const LONGEST_PREDICATE_MS = 600_000;
const LONGEST_PLACEHOLDER_MS = 24 * 3_600_000;
const LONGEST_CAPTURE = 16 * 1024 * 1024;

/** The transport of a guard: a fetch of the host's, or what connections are made with. */
export type CheckedTransport =
  | { readonly kind: "fetch"; readonly fetch: typeof globalThis.fetch }
  | { readonly kind: "undici"; readonly settings: TransportSettings };

/** The options of a guard as they were read, once. Objects that do something are the caller's own. */
export type CheckedGuardOptions = Omit<GuardOptions, "transport"> & { readonly transport: CheckedTransport };

const POLICY = "must be a path, a document or a compiled policy";

const policySource: Shape<PolicySource> = {
  read(given, place) {
    if ((typeof given === "string" && given !== "") || isObject(given)) return given as PolicySource;
    place.report(POLICY);
    return undefined;
  },
};

const file: Shape<string | URL> = {
  read: (given, place) => (given instanceof URL ? given : text("must be a path").read(given, place)),
};

const watched: Shape<WatchedPolicy> = object<WatchedPolicy>({
  file: needed(file, "must be a path"),
  watch: needed({
    read: (given, place) => (given === true ? true : void place.report("must be true")),
  }),
});

const policy: Shape<PolicySource | WatchedPolicy> = {
  read: (given, place) => (isWatched(given) ? watched : policySource).read(given, place),
};

const isWatched = (given: unknown): boolean => isObject(given) && !(given instanceof URL) && "watch" in given;

const PROVIDER = "must be a credential provider such as staticSecret(…)";
const VERBS = ["revoke", "revokeLease", "secrets", "close"];

/** A provider. Who gives the options of one in its place is told of each of them. */
const provider: Shape<CredentialProvider> = {
  read(given, place) {
    if (!isObject(given)) return void place.report(PROVIDER);
    const before = place.count();
    if (typeof given["issue"] !== "function") {
      place.report(PROVIDER);
      for (const name of Object.keys(given))
        if (!VERBS.includes(name))
          place.at(name).report("is an option of a provider: give it to the function that makes one");
    }
    for (const verb of VERBS)
      if (given[verb] !== undefined && typeof given[verb] !== "function") place.at(verb).report("must be a function");
    return place.count() === before ? (given as unknown as CredentialProvider) : undefined;
  },
};

const origin: Shape<string> = text('must be an origin such as "https://crm.example"', (given) =>
  URL.canParse(given) && new URL(given).origin === given
    ? undefined
    : 'must be an origin such as "https://crm.example"',
);

const placeholders: Shape<PlaceholderOptions> = object<PlaceholderOptions>({
  scope: oneOf("session", "principal"),
  ttlMs: whole(1, LONGEST_PLACEHOLDER_MS, "milliseconds"),
  origins: dictionary(list(origin, { message: 'must be a list of origins such as "https://crm.example"' })),
  fields: dictionary(list(text("must be a name"), { message: "must be a list of names" })),
});

type Masking = Exclude<NonNullable<GuardOptions["masking"]>, false>;

const maskingOptions: Shape<Masking> = across(
  object<Masking>({ ...MASKER, unmaskable: oneOf("pass", "refuse"), placeholders }, "must be an object, or false"),
  checkTogether,
);

const masking: Shape<Masking | false> = {
  read: (given, place) => (given === false ? false : maskingOptions.read(given, place)),
};

const STORE_VERBS = { approvals: "openOrJoin", limits: "reserve" } as const;

/** A store that lacks one kind would fail on the first call that needs it. */
const store: Shape<Store> = {
  read(given, place) {
    if (!isObject(given)) return void place.report("must be a store such as memoryStore()");
    const before = place.count();
    for (const [kind, verb] of Object.entries(STORE_VERBS)) {
      const verbs = given[kind];
      if (!isObject(verbs) || typeof verbs[verb] !== "function")
        place.at(kind).report("is needed: use memoryStore() or another complete store");
    }
    const { credentials } = given;
    if (credentials !== undefined && !(isObject(credentials) && typeof credentials["put"] === "function"))
      place.at("credentials").report("must be a store of credentials, or left out");
    return place.count() === before ? (given as unknown as Store) : undefined;
  },
};

const ownFetch: Shape<{ readonly fetch: typeof globalThis.fetch }> = object({
  fetch: needed(callable<typeof globalThis.fetch>("must be a fetch function"), "must be a fetch function"),
});

const transport: Shape<CheckedTransport> = {
  read(given, place) {
    if (isObject(given) && "fetch" in given) {
      const checked = ownFetch.read(given, place);
      return checked === undefined ? undefined : { kind: "fetch", ...checked };
    }
    const settings = TRANSPORT.read(given, place);
    return settings === undefined ? undefined : { kind: "undici", settings };
  },
};

const onDeny = oneOf<"auto" | OnDeny>("auto", "throw", "respond", "slack");

const GUARD: Shape<Omit<CheckedGuardOptions, "transport"> & { readonly transport?: CheckedTransport }> = object({
  policy: needed(policy, "is needed: a path, a document or a compiled policy"),
  predicates: dictionary(callable(), "must be an object of functions by name"),
  predicateTimeoutMs: whole(1, LONGEST_PREDICATE_MS, "milliseconds"),
  identity: having(["verify"], "must be an identity verifier such as oidcIdentity(…)"),
  credentials: dictionary(provider, "must be an object of credential providers by name"),
  approvals: object<ApprovalOptions>({ ...CONFIGURED, onDeny }),
  masking,
  audit: object<NonNullable<GuardOptions["audit"]>>({ ...RECORD, captureBytes: whole(0, LONGEST_CAPTURE, "bytes") }),
  store,
  transport,
  log: having(["debug", "info", "warn", "error"], "must be a logger such as pino()"),
  clock: having(["now", "monotonic", "schedule"], "must be a clock"),
});

/** Reads the options of a guard once, those of its parts included. @throws OptionsError with every problem */
export function readGuardOptions(options: unknown): CheckedGuardOptions {
  const checked = readOptions(options, GUARD);
  return { ...checked, transport: checked.transport ?? { kind: "undici", settings: readOptions({}, TRANSPORT) } };
}

/** Reads a policy that is to replace another. @throws OptionsError */
export const readPolicySource = (given: unknown): PolicySource => readOptions(given, needed(policySource, POLICY));

/** Makes the transport that the options ask for. */
export const openTransport = (checked: CheckedTransport): Transport =>
  checked.kind === "fetch" ? createFetchTransport(checked.fetch) : openUndiciTransport(checked.settings);

/** Names of the services that are shown a client certificate. */
export function certifiedServices(checked: CheckedTransport): ReadonlySet<string> {
  const routes = checked.kind === "fetch" ? [] : [...checked.settings.routes];
  return new Set(routes.flatMap(([name, { tls }]) => (tls?.isCertified === true ? name : [])));
}

/**
 * Every credential that the policy names must have a provider; and connection settings must be for one of its services: by
 * another name, a service would be reached without its own authority or its certificate. @throws OptionsError
 */
export function checkAgainstPolicy(
  policy: Policy,
  { credentials = {}, transport }: Pick<CheckedGuardOptions, "credentials" | "transport">,
): void {
  const problems: ConfigurationProblem[] = Object.entries(policy.document.services).flatMap(([name, { credential }]) =>
    credential === undefined || Object.hasOwn(credentials, credential)
      ? []
      : [{ pointer: `/credentials/${credential}`, message: `is needed: the service "${name}" of the policy uses it` }],
  );
  for (const name of transport.kind === "fetch" ? [] : transport.settings.routes.keys())
    if (!Object.hasOwn(policy.document.services, name))
      problems.push({ pointer: `/transport/services/${name}`, message: "is not a service of the policy" });
  if (problems.length > 0) throw new OptionsError(problems);
}
