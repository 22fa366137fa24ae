import {
  also,
  callable,
  flag,
  having,
  isObject,
  list,
  type Members,
  needed,
  number,
  object,
  type Shape,
  text,
  whole,
} from "../shapes/index.js";
import type { ApprovalDeskOptions, PromptTerms } from "./options.js";
import type { ReminderTerms } from "./record/terms.js";
import { type ApprovalVerifier, type VerifyOptions, verifyShape } from "./signing/verify.js";
import type { ApprovalStore } from "./store.js";
import type { QuorumEntry } from "./votes/quorum.js";
import type { EmergencyTerms, Separation } from "./votes/separation.js";

/** What lasts longer is nobody's intention, and would leave the range of a date at some point. */
const LONGEST_MS = 366 * 24 * 3_600_000;
const MAX_SEATS = 16;
const STORE_VERBS = ["openOrJoin", "vote", "reserve", "settle", "due", "get", "list", "watch"];

const time = (least: number): Shape<number> =>
  number(least, LONGEST_MS, `must be a number of milliseconds, at least ${least} and at most 366 days`);
const name = (message: string): Shape<string> => text(message, (given) => (given.length <= 256 ? undefined : message));
const SOMEBODY = "must be group:NAME or an id";
const somebody: Shape<string> = text(SOMEBODY, (given) =>
  given.length <= 256 && given !== "group:" ? undefined : SOMEBODY,
);

const quorumEntry: Shape<QuorumEntry> = also(
  object<QuorumEntry>({
    name: needed(name("must name the entry"), "must name the entry"),
    n: needed(whole(1, Number.MAX_SAFE_INTEGER, "people"), "must be a number of people"),
    from: somebody,
  }),
  ({ n, from }, place) => {
    if (n > 1 && from !== undefined && !from.startsWith("group:"))
      place.at("n").report("must be 1: `from` is the id of one person");
  },
);

const quorum: Shape<readonly QuorumEntry[]> = also(
  list(quorumEntry, { least: 1, message: "must be a list with an entry at least" }),
  (entries, place) => {
    if (entries.reduce((sum, { n }) => sum + n, 0) > MAX_SEATS)
      place.report(`must not need more than ${MAX_SEATS} people`);
  },
);

const store: Shape<ApprovalStore> = {
  read(given, place) {
    const verbs = isObject(given) ? given : {};
    const missing = STORE_VERBS.filter((verb) => typeof verbs[verb] !== "function");
    if (missing.length === 0) return given as ApprovalStore;
    const whole = isObject(verbs["approvals"]) ? ": give its `approvals`, or the whole to `store`" : "";
    place.report(`must be an approval store${whole}; it lacks ${missing.join(", ")}`);
    return undefined;
  },
};

/** A verifier, or what one is made of. */
const verify: Shape<ApprovalVerifier | VerifyOptions> = {
  read: (given, place) =>
    isObject(given) && typeof given["token"] === "function" && typeof given["proof"] === "function"
      ? (given as unknown as ApprovalVerifier)
      : verifyShape.read(given, place),
};

/** What people configure of a desk. */
export const CONFIGURED: Members<Omit<ApprovalDeskOptions, "clock" | "randomId" | "onEvent">> = {
  request: callable(),
  store,
  waitMs: time(0),
  pendingTtlMs: time(1),
  grantTtlMs: time(1),
  denyCacheMs: time(0),
  quorum,
  separation: object<Separation>({ requesterMayApprove: flag, distinctPeople: flag }),
  emergency: object<EmergencyTerms>({ from: needed(somebody, SOMEBODY) }),
  reminders: object<ReminderTerms>({
    firstAfterMs: needed(time(1), "is needed: a number of milliseconds"),
    everyMs: time(1),
    max: whole(1),
    escalateTo: somebody,
  }),
  prompts: object<PromptTerms>({ perSession: whole(1), perRequester: whole(1), perHour: whole(1) }),
  verify,
  directory: callable(),
};

/** All options of a desk. */
export const DESK: Shape<ApprovalDeskOptions> = object<ApprovalDeskOptions>({
  ...CONFIGURED,
  store: needed(store, "is needed: an approval store"),
  clock: needed(having(["now", "monotonic", "schedule"], "must be a clock"), "must be a clock"),
  randomId: needed(callable(), "must be a function"),
  onEvent: callable(),
});
