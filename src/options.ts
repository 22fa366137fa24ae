import type { ApprovalDeskOptions } from "./approval/index.js";
import { approvalProblems } from "./approval/options.js";
import type { AnchorSink, AuditSigner, AuditSink, FailureMode, SyncMode } from "./audit/index.js";
import type { CredentialProvider } from "./broker/index.js";
import type { OnDeny } from "./call/respond.js";
import type { Clock } from "./clock.js";
import { type ConfigurationProblem, OptionsError } from "./errors/guard-error.js";
import type { IdentityVerifier } from "./identity/index.js";
import type { FieldBindings, MaskerOptions } from "./masking/index.js";
import type { OperationalLog } from "./operational-log.js";
import {
  type Agent,
  type Policy,
  type PolicyDocument,
  type Predicates,
  type Principal,
  parseDuration,
} from "./policy/index.js";
import type { Session } from "./session.js";
import type { Store } from "./store/index.js";
import {
  createFetchTransport,
  createUndiciTransport,
  type Transport,
  type UndiciTransportOptions,
} from "./transport/index.js";

/** How people are asked; see `ApprovalDeskOptions` of `sallyport/approval` for each option and its default. */
export type ApprovalOptions = Partial<Omit<ApprovalDeskOptions, "clock" | "randomId" | "onEvent">> & {
  /**
   * How `session.fetch` says no. `throw` and `auto` throw a `GuardError`; `respond` answers 403 with a problem document. What
   * is asked of `session.createFetch` goes before. Default `auto`.
   */
  readonly onDeny?: "auto" | OnDeny;
};

/** Path of a JSON or YAML file, a document, or a compiled policy. */
export type PolicySource = string | URL | PolicyDocument | Policy;

/** A policy file that is read again when it changes. A version that does not load leaves the one before it in force. */
export interface WatchedPolicy {
  readonly file: string | URL;
  readonly watch: true;
}

/** Where the values behind placeholders may go. By default back to the origin they came from, in any field. */
export interface PlaceholderOptions {
  /**
   * Who can use a placeholder: the session that got it (default), which forgets its values when it ends, or every session in
   * which the same agent acts for the same principal, also later ones.
   */
  readonly scope?: "session" | "principal";
  /** How long a value can be used after an answer held it, in milliseconds. Default 15 minutes. */
  readonly ttlMs?: number;
  /** By kind: further origins, such as `https://mail.internal.example`, that its values may go to. Default none. */
  readonly origins?: Readonly<Record<string, readonly string[]>>;
  /** By kind: the only parameters, members and header fields that its values may go to. Default all. */
  readonly fields?: FieldBindings;
}

