/** Votes that arrive together are counted together. */
export interface Ballot<T> {
  /** Resolves when all votes on `id` that arrived in the same turn have been counted, a no before a yes. */
  cast(id: string, isNo: boolean, count: () => Promise<T>): Promise<T>;
}

/**
 * A yes and a no that arrive at once must not depend on which of them the event loop saw first: the no wins. Only the
 * order is decided here; each vote is still a conditional write of its own.
 */
export function createBallot<T>(): Ballot<T> {
  const open = new Map<string, { isNo: boolean; run: () => Promise<void> }[]>();
  return {
    cast(id, isNo, count) {
      return new Promise((resolve, reject) => {
        const run = (): Promise<void> => count().then(resolve, reject);
        const waiting = open.get(id);
        if (waiting !== undefined) {
          waiting.push({ isNo, run });
          return;
        }
        const votes = [{ isNo, run }];
        open.set(id, votes);
        queueMicrotask(async () => {
          open.delete(id);
          for (const vote of [...votes.filter((one) => one.isNo), ...votes.filter((one) => !one.isNo)])
            await vote.run();
        });
      });
    },
  };
}
