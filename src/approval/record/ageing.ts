import { type ApprovalRecord, moved } from "./record.js";

/** How far the clocks of two processes may be apart. */
const SKEW_MS = 60_000;

/** Given by the clock in the future: it was set back meanwhile, and how old the yes is can no longer be told. */
const isFromTheFuture = ({ state, decidedAt }: ApprovalRecord, now: number): boolean =>
  state === "approved" && decidedAt !== undefined && decidedAt - now > SKEW_MS;

/** Does what time has done: an unanswered question, an unused grant and a lease nobody came back for. */
export function ageRecord(record: ApprovalRecord, now: number): ApprovalRecord {
  const end = endOf(record);
  if (end === undefined || (now < end && !isFromTheFuture(record, now))) return record;
  return record.state === "reserved" ? moved(record, "lose") : moved(record, "expire");
}

/** When time will next do something to the record. */
export function endOf(record: ApprovalRecord): number | undefined {
  if (record.state === "pending") return record.expiresAt;
  if (record.state === "approved") return record.grantExpiresAt;
  return record.state === "reserved" ? record.lease?.expiresAt : undefined;
}

/**
 * Does what time has done, counts a reminder that is due, and hands over votes that are in nobody's record. Only for `due`:
 * whoever gets the record says so, reminds, and records.
 */
export function dueRecord(before: ApprovalRecord, now: number): ApprovalRecord {
  const aged = ageRecord(before, now);
  const reminded = remindedRecord(aged, now);
  if (reminded === before && before.unrecordedFrom === undefined) return before;
  const { unrecordedFrom, news: _, ...rest } = reminded;
  return {
    ...rest,
    news: {
      ...(aged === before ? {} : { ended: true }),
      ...(reminded === aged ? {} : { reminded: true }),
      ...(unrecordedFrom === undefined ? {} : { votesFrom: unrecordedFrom }),
    },
  };
}

function remindedRecord(record: ApprovalRecord, now: number): ApprovalRecord {
  const { remindAt, terms } = record;
  if (record.state !== "pending" || remindAt === undefined || now < remindAt || terms.reminders === undefined) {
    return record;
  }
  const { firstAfterMs, everyMs = firstAfterMs, max = 3, escalateTo } = terms.reminders;
  const { remindAt: _, ...rest } = record;
  const reminderNo = (record.reminderNo ?? 0) + 1;
  if (reminderNo > max) return { ...rest, ...(escalateTo === undefined ? {} : { escalatedTo: escalateTo }) };
  const more = reminderNo < max || escalateTo !== undefined;
  return { ...rest, reminderNo, ...(more ? { remindAt: now + everyMs } : {}) };
}

/** When `dueRecord` will next change the record. */
export function dueAt(record: ApprovalRecord): number | undefined {
  if (record.unrecordedFrom !== undefined) return 0;
  const end = endOf(record);
  if (record.state !== "pending" || record.remindAt === undefined) return end;
  return Math.min(record.remindAt, end ?? record.remindAt);
}