/** How a guard is made. Only `policy` is needed; everything else has an embedded default that is safe. */
export interface GuardOptions {
  /** Path of a JSON or YAML file, a document, a compiled policy, or a file that is read again when it changes. */
  readonly policy: PolicySource | WatchedPolicy;
  /** Conditions in code, by the names that rules use; for policies given as file or document. They can only narrow. */
  readonly predicates?: Predicates;
  /** How long a predicate may take before it counts as a no, in milliseconds. Default 2,000. */
  readonly predicateTimeoutMs?: number;
  /** Verifies identity tokens, e.g. `oidcIdentity({ issuer, audience })`. Without it, sessions need a `principal`. */
  readonly identity?: IdentityVerifier;
  /** Credential providers, by the names that the policy uses. */
  readonly credentials?: Readonly<Record<string, CredentialProvider>>;
  /** How people are asked. Without `request`, what needs approval is denied. Times in milliseconds. */
  readonly approvals?: ApprovalOptions;
  /**
   * How answers are masked. Default: every detector, redacting. `unmaskable` says what happens to media types that cannot
   * be masked, such as images: `pass` (default) or `refuse`. `false` switches masking off.
   */
  readonly masking?:
    | (MaskerOptions & { readonly unmaskable?: "pass" | "refuse"; readonly placeholders?: PlaceholderOptions })
    | false;
  /**
   * Where the record goes (default `./audit`) and who signs it. `sync` says how sure an intent must be of the disk before
   * its request leaves: `os` survives the death of the process, `group` and `strict` that of the machine. Default: `os` for
   * GET, HEAD and OPTIONS, `group` for everything else. `anchors` are places elsewhere that get every signed head.
   */
  readonly audit?: {
    readonly directory?: string;
    readonly signer?: AuditSigner;
    readonly sync?: SyncMode;
    /** What happens when a line cannot be written. Default `deny`: nothing is sent. */
    readonly onFailure?: FailureMode;
    readonly anchors?: readonly AnchorSink[];
    /** Places beside the file that get every line. None of them can hold up or fail a request. */
    readonly sinks?: readonly AuditSink[];
    /** How many bytes of a body are kept where a rule records bodies. Default 262,144. */
    readonly captureBytes?: number;
  };
  /** Where approvals are kept and limits counted. Default: in memory. */
  readonly store?: Store;
  /**
   * Settings of the hardened transport, such as a resolver, certificates of an authority of your own and time-outs. `fetch`
   * replaces it, for tests: then addresses are not checked.
   */
  readonly transport?: UndiciTransportOptions | { readonly fetch: typeof globalThis.fetch };
  /** Where the guard reports on itself. Default: JSON lines on standard error, warnings and worse. */
  readonly log?: OperationalLog;
  /** The time. Default: the system's. */
  readonly clock?: Clock;
}

/** How a session is opened: with a token that proves the principal, or with a principal the host has authenticated. */
export type SessionOptions = {
  readonly agent: Agent;
  /** What the session is for, in the agent developer's words; in the record and before approvers. */
  readonly purpose: string;
  /** How long it may live: `"15m"`, or milliseconds. Default 15 minutes; never longer than the identity token. */
  readonly ttl?: string | number;
} & (
  | { readonly identityToken: string; readonly principal?: never; readonly parent?: never }
  | { readonly principal: Principal; readonly identityToken?: never; readonly parent?: never }
  /** A session whose agent hands on its task: the same principal, never longer, and it ends with its parent. */
  | { readonly parent: Session; readonly identityToken?: never; readonly principal?: never }
);

const GUARD_KEYS = [
  "policy",
  "predicates",
  "predicateTimeoutMs",
  "identity",
  "credentials",
  "approvals",
  "masking",
  "audit",
  "store",
  "transport",
  "log",
  "clock",
];
const SESSION_KEYS = ["agent", "purpose", "ttl", "identityToken", "principal", "parent"];
const DEFAULT_TTL_MS = 15 * 60_000;
/** A request is held for a predicate; what takes longer is an approval. */
const LONGEST_PREDICATE_MS = 600_000;
const LONGEST_TTL_MS = 24 * 3_600_000;

/** Checks the shape of guard options. What the parts check themselves is left to them. @throws OptionsError */
export function checkGuardOptions(options: GuardOptions): void {
  const problems: ConfigurationProblem[] = unknownKeys(options, GUARD_KEYS);
  if (options.policy === undefined)
    problems.push({ pointer: "/policy", message: "is needed: a path, a document or a compiled policy" });
  else if (typeof options.policy === "object" && "watch" in options.policy) {
    const { file, watch, ...unknown } = options.policy;
    if (typeof file !== "string" && !(file instanceof URL))
      problems.push({ pointer: "/policy/file", message: "must be a path" });
    if (watch !== true) problems.push({ pointer: "/policy/watch", message: "must be true" });
    for (const key of Object.keys(unknown))
      problems.push({ pointer: `/policy/${key}`, message: "is not a known option" });
  }
  const { predicateTimeoutMs: timeout } = options;
  if (timeout !== undefined && !(Number.isSafeInteger(timeout) && timeout >= 1 && timeout <= LONGEST_PREDICATE_MS))
    problems.push({
      pointer: "/predicateTimeoutMs",
      message: "must be a whole number of milliseconds from 1 to 600000",
    });
  if (options.identity !== undefined && typeof options.identity.verify !== "function") {
    problems.push({ pointer: "/identity", message: "must be an identity verifier such as oidcIdentity(…)" });
  }
  for (const [name, provider] of Object.entries(options.credentials ?? {})) {
    if (typeof provider?.issue !== "function")
      problems.push({ pointer: `/credentials/${name}`, message: "must be a credential provider" });
  }
  if (options.store !== undefined) problems.push(...storeProblems(options.store));
  problems.push(...problemsOfApprovals(options.approvals ?? {}));
  problems.push(...problemsOfAudit(options.audit ?? {}));
  const unmaskable = options.masking === false ? undefined : options.masking?.unmaskable;
  if (unmaskable !== undefined && unmaskable !== "pass" && unmaskable !== "refuse") {
    problems.push({ pointer: "/masking/unmaskable", message: 'must be "pass" or "refuse"' });
  }
  if (options.masking !== false) problems.push(...problemsOfPlaceholders(options.masking?.placeholders ?? {}));
  if (problems.length > 0) throw new OptionsError(problems);
}

