import type { Clock } from "../clock.js";
import { GuardError } from "../errors/guard-error.js";
import { weakGet, weakSet } from "../request/captured.js";
import { asGuardError, asideOf, CredentialError } from "./credential-error.js";
import { type Custody, heldBy, type LiveCredential } from "./custody.js";
import type { Entry } from "./entries.js";
import type { BrokerEvent } from "./events.js";
import { type Flight, startFlight } from "./flight.js";
import { issueWithRetry } from "./issue.js";
import { type CredentialStore, keepLease } from "./leases.js";
import { backoffMs } from "./wait.js";

/** How credentials come into the cache: one flight per key, whose result counts only while it is the key's. */
export interface Issuing {
  /** Starts the one flight of a key. What it brings is kept only while it still is the key's flight when it lands. */
  begin(entry: Entry): Flight<LiveCredential>;
  /** The entry that hands a credential out, or did. */
  holderOf(live: LiveCredential): Entry | undefined;
  /** Flights of a session that have not ended, also those nobody waits for any more. */
  flightsOf(sessionId: string): readonly Flight<LiveCredential>[];
  /** Sessions with such flights. */
  sessions(): Iterable<string>;
}

/** What issuing needs of its broker. */
export interface IssuingParts {
  readonly custody: Custody;
  readonly clock: Clock;
  readonly random: () => number;
  readonly deadlineMs: number;
  readonly leases: CredentialStore | undefined;
  readonly isLeased: (live: LiveCredential) => boolean;
  readonly isClosed: (sessionId: string) => boolean;
  readonly emit: (event: BrokerEvent) => void;
}

const REFUSAL_REMEMBERED_MS = 10_000;

export function createIssuing(parts: IssuingParts): Issuing {
  const { custody, clock, random, deadlineMs, leases, isLeased, isClosed, emit } = parts;
  const holders = new WeakMap<LiveCredential, Entry>();
  const unfinished = new Map<Flight<LiveCredential>, string>();

  const issueFor = async (entry: Entry, signal: AbortSignal): Promise<LiveCredential> => {
    const live = await issue(entry, signal);
    if (leases === undefined || !isLeased(live)) return live;
    // What the store throws is the guard's own to say, not a provider's.
    await keepLease(leases, live).catch((failure: unknown) => {
      void custody.revoke(live);
      signal.throwIfAborted();
      throw failure;
    });
    return live;
  };

  const issue = async (entry: Entry, signal: AbortSignal): Promise<LiveCredential> => {
    const { provider, request, base } = entry;
    const startedAt = clock.monotonic();
    try {
      const { issued, requestedAt } = await issueWithRetry(provider, request, {
        credential: base.credential,
        clock,
        random,
        signal,
        deadlineMs,
        onLate: (late, at) => void custody.revoke(custody.take(entry, late, at)),
      });
      const live = custody.take(entry, issued, requestedAt);
      checkBinding(live);
      custody.checkScope(live, entry.optionalScopes);
      return live;
    } catch (error) {
      // It was issued all the same.
      for (const rejected of asideOf(error).rejected ?? [])
        void custody.revoke(custody.take(entry, rejected, startedAt));
      signal.throwIfAborted();
      throw asGuardError(error, base.credential);
    }
  };

  /** A provider that says it binds must have bound: never a bearer token in place of a bound one. */
  const checkBinding = (live: LiveCredential): void => {
    if ((heldBy(live).request.dpop !== undefined) === live.facts.bound) return;
    void custody.revoke(live);
    throw new CredentialError("substituted", {
      message: `The credential "${live.base.credential}" is ${live.facts.bound ? "" : "not "}bound to a key; it was not used.`,
    });
  };

  const noteFailure = (entry: Entry, error: unknown, inBackground: boolean): void => {
    const failure = error instanceof GuardError ? error : asGuardError(error, entry.base.credential);
    const { detail } = asideOf(failure);
    const refused = failure.code === "CREDENTIAL_REFUSED";
    const now = clock.monotonic();
    if (refused && !inBackground) entry.refusal = { error: failure, until: now + REFUSAL_REMEMBERED_MS };
    entry.renewalsFailed++;
    entry.renewNotBefore = refused
      ? Number.POSITIVE_INFINITY
      : now + Math.max(failure.retryAfterMs ?? 0, 4 * backoffMs(entry.renewalsFailed, random()));
    emit({
      type: inBackground ? "refresh_failed" : refused ? "refused" : "unavailable",
      ...entry.base,
      reason: failure instanceof CredentialError ? failure.reason : failure.code,
      ...(detail === undefined ? {} : { detail }),
    });
  };

  const begin = (entry: Entry): Flight<LiveCredential> => {
    const renewed = entry.held;
    const isCurrent = (): boolean => entry.flight === flight;
    const flight: Flight<LiveCredential> = startFlight(
      async (signal) => {
        await Promise.resolve(); // until the flight is the entry's
        let live: LiveCredential;
        try {
          live = await issueFor(entry, signal);
        } catch (error) {
          const stillGood = renewed !== undefined && clock.monotonic() < renewed.plan.hardAt;
          if (!signal.aborted && isCurrent()) noteFailure(entry, error, stillGood);
          throw error;
        }
        const unwanted = signal.aborted || isClosed(entry.base.session) || (!isCurrent() && flight.waiters === 0);
        if (unwanted) {
          await custody.revoke(live);
          throw new GuardError("SESSION_CLOSED");
        }
        if (isCurrent()) keep(entry, live);
        if (entry.held !== live) custody.letGo(live);
        emit({
          type: renewed === undefined ? "issued" : "refreshed",
          ...live.base,
          ...live.mark,
          ttlMs: live.facts.ttlMs,
        });
        return live;
      },
      () => {
        if (isCurrent()) entry.flight = undefined;
      },
    );
    entry.flight = flight;
    unfinished.set(flight, entry.base.session);
    void flight.ended.then(() => {
      unfinished.delete(flight);
      if (isCurrent()) entry.flight = undefined;
    });
    return flight;
  };

  const keep = (entry: Entry, live: LiveCredential): void => {
    if (live.facts.ttlMs > 0) {
      if (entry.held !== undefined) custody.letGo(entry.held);
      entry.held = live;
      weakSet(holders, live, entry);
    }
    entry.refusal = undefined;
    entry.renewNotBefore = 0;
    entry.renewalsFailed = 0;
  };

  return {
    begin,
    holderOf: (live) => weakGet(holders, live),
    flightsOf: (sessionId) => [...unfinished].filter(([, session]) => session === sessionId).map(([flight]) => flight),
    sessions: () => unfinished.values(),
  };
}
