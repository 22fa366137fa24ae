import type { ConfigurationProblem } from "../errors/guard-error.js";
import type { Clause } from "./clauses.js";
import type { WhenDocument } from "./document/document.js";

type Day = NonNullable<WhenDocument["days"]>[number];
const DAYS: readonly Day[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MINUTES = 24 * 60;

type Problem = (at: string, message: string) => void;
type Span = readonly [from: number, to: number];
type Local = { readonly day: number; readonly minute: number };

/** The clause on the time of the decision, `context.now`. A time that is no time fails a permit and fires a deny. */
export function whenClause(
  when: WhenDocument,
  deny: boolean,
  pointer: string,
  report: (problem: ConfigurationProblem) => void,
): Clause {
  const problem: Problem = (at, message) => report({ pointer: `${pointer}/${at}`, message });
  const after = instant(when.after, "after", problem) ?? Number.NEGATIVE_INFINITY;
  const before = instant(when.before, "before", problem) ?? Number.POSITIVE_INFINITY;
  if (after >= before) problem("before", "must be later than after");
  const span = hoursOf(when.hours, problem);
  const local = localClock(when.timeZone ?? "UTC", problem);
  const days = when.days;
  const onDay = (day: number): boolean => days === undefined || days.some((one) => one === DAYS[(day + 7) % 7]);
  const inHours = (now: number): boolean => {
    if (days === undefined && span === null) return true;
    const { day, minute } = local(now);
    if (span === null) return onDay(day);
    const [from, to] = span;
    if (from < to) return onDay(day) && minute >= from && minute < to;
    // Over midnight: the hours after it belong to the day on which the window opened.
    return minute >= from ? onDay(day) : minute < to && onDay(day - 1);
  };
  return {
    name: "when",
    expected: expectedText(when),
    readsBody: false,
    holds: ({ context: { now } }) => (isTime(now) ? now >= after && now < before && inHours(now) : deny),
    got: ({ context: { now } }) => (isTime(now) ? new Date(now).toISOString() : "no time"),
  };
}

/** Beyond this many milliseconds a `Date` is invalid, and formatting it throws. */
const isTime = (now: unknown): now is number => typeof now === "number" && Math.abs(now) <= 8.64e15;

function instant(text: string | undefined, at: string, problem: Problem): number | undefined {
  if (text === undefined) return undefined;
  const [, date] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const time = date === undefined ? Number.NaN : Date.parse(text);
  // Date.parse takes 30 February for 1 March.
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isFinite(time) && Number.isFinite(day) && new Date(day).toISOString().slice(0, 10) === date) return time;
  problem(at, "must be an instant with its offset, as in 2026-01-01T00:00:00Z");
  return undefined;
}

function hoursOf(text: string | undefined, problem: Problem): Span | null {
  if (text === undefined) return null;
  const [, h1, m1, h2, m2] = /^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
  if (from < DAY_MINUTES && to <= DAY_MINUTES && from !== to) return [from, to];
  problem("hours", "must be two different times of day, as in 08:00-18:00 or 22:00-06:00");
  return null;
}

function localClock(timeZone: string, problem: Problem): (now: number) => Local {
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    return (now) => {
      const part = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
      const day = (DAYS as readonly (string | undefined)[]).indexOf(part["weekday"]?.toLowerCase());
      return { day, minute: Number(part["hour"]) * 60 + Number(part["minute"]) };
    };
  } catch {
    problem("timeZone", "is not an IANA time zone, as in Europe/Berlin");
    return () => ({ day: Number.NaN, minute: Number.NaN });
  }
}

const expectedText = ({ after, before, days, hours, timeZone }: WhenDocument): string =>
  [
    ...(after === undefined ? [] : [`from ${after}`]),
    ...(before === undefined ? [] : [`before ${before}`]),
    ...(days === undefined ? [] : [days.join(", ")]),
    ...(hours === undefined ? [] : [hours]),
    ...(days === undefined && hours === undefined ? [] : [timeZone ?? "UTC"]),
  ].join(" ");
