import { GuardError, OptionsError } from "./errors/guard-error.js";
import type { VerifiedIdentity } from "./identity/index.js";
import { type Agent, type Principal, parseDuration } from "./policy/index.js";
import type { Session } from "./session.js";
import {
  abortSignal,
  across,
  anyText,
  having,
  isObject,
  list,
  needed,
  number,
  object,
  oneOf,
  present,
  readOptions,
  type Shape,
  text,
} from "./shapes/index.js";

const DEFAULT_TTL_MS = 15 * 60_000;
const LONGEST_TTL_MS = 24 * 3_600_000;

/** What a session is opened with, read once. */
export interface CheckedSessionOptions {
  readonly agent: Agent;
  readonly purpose: string;
  /** In milliseconds. */
  readonly ttl: number;
  readonly identityToken?: string;
  readonly principal?: Principal;
  readonly parent?: Session;
}

const filled = (message: string): Shape<string> =>
  needed(
    text(message, (given) => (given.trim() === "" ? message : undefined)),
    message,
  );

const TTL = 'must be a duration such as "15m" or a number of milliseconds, at most 24 hours';

const ttl: Shape<number> = {
  read(given, place) {
    const ms = typeof given === "string" ? parseDuration(given) : given;
    if (typeof ms === "number" && ms >= 1 && ms <= LONGEST_TTL_MS) return ms;
    place.report(TTL);
    return undefined;
  },
};

/** What can be copied: numbers, texts, lists and objects of such. */
const plainData: Shape<Readonly<Record<string, unknown>>> = {
  read(given, place) {
    try {
      if (isObject(given)) return structuredClone(given);
    } catch {
      // A function, or something else that is more than data.
    }
    place.report("must be an object of plain data");
    return undefined;
  },
};

const agent: Shape<Agent> = object<Agent>({
  id: filled("must name the agent"),
  instance: anyText(),
  version: anyText(),
  name: anyText(),
});

const PRINCIPAL: Shape<Principal> = object<Principal>({
  id: filled("must name the principal"),
  type: needed(oneOf("human", "service"), 'must be "human" or "service"'),
  issuer: anyText(),
  tenant: anyText(),
  name: anyText(),
  email: anyText(),
  groups: list(anyText(), { message: "must be a list of names" }),
  claims: plainData,
});

const SESSION: Shape<Omit<CheckedSessionOptions, "ttl"> & { readonly ttl?: number }> = across(
  object({
    agent: needed(agent, "must name the agent: { id }"),
    purpose: filled("must say what the session is for"),
    ttl,
    identityToken: present(text("must be a token")),
    principal: present(PRINCIPAL),
    parent: present(having<Session>(["fetch", "close"], "must be a session of this guard")),
  }),
  ({ identityToken, principal, parent }, place) => {
    if ([identityToken, principal, parent].filter((source) => source !== undefined).length !== 1)
      place.report("needs either an identityToken, or a principal, or a parent");
  },
);

/** Reads the options of a session once. @throws OptionsError with every problem */
export function readSessionOptions(options: unknown): CheckedSessionOptions {
  const checked = readOptions(options, needed(SESSION, "must be an object"));
  return { ...checked, ttl: checked.ttl ?? DEFAULT_TTL_MS };
}

const WAIT: Shape<{ readonly signal?: AbortSignal }> = object({
  signal: abortSignal,
});

/** Reads how long the opening of a session may be waited for. @throws OptionsError */
export const readWait = (given: unknown): { readonly signal?: AbortSignal } => readOptions(given, WAIT);

const REVOKED: Shape<{ readonly agent: string }> = object({ agent: filled("must be the id of an agent") });

/** Reads whose sessions are to end. @throws OptionsError */
export const readRevoked = (given: unknown): { readonly agent: string } =>
  readOptions(given, needed(REVOKED, "must be an object: { agent }"));

const IDENTITY: Shape<VerifiedIdentity> = object<VerifiedIdentity>({
  principal: needed(PRINCIPAL),
  expiresAt: needed(number(0, Number.POSITIVE_INFINITY, "must be a time in epoch milliseconds")),
});

/** Reads whom a verifier has found. @throws GuardError `IDENTITY_REFUSED` where that is nobody */
export function readIdentity(given: unknown): VerifiedIdentity {
  try {
    return readOptions(given, IDENTITY);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const where = error.problems.map(({ pointer }) => pointer).join(", ");
    throw new GuardError("IDENTITY_REFUSED", {
      message: `The identity verifier gave no principal and end that can be used (${where === "" ? "no object" : where}).`,
    });
  }
}
