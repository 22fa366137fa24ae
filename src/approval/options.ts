import type { Clock } from "../clock.js";
import { type ConfigurationProblem, OptionsError } from "../errors.js";
import type { ApprovalEvent } from "./events.js";
import type { Separation } from "./separation.js";
import type { ApprovalStore } from "./store.js";
import type { ApprovalCallback } from "./types.js";

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
  readonly separation?: Separation;
  /** Is told of every step, for the record. Where it throws, the call in progress is refused. */
  readonly onEvent?: (event: ApprovalEvent) => void;
}

/** The options with their defaults. */
export interface DeskSettings extends Required<Omit<ApprovalDeskOptions, "request">> {
  readonly request: ApprovalCallback | undefined;
}

const DEFAULTS = { waitMs: 25_000, pendingTtlMs: 72 * 3_600_000, grantTtlMs: 300_000, denyCacheMs: 600_000 } as const;
const KNOWN = new Set(["request", "store", "clock", "randomId", "separation", "onEvent", ...Object.keys(DEFAULTS)]);

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
  for (const key of ["request", "onEvent"] as const) {
    if (options[key] !== undefined && typeof options[key] !== "function") problem(key, "must be a function");
  }
  if (typeof options.randomId !== "function") problem("randomId", "must be a function");
  if (typeof options.clock?.monotonic !== "function") problem("clock", "must be a clock");
  if (typeof options.store?.openOrJoin !== "function") problem("store", "must be an approval store");
  for (const [key, value] of Object.entries(options.separation ?? {})) {
    if (key !== "requesterMayApprove") problem(`separation/${key}`, "unknown option");
    else if (typeof value !== "boolean") problem(`separation/${key}`, "must be true or false");
  }
  if (problems.length > 0) throw new OptionsError(problems);
  return { ...DEFAULTS, separation: {}, onEvent: () => undefined, request: undefined, ...withoutUndefined(options) };
}

const withoutUndefined = (options: ApprovalDeskOptions): ApprovalDeskOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ApprovalDeskOptions;
