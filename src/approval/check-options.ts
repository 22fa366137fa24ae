import type { ConfigurationProblem } from "../errors/guard-error.js";

/** Notes what is wrong, and where: a JSON Pointer without its first slash. */
export type NoteProblem = (at: string, message: string) => void;

const TIMES = { waitMs: 0, pendingTtlMs: 1, grantTtlMs: 1, denyCacheMs: 0 } as const;
/** What lasts longer is nobody's intention, and would leave the range of a date at some point. */
const LONGEST_MS = 366 * 24 * 3_600_000;
const MAX_SEATS = 16;
const STORE_VERBS = ["openOrJoin", "vote", "reserve", "settle", "due", "get", "list", "watch"];
const OPTIONS = [
  "request",
  "store",
  "quorum",
  "separation",
  "emergency",
  "reminders",
  "prompts",
  "verify",
  "directory",
];

/**
 * Everything that is wrong with what people configure of a desk, but for `verify`, which checks itself. Believes nothing of
 * the shape: options come from files and from programs without types. `further` are keys that whoever calls looks after.
 */
export function deskProblems(options: unknown, further: readonly string[] = []): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const note: NoteProblem = (at, message) => void problems.push({ pointer: `/${at}`, message });
  if (!isObject(options)) return [{ pointer: "", message: "must be an object" }];
  checkKeys(options, "", [...OPTIONS, ...Object.keys(TIMES), ...further], note);
  for (const [key, least] of Object.entries(TIMES)) checkTime(options[key], key, least, note);
  for (const key of ["request", "directory"] as const)
    if (options[key] !== undefined && typeof options[key] !== "function") note(key, "must be a function");
  if (options["store"] !== undefined) checkStore(options["store"], note);
  checkQuorum(options["quorum"], note);
  checkPart(options["separation"], "separation", ["requesterMayApprove", "distinctPeople"], note, (part) => {
    for (const [key, value] of Object.entries(part))
      if (value !== undefined && typeof value !== "boolean") note(`separation/${key}`, "must be true or false");
  });
  checkPart(options["emergency"], "emergency", ["from"], note, ({ from }) => {
    if (!isSomebody(from)) note("emergency/from", SOMEBODY);
  });
  checkPart(options["reminders"], "reminders", ["firstAfterMs", "everyMs", "max", "escalateTo"], note, (reminders) => {
    if (reminders["firstAfterMs"] === undefined) note("reminders/firstAfterMs", "is needed: a number of milliseconds");
    checkTime(reminders["firstAfterMs"], "reminders/firstAfterMs", 1, note);
    checkTime(reminders["everyMs"], "reminders/everyMs", 1, note);
    if (reminders["max"] !== undefined && !isCount(reminders["max"]))
      note("reminders/max", "must be a whole number of at least 1");
    if (reminders["escalateTo"] !== undefined && !isSomebody(reminders["escalateTo"]))
      note("reminders/escalateTo", SOMEBODY);
  });
  checkPart(options["prompts"], "prompts", ["perSession", "perRequester", "perHour"], note, (prompts) => {
    for (const [key, value] of Object.entries(prompts))
      if (value !== undefined && !isCount(value)) note(`prompts/${key}`, "must be a whole number of at least 1");
  });
  return problems;
}

function checkStore(store: unknown, note: NoteProblem): void {
  const missing = STORE_VERBS.filter((verb) => !isObject(store) || typeof store[verb] !== "function");
  if (missing.length === 0) return;
  const whole =
    isObject(store) && isObject(store["approvals"]) ? ": give its `approvals`, or the whole to `store`" : "";
  note("store", `must be an approval store${whole}; it lacks ${missing.join(", ")}`);
}

function checkQuorum(quorum: unknown, note: NoteProblem): void {
  if (quorum === undefined) return;
  if (!Array.isArray(quorum) || quorum.length === 0) {
    note("quorum", "must be a list with an entry at least");
    return;
  }
  for (const [index, entry] of quorum.entries()) checkQuorumEntry(entry, `quorum/${index}`, note);
  const people = quorum.reduce(
    (sum: number, entry: unknown) => sum + ((isObject(entry) && Number(entry["n"])) || 0),
    0,
  );
  if (people > MAX_SEATS) note("quorum", `must not need more than ${MAX_SEATS} people`);
}

function checkQuorumEntry(entry: unknown, at: string, note: NoteProblem): void {
  if (!isObject(entry)) {
    note(at, "must be an object");
    return;
  }
  checkKeys(entry, `${at}/`, ["name", "n", "from"], note);
  const { name, n, from } = entry;
  if (!isName(name)) note(`${at}/name`, "must name the entry");
  if (!isCount(n)) note(`${at}/n`, "must be a number of people");
  if (from !== undefined && !isSomebody(from)) note(`${at}/from`, SOMEBODY);
  else if (isCount(n) && n > 1 && typeof from === "string" && !from.startsWith("group:"))
    note(`${at}/n`, "must be 1: `from` is the id of one person");
}

type Part = Readonly<Record<string, unknown>>;

function checkPart(
  part: unknown,
  at: string,
  known: readonly string[],
  note: NoteProblem,
  check: (part: Part) => void,
): void {
  if (part === undefined) return;
  if (!isObject(part)) {
    note(at, "must be an object");
    return;
  }
  checkKeys(part, `${at}/`, known, note);
  check(Object.fromEntries(Object.entries(part).filter(([key]) => known.includes(key))));
}

function checkKeys(given: Part, at: string, known: readonly string[], note: NoteProblem): void {
  for (const key of Object.keys(given)) if (!known.includes(key)) note(`${at}${key}`, "unknown option");
}

function checkTime(value: unknown, at: string, least: number, note: NoteProblem): void {
  if (value === undefined || (typeof value === "number" && value >= least && value <= LONGEST_MS)) return;
  note(at, `must be a number of milliseconds, at least ${least} and at most 366 days`);
}

const SOMEBODY = "must be group:NAME or an id";

export const isObject = (value: unknown): value is Part =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;
const isName = (value: unknown): value is string => typeof value === "string" && value !== "" && value.length <= 256;
const isSomebody = (value: unknown): boolean => isName(value) && value !== "group:";
