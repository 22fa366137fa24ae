import type { Clock } from "../clock.js";
import { readOptions } from "../shapes/index.js";
import { DESK } from "./check-options.js";
import type { ApprovalEvent } from "./events.js";
import type { ReminderTerms } from "./record/terms.js";
import { type ApprovalVerifier, type VerifyOptions, verifyApprovals } from "./signing/verify.js";
import type { ApprovalStore } from "./store.js";
import type { ApprovalCallback, Approver } from "./types.js";
import type { QuorumEntry } from "./votes/quorum.js";
import type { EmergencyTerms, Separation } from "./votes/separation.js";

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
  /**
   * How often people may be asked: by one session, by one agent for one person in an hour, and by all in an hour. Default 100,
   * 300 and 1,000.
   */
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
  /** By one agent that acts for one person, over all their sessions within an hour. */
  readonly perRequester?: number;
  readonly perHour?: number;
}

type Optional = "request" | "quorum" | "emergency" | "reminders" | "directory";

/** The options with their defaults. */
export type DeskSettings = Required<Omit<ApprovalDeskOptions, Optional | "verify">> & {
  readonly [Key in Optional]: ApprovalDeskOptions[Key] | undefined;
} & { readonly verify: ApprovalVerifier | undefined };

const DEFAULTS = { waitMs: 25_000, pendingTtlMs: 72 * 3_600_000, grantTtlMs: 300_000, denyCacheMs: 600_000 } as const;

/** Checks the options once. @throws OptionsError with every problem. */
export function deskSettings(options: ApprovalDeskOptions): DeskSettings {
  const { verify, ...given } = readOptions(options, DESK);
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
    verify: verify === undefined || "token" in verify ? verify : verifyApprovals(verify),
  };
}
