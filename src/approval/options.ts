import type { Clock } from "../clock.js";
import { type ConfigurationProblem, OptionsError } from "../errors.js";
import type { ApprovalEvent } from "./events.js";
import type { QuorumEntry } from "./quorum.js";
import type { ReminderTerms } from "./record.js";
import type { EmergencyTerms, Separation } from "./separation.js";
import type { ApprovalStore } from "./store.js";
import type { ApprovalCallback, Approver } from "./types.js";
import { type ApprovalVerifier, type VerifyOptions, verifyApprovals } from "./verify.js";

/** Options of the desk. There is none that turns silence into a yes. */
export interface ApprovalDeskOptions {
  /** Asks a person. Without it every call that needs an approval is refused at once. */
  readonly request?: ApprovalCallback;
  readonly store: ApprovalStore;
  readonly clock: Clock;
  /** Unguessable and unique: approval ids, leases and nonces are made of it. */
  readonly randomId: () => string;
  /** How long a call may be held, in milliseconds. Default 25,000; 0 never holds. */
  readonly waitMs?: number;
  /** How long a person has to answer, in milliseconds. Default 72 hours: it outlives a weekend. */
  readonly pendingTtlMs?: number;
  /** How long a yes may be used, in milliseconds. Default 5 minutes. */
  readonly grantTtlMs?: number;
  /** How long a no answers for the same call, in milliseconds. Default 10 minutes. */
  readonly denyCacheMs?: number;
  /** Who must say yes, all entries of it. A no by any of them ends the question. Default: one yes. */
  readonly quorum?: readonly QuorumEntry[];
  readonly separation?: Separation;
  readonly emergency?: EmergencyTerms;
  /** Default: nobody is reminded. */
  readonly reminders?: ReminderTerms;
  /** How often people may be asked: by one session, and by all of them in an hour. Default 100 and 1,000. */
  readonly prompts?: PromptTerms;
  /**
   * Proves decisions that come from outside. With it, `decide` takes signed ones only: tokens, decisions with a proof, and
   * those of `slackChannel` and `receiveDecisions`, which check the signature of whoever sends them.
   */
  readonly verify?: ApprovalVerifier | VerifyOptions;
  /**
   * The groups of a person now, or null where there is no such person any more. Asked about everybody who has said yes when
   * a yes arrives: a yes of somebody who has left the group meanwhile does not count. Default: what their channel proved.
   */
  readonly directory?: (person: Approver) => Promise<readonly string[] | null>;
  /** Is told of every step, for the record. Where it throws, the call in progress is refused. */
  readonly onEvent?: (event: ApprovalEvent) => void;
}

/** How often people may be asked before a session is told to stop. */
export interface PromptTerms {
  readonly perSession?: number;
  readonly perHour?: number;
}

type Optional = "request" | "quorum" | "emergency" | "reminders" | "directory";

/** The options with their defaults. */
export type DeskSettings = Required<Omit<ApprovalDeskOptions, Optional | "verify">> & {
  readonly [Key in Optional]: ApprovalDeskOptions[Key] | undefined;
} & { readonly verify: ApprovalVerifier | undefined };

const DEFAULTS = { waitMs: 25_000, pendingTtlMs: 72 * 3_600_000, grantTtlMs: 300_000, denyCacheMs: 600_000 } as const;
const KNOWN = new Set([
  ...["request", "store", "clock", "randomId", "quorum", "separation", "emergency", "reminders", "prompts", "verify"],
  ...["directory", "onEvent", ...Object.keys(DEFAULTS)],
]);