function problemsOfPlaceholders(placeholders: PlaceholderOptions): ConfigurationProblem[] {
  const problems = unknownKeys(placeholders, ["scope", "ttlMs", "origins", "fields"]);
  const { scope = "session", ttlMs = 1, origins = {}, fields = {} } = placeholders;
  if (scope !== "session" && scope !== "principal")
    problems.push({ pointer: "/scope", message: 'must be "session" or "principal"' });
  if (!Number.isSafeInteger(ttlMs) || ttlMs < 1 || ttlMs > LONGEST_TTL_MS)
    problems.push({ pointer: "/ttlMs", message: "must be a whole number of milliseconds, at most 24 hours" });
  for (const [kind, list] of Object.entries(origins)) {
    if (!Array.isArray(list) || !list.every(isOrigin))
      problems.push({
        pointer: `/origins/${kind}`,
        message: 'must be a list of origins such as "https://crm.example"',
      });
  }
  for (const [kind, list] of Object.entries(fields)) {
    if (!Array.isArray(list) || !list.every(isFilled))
      problems.push({ pointer: `/fields/${kind}`, message: "must be a list of names" });
  }
  return problems.map(({ pointer, message }) => ({ pointer: `/masking/placeholders${pointer}`, message }));
}

function problemsOfApprovals(approvals: ApprovalOptions): ConfigurationProblem[] {
  const problems = approvalProblems(approvals, ["onDeny"]);
  const { onDeny = "auto" } = approvals;
  if (!["auto", "throw", "respond"].includes(onDeny))
    problems.push({ pointer: "/onDeny", message: 'must be "auto", "throw" or "respond"' });
  return problems.map(({ pointer, message }) => ({ pointer: `/approvals${pointer}`, message }));
}

const isOrigin = (value: unknown): boolean =>
  typeof value === "string" && URL.canParse(value) && new URL(value).origin === value;

const STORE_VERBS = { approvals: "openOrJoin", limits: "reserve" } as const;

/** A store that lacks one kind would fail on the first call that needs it. */
const storeProblems = (store: Store): ConfigurationProblem[] =>
  Object.entries(STORE_VERBS).flatMap(([kind, verb]) => {
    const verbs: unknown = (store as unknown as Record<string, unknown> | null)?.[kind];
    return typeof (verbs as Record<string, unknown> | undefined)?.[verb] === "function"
      ? []
      : [{ pointer: `/store/${kind}`, message: "is needed: use memoryStore() or another complete store" }];
  });

/** Makes the transport that the options ask for. @throws OptionsError */
export function openTransport(options: GuardOptions["transport"] = {}): Transport {
  if ("fetch" in options) {
    const [unknown] = unknownKeys(options, ["fetch"]);
    const problem =
      unknown ??
      (typeof options.fetch === "function" ? null : { pointer: "/fetch", message: "must be a fetch function" });
    if (problem !== null) throw new OptionsError([{ ...problem, pointer: `/transport${problem.pointer}` }]);
    return createFetchTransport(options.fetch);
  }
  try {
    return createUndiciTransport(options);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    throw new OptionsError(
      error.problems.map(({ pointer, message }) => ({ pointer: `/transport${pointer}`, message })),
    );
  }
}

