import { unavailable } from "./refusals.js";
import type { ApprovalStore } from "./store.js";

/**
 * The same store, with every failure turned into a refusal. The cause is left out: a client's error may carry the address
 * and password of its database.
 */
export function failClosedStore(store: ApprovalStore): ApprovalStore {
  const closed = <Args extends unknown[], T>(verb: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      try {
        return await verb.apply(store, args);
      } catch {
        throw unavailable("the store that holds approvals failed");
      }
    };
  };
  return {
    openOrJoin: closed(store.openOrJoin),
    vote: closed(store.vote),
    reserve: closed(store.reserve),
    settle: closed(store.settle),
    due: closed(store.due),
    get: closed(store.get),
    list: closed(store.list),
    watch: (id, listener) => store.watch(id, listener),
  };
}