/** Checks the options once. @throws OptionsError with every problem. */
export function deskSettings(options: ApprovalDeskOptions): DeskSettings {
  const problems: ConfigurationProblem[] = [];
  const problem = (key: string, message: string): void => void problems.push({ pointer: `/${key}`, message });
  for (const key of Object.keys(options)) if (!KNOWN.has(key)) problem(key, "unknown option");
  for (const key of ["waitMs", "pendingTtlMs", "grantTtlMs", "denyCacheMs"] as const) {
    const value = options[key];
    const least = key === "waitMs" || key === "denyCacheMs" ? 0 : 1;
    if (value !== undefined && !(Number.isFinite(value) && value >= least)) {
      problem(key, `must be a number of milliseconds, at least ${least}`);
    }
  }
  for (const key of ["request", "onEvent", "directory"] as const) {
    if (options[key] !== undefined && typeof options[key] !== "function") problem(key, "must be a function");
  }
  if (typeof options.randomId !== "function") problem("randomId", "must be a function");
  if (typeof options.clock?.monotonic !== "function") problem("clock", "must be a clock");
  if (typeof options.store?.openOrJoin !== "function") problem("store", "must be an approval store");
  for (const [key, value] of Object.entries(options.separation ?? {})) {
    if (key !== "requesterMayApprove" && key !== "distinctPeople") problem(`separation/${key}`, "unknown option");
    else if (typeof value !== "boolean") problem(`separation/${key}`, "must be true or false");
  }
  checkPeople(options, problem);
  const verify = verifierOf(options.verify, problems);
  if (problems.length > 0) throw new OptionsError(problems);
  const { verify: _, ...given } = withoutUndefined(options);
  return {
    ...DEFAULTS,
    separation: {},
    prompts: {},
    onEvent: () => undefined,
    request: undefined,
    quorum: undefined,
    emergency: undefined,
    reminders: undefined,
    directory: undefined,
    ...given,
    verify,
  };
}

function verifierOf(
  verify: ApprovalDeskOptions["verify"],
  problems: ConfigurationProblem[],
): ApprovalVerifier | undefined {
  if (verify === undefined) return undefined;
  if ("token" in verify && typeof verify.token === "function") return verify;
  try {
    return verifyApprovals(verify as VerifyOptions);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    problems.push(...error.problems.map(({ pointer, message }) => ({ pointer: `/verify${pointer}`, message })));
    return undefined;
  }
}

type Problem = (key: string, message: string) => void;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;
const isName = (value: unknown): boolean => typeof value === "string" && value !== "" && value.length <= 256;
const MAX_SEATS = 16;

function checkPeople({ quorum, emergency, reminders, prompts }: ApprovalDeskOptions, problem: Problem): void {
  if (quorum !== undefined && !(Array.isArray(quorum) && quorum.length > 0)) {
    problem("quorum", "must be a list with an entry at least");
  } else {
    quorum?.forEach((entry, index) => {
      const at = `quorum/${index}`;
      checkKeys(entry, at, ["name", "n", "from"], problem);
      if (!isName(entry.name)) problem(`${at}/name`, "must name the entry");
      if (!isCount(entry.n)) problem(`${at}/n`, "must be a number of people");
      if (entry.from !== undefined && !isName(entry.from)) problem(`${at}/from`, "must be group:NAME or an id");
    });
    if ((quorum ?? []).reduce((sum, { n }) => sum + n, 0) > MAX_SEATS) {
      problem("quorum", `must not need more than ${MAX_SEATS} people`);
    }
  }
  if (emergency !== undefined) {
    checkKeys(emergency, "emergency", ["from"], problem);
    if (!isName(emergency.from)) problem("emergency/from", "must be group:NAME or an id");
  }
  if (reminders !== undefined) {
    checkKeys(reminders, "reminders", ["firstAfterMs", "everyMs", "max", "escalateTo"], problem);
    for (const key of ["firstAfterMs", "everyMs"] as const) {
      const value = reminders[key];
      if ((key === "firstAfterMs" || value !== undefined) && !(Number.isFinite(value) && (value ?? 0) >= 1)) {
        problem(`reminders/${key}`, "must be a number of milliseconds, at least 1");
      }
    }
    if (reminders.max !== undefined && !isCount(reminders.max)) problem("reminders/max", "must be a whole number");
    if (reminders.escalateTo !== undefined && !isName(reminders.escalateTo)) {
      problem("reminders/escalateTo", "must be group:NAME or an id");
    }
  }
  checkKeys(prompts ?? {}, "prompts", ["perSession", "perHour"], problem);
  for (const [key, value] of Object.entries(prompts ?? {})) {
    if (!isCount(value)) problem(`prompts/${key}`, "must be a whole number of at least 1");
  }
}

function checkKeys(given: object, at: string, known: readonly string[], problem: Problem): void {
  for (const key of Object.keys(given)) if (!known.includes(key)) problem(`${at}/${key}`, "unknown option");
}

const withoutUndefined = (options: ApprovalDeskOptions): ApprovalDeskOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ApprovalDeskOptions;
