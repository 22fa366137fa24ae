import {
  type ApprovalRecord,
  type ApprovalStore,
  addVote,
  dueRecord,
  isJoinable,
  joinOrOpen,
  settleGrant,
  slotOf,
  takeGrant,
} from "../approval/index.js";
import type { Documents, Table } from "./documents.js";

/** Under what an approval is found again by an identical call. */
export const approvalIndex = (record: ApprovalRecord): string => slotOf(record);

/**
 * The verbs on a table of approvals: each is one transaction. Holds at most `maxRecords`: finished approvals make room,
 * oldest first; where all are live or a denial that still holds, opening fails.
 */
export function approvalsIn(table: Table<ApprovalRecord>, maxRecords: number): ApprovalStore {
  const put = (records: Documents<ApprovalRecord>, record: ApprovalRecord): ApprovalRecord => {
    records.put(record.id, record);
    return record;
  };

  const makeRoom = (records: Documents<ApprovalRecord>, now: number): void => {
    if (records.size < maxRecords) return;
    for (const record of records.all()) {
      if (isJoinable(record, now)) continue;
      records.delete(record.id);
      return;
    }
    throw new Error(`The approval store is full: ${maxRecords} approvals are live.`);
  };

  return {
    openOrJoin: (fingerprint, opening) =>
      table.transact((records) => {
        if (opening.fingerprint !== fingerprint) throw new Error("The fingerprint is not that of the opening.");
        const joining = joinOrOpen(records.find(slotOf(opening)), opening);
        if (joining.created) {
          if (records.get(opening.id) !== undefined) throw new Error("There is an approval with this id already.");
          if (joining.withdrawn !== undefined) put(records, joining.withdrawn);
          makeRoom(records, opening.createdAt);
        }
        put(records, joining.record);
        return joining;
      }),
    vote: (id, vote) =>
      table.transact((records) => {
        const record = records.get(id);
        return record === undefined ? undefined : put(records, addVote(record, vote));
      }),
    reserve: (id, fingerprint, lease) =>
      table.transact((records) => {
        const before = records.get(id);
        if (before === undefined) return "gone";
        const { result, record } = takeGrant(before, fingerprint, lease);
        put(records, record);
        return result;
      }),
    settle: (id, lease, outcome) =>
      table.transact((records) => {
        const record = records.get(id);
        if (record !== undefined) put(records, settleGrant(record, lease.id, outcome));
      }),
    due: (now) =>
      table.transact((records) => {
        const changed: ApprovalRecord[] = [];
        for (const record of [...records.all()]) {
          const aged = dueRecord(record, now);
          if (aged !== record) changed.push(put(records, aged));
        }
        return changed;
      }),
    get: (id) => table.transact((records) => records.get(id)),
    list: ({ state } = {}) =>
      table.transact((records) => {
        const all = [...records.all()].reverse();
        return state === undefined ? all : all.filter((record) => record.state === state);
      }),
    watch: (id, listener) => table.watch(id, listener),
  };
}