/** Names of the services that are shown a client certificate. */
export function certifiedServices(options: GuardOptions["transport"] = {}): ReadonlySet<string> {
  const services = "fetch" in options ? {} : (options.services ?? {});
  return new Set(Object.entries(services).flatMap(([name, { tls }]) => (tls?.cert === undefined ? [] : name)));
}

const AUDIT_KEYS = ["directory", "signer", "sync", "onFailure", "anchors", "sinks", "captureBytes"];
const LONGEST_CAPTURE = 16 * 1024 * 1024;

function problemsOfAudit(audit: NonNullable<GuardOptions["audit"]>): readonly ConfigurationProblem[] {
  const problems = unknownKeys(audit, AUDIT_KEYS).map(({ pointer, message }) => ({
    pointer: `/audit${pointer}`,
    message,
  }));
  const { captureBytes = 0 } = audit;
  if (!Number.isSafeInteger(captureBytes) || captureBytes < 0 || captureBytes > LONGEST_CAPTURE)
    problems.push({ pointer: "/audit/captureBytes", message: `must be a whole number up to ${LONGEST_CAPTURE}` });
  return problems;
}

/**
 * Every credential that the policy names must have a provider; and connection settings must be for one of its services: by
 * another name, a service would be reached without its own authority or its certificate. @throws OptionsError
 */
export function checkAgainstPolicy(
  policy: Policy,
  { credentials, transport = {} }: Pick<GuardOptions, "credentials" | "transport">,
): void {
  const problems: ConfigurationProblem[] = Object.entries(policy.document.services).flatMap(([name, { credential }]) =>
    credential === undefined || Object.hasOwn(credentials ?? {}, credential)
      ? []
      : [{ pointer: `/credentials/${credential}`, message: `is needed: the service "${name}" of the policy uses it` }],
  );
  for (const name of Object.keys(("services" in transport ? transport.services : undefined) ?? {}))
    if (!Object.hasOwn(policy.document.services, name))
      problems.push({ pointer: `/transport/services/${name}`, message: "is not a service of the policy" });
  if (problems.length > 0) throw new OptionsError(problems);
}

/** Checks session options; answers with the time to live in milliseconds. @throws OptionsError */
export function checkSessionOptions(options: SessionOptions): number {
  const problems = unknownKeys(options, SESSION_KEYS);
  if (!isFilled(options.agent?.id)) problems.push({ pointer: "/agent/id", message: "must name the agent" });
  if (!isFilled(options.purpose)) problems.push({ pointer: "/purpose", message: "must say what the session is for" });
  const sources = [options.identityToken, options.principal, options.parent].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    problems.push({ pointer: "", message: "needs either an identityToken, or a principal, or a parent" });
  }
  if (options.principal !== undefined && !isFilled(options.principal.id))
    problems.push({ pointer: "/principal/id", message: "must name the principal" });
  if (options.principal !== undefined && !["human", "service"].includes(options.principal.type)) {
    problems.push({ pointer: "/principal/type", message: 'must be "human" or "service"' });
  }
  const ttl = typeof options.ttl === "string" ? parseDuration(options.ttl) : (options.ttl ?? DEFAULT_TTL_MS);
  if (ttl === null || !Number.isFinite(ttl) || ttl < 1 || ttl > LONGEST_TTL_MS) {
    problems.push({
      pointer: "/ttl",
      message: 'must be a duration such as "15m" or a number of milliseconds, at most 24 hours',
    });
  }
  if (problems.length > 0 || ttl === null) throw new OptionsError(problems);
  return ttl;
}

const isFilled = (value: unknown): boolean => typeof value === "string" && value.trim() !== "";

const unknownKeys = (options: object, known: readonly string[]): ConfigurationProblem[] =>
  Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => ({ pointer: `/${key}`, message: "is not a known option" }));
