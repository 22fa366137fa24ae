import {
  type ApprovalRecord,
  type ApprovalStore,
  addVote,
  ageRecord,
  endOf,
  isJoinable,
  openRecord,
  settleGrant,
  slotOf,
  takeGrant,
} from "../approval/index.js";

/**
 * Approvals in the memory of one process. Atomic because nothing is awaited inside a verb. Holds at most `maxRecords`:
 * finished approvals make room, oldest first; where all are live or a denial that still holds, opening fails.
 */
export function memoryApprovals(maxRecords: number): ApprovalStore {
  const records = new Map<string, ApprovalRecord>();
  const slots = new Map<string, string>();
  const watchers = new Map<string, Set<() => void>>();

  const put = (record: ApprovalRecord): ApprovalRecord => {
    const changed = records.get(record.id) !== record;
    records.set(record.id, record);
    if (changed) for (const listener of watchers.get(record.id) ?? []) listener();
    return record;
  };

  const makeRoom = (now: number): void => {
    if (records.size < maxRecords) return;
    for (const record of records.values()) {
      if (isJoinable(record, now)) continue;
      records.delete(record.id);
      if (slots.get(slotOf(record)) === record.id) slots.delete(slotOf(record));
      return;
    }
    throw new Error(`The approval store is full: ${maxRecords} approvals are live.`);
  };

  return {
    async openOrJoin(fingerprint, opening) {
      if (opening.fingerprint !== fingerprint) throw new Error("The fingerprint is not that of the opening.");
      const slot = slotOf(opening);
      const earlier = records.get(slots.get(slot) ?? "");
      if (earlier !== undefined) {
        const current = put(ageRecord(earlier, opening.createdAt));
        if (isJoinable(current, opening.createdAt)) {
          return { record: put({ ...current, attempt: current.attempt + 1 }), created: false };
        }
      }
      if (records.has(opening.id)) throw new Error("There is an approval with this id already.");
      makeRoom(opening.createdAt);
      const record = put(openRecord(opening));
      slots.set(slot, record.id);
      return { record, created: true };
    },
    async vote(id, vote) {
      const record = records.get(id);
      return record === undefined ? undefined : put(addVote(record, vote));
    },
    async reserve(id, fingerprint, lease) {
      const before = records.get(id);
      if (before === undefined) return "gone";
      const { result, record } = takeGrant(before, fingerprint, lease);
      put(record);
      return result;
    },
    async settle(id, lease, outcome) {
      const record = records.get(id);
      if (record !== undefined) put(settleGrant(record, lease.id, outcome));
    },
    async due(now) {
      const changed: ApprovalRecord[] = [];
      for (const record of records.values()) {
        if (endOf(record) === undefined) continue;
        const aged = ageRecord(record, now);
        if (aged !== record) changed.push(put(aged));
      }
      return changed;
    },
    async get(id) {
      return records.get(id);
    },
    async list({ state } = {}) {
      const all = [...records.values()].reverse();
      return state === undefined ? all : all.filter((record) => record.state === state);
    },
    watch(id, listener) {
      const listeners = watchers.get(id) ?? new Set();
      watchers.set(id, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && watchers.get(id) === listeners) watchers.delete(id);
      };
    },
  };
}
