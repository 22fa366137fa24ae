import type { Destination, Queued } from "./outbox.js";

/** A place elsewhere that keeps signed heads: what a thief of the key cannot take back. */
export interface AnchorSink {
  /** In warnings. */
  readonly name: string;
  /**
   * Publishes a signed note (https://c2sp.org/signed-note). Called with one note at a time, in order; a note whose
   * promise rejects, or is not settled when `signal` aborts, is published again later.
   */
  publish(note: string, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Signed heads are never given up; of too many, the newest of each log say all that the older ones do. */
export const toAnchor = (sink: AnchorSink): Destination<string> => ({
  name: sink.name,
  send: (note, options) => sink.publish(note, options),
  thin: newestOfEach,
});

function newestOfEach(backlog: readonly Queued<string>[]): readonly Queued<string>[] {
  const newest = new Map(backlog.map((entry) => [entry.item.slice(0, entry.item.indexOf("\n")), entry]));
  const kept = new Set(newest.values());
  return backlog.filter((entry, index) => index === 0 || kept.has(entry));
}
