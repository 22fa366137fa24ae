import type { GuardError } from "../errors/guard-error.js";
import { mapDelete, mapGet, mapSet, mapSize } from "../request/captured.js";
import type { LiveCredential, Provenance } from "./custody.js";
import type { Flight } from "./flight.js";

/** One key of the cache. */
export interface Entry extends Provenance {
  held: LiveCredential | undefined;
  flight: Flight<LiveCredential> | undefined;
  /** Until then the same question is not asked again. */
  refusal: { readonly error: GuardError; readonly until: number } | undefined;
  /** No renewal in the background before this, and how many failed in a row. */
  renewNotBefore: number;
  renewalsFailed: number;
  /** Refusals by the service since `refusedSince`: each costs a request to the authorization server. */
  refusals: number;
  refusedSince: number;
  /** Those of the scopes asked for that may be missing. */
  readonly optionalScopes: readonly string[];
  /** When it was last moved to the end of the queue, in calls. */
  turn: number;
}

/** Entries by cache key, at most `limit`: the one that was longest unused makes room, and `onEvicted` gets what it held. */
export class Entries {
  /** In order of use, the longest unused first; and the keys of each session. */
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new Map<string, Set<string>>();
  readonly #limit: number;
  readonly #onEvicted: (held: LiveCredential) => void;
  #turn = 0;

  constructor(limit: number, onEvicted: (held: LiveCredential) => void) {
    this.#limit = limit;
    this.#onEvicted = onEvicted;
  }

  /** The entry of a key, which counts as used now. */
  use(key: string): Entry | undefined {
    const entry = mapGet(this.#entries, key);
    if (entry !== undefined) this.#touch(key, entry);
    return entry;
  }

  add(key: string, provenance: Provenance, optionalScopes: readonly string[]): Entry {
    const entry: Entry = {
      ...provenance,
      // Members of its own: a setter on Object.prototype must not get what is put there.
      held: undefined,
      flight: undefined,
      refusal: undefined,
      optionalScopes,
      renewNotBefore: 0,
      renewalsFailed: 0,
      refusals: 0,
      refusedSince: 0,
      turn: ++this.#turn,
    };
    mapSet(this.#entries, key, entry);
    const { session } = entry.base;
    const keys = this.#keys.get(session);
    if (keys === undefined) this.#keys.set(session, new Set([key]));
    else keys.add(key);
    if (mapSize(this.#entries) > this.#limit) {
      const [oldest] = this.#entries;
      const evicted = oldest && this.#empty(...oldest);
      if (evicted !== undefined) this.#onEvicted(evicted);
    }
    return entry;
  }

  dropSession(session: string): void {
    for (const key of this.#keys.get(session) ?? []) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#empty(key, entry);
    }
  }

  /** After this no flight of the entry can put anything into it. */
  #empty(key: string, entry: Entry): LiveCredential | undefined {
    const { held } = entry;
    this.#entries.delete(key);
    const { session } = entry.base;
    const keys = this.#keys.get(session);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(session);
    entry.held = undefined;
    entry.flight = undefined;
    return held;
  }

  /** Moving an entry costs more than finding it: what was moved a moment ago stays where it is. */
  #touch(key: string, entry: Entry): void {
    if (++this.#turn - entry.turn <= this.#limit / 8) return;
    entry.turn = this.#turn;
    mapDelete(this.#entries, key);
    mapSet(this.#entries, key, entry);
  }
}
