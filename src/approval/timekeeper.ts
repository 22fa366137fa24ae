import type { Clock } from "../clock.js";
import { dueAt } from "./record/ageing.js";
import type { ApprovalRecord, RecordedVote } from "./record/record.js";
import type { ApprovalStore } from "./store.js";

/** Lets time act on approvals when it is due. */
export interface Timekeeper {
  /** Takes note of where the approval stands now. */
  follow(record: ApprovalRecord): void;
  /** Has the store do what time has done. */
  sweep(): Promise<void>;
  /** Follows what is in the store already, of earlier processes too; never rejects. */
  resume(): Promise<void>;
  /** Sweeps, and takes note of where the approval stands; never rejects. */
  lookAgain(id: string): Promise<void>;
  stop(): void;
}

export function createTimekeeper(
  store: ApprovalStore,
  clock: Clock,
  now: () => number,
  on: {
    /** The approval is no longer pending. */
    readonly over: (id: string) => void;
    /** Time has ended it: nobody answered, the grant was not used, or nobody said what became of it. */
    readonly ended: (record: ApprovalRecord) => void;
    /** People are to be reminded. */
    readonly reminded: (record: ApprovalRecord) => void;
    /** Somebody has answered by a tool that keeps no record. */
    readonly told: (record: ApprovalRecord, votes: readonly RecordedVote[]) => Promise<void>;
  },
  /** Whether there is somebody here to be told. Where not, what `due` gives away would be lost to those who need it. */
  isWatching: boolean,
): Timekeeper {
  const timers = new Map<string, () => void>();
  let stopped = false;

  const follow = (record: ApprovalRecord): void => {
    timers.get(record.id)?.();
    timers.delete(record.id);
    if (record.state !== "pending") on.over(record.id);
    const end = dueAt(record);
    if (end === undefined || stopped || !isWatching) return;
    timers.set(
      record.id,
      clock.schedule(Math.max(1, end - now()), () => void lookAgain(record.id)),
    );
  };

  const sweep = async (): Promise<void> => {
    if (!isWatching || stopped) return;
    const changed = await store.due(now());
    for (const record of changed) follow(record);
    for (const record of changed) {
      const { ended, reminded, votesFrom } = record.news ?? {};
      if (votesFrom !== undefined)
        await on.told(
          record,
          record.votes.slice(votesFrom).filter(({ unrecorded }) => unrecorded === true),
        );
      if (ended === true) on.ended(record);
      if (reminded === true) on.reminded(record);
    }
  };

  const resume = async (): Promise<void> => {
    try {
      await sweep();
      for (const state of ["pending", "approved", "reserved"] as const) {
        for (const record of await store.list({ state })) if (!timers.has(record.id)) follow(record);
      }
    } catch {
      // As below.
    }
  };

  const lookAgain = async (id: string): Promise<void> => {
    try {
      await sweep();
      const record = await store.get(id);
      if (record !== undefined) follow(record);
    } catch {
      // A store that is away refuses every call by itself, and no timer decides anything.
    }
  };

  return {
    follow,
    sweep,
    resume,
    lookAgain,
    stop() {
      stopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
