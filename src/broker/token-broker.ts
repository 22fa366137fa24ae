import { systemClock } from "../clock.js";
import { GuardError } from "../errors.js";
import { append, freeze, isArray, mapForEach, mapGet, mapSet, weakGet, weakSet } from "../request/captured.js";
import { checkBrokerOptions, type TokenBrokerOptions } from "./broker-options.js";
import { cacheKey } from "./cache-key.js";
import { type Credential, type CredentialOwner, credentialHandle } from "./credential.js";
import { asGuardError, asideOf, CredentialError } from "./credential-error.js";
import { createCustody, heldBy, type LiveCredential, REVOCATION_DEADLINE_MS } from "./custody.js";
import type { DpopKey } from "./dpop.js";
import { Entries, type Entry } from "./entries.js";
import type { BrokerEvent } from "./events.js";
import { type Flight, startFlight } from "./flight.js";
import { type CredentialRequest, normaliseScopes, readCredentialRequest } from "./grant-request.js";
import { issueWithRetry } from "./issue.js";
import { createSessionKeys } from "./keys.js";
import { keepLease, type Orphan, revokeOrphans } from "./leases.js";
import type { BrokerSession, CredentialProvider } from "./provider.js";
import { revealed, type Secret } from "./secret.js";
import { backoffMs, wait } from "./wait.js";

/** Issues, keeps, renews and revokes credentials for sessions. */
export interface TokenBroker {
  /**
   * A credential for exactly this request, session and origins; from the cache while it is fresh. Throws a
   * `GuardError`: `CREDENTIAL_REFUSED`, `CREDENTIAL_UNAVAILABLE`, `SESSION_CLOSED`, `GUARD_CLOSED`; or the signal's reason.
   */
  authorise(request: CredentialRequest, options: { readonly signal: AbortSignal }): Promise<Credential>;
  /**
   * Revokes every live credential of a session once, in parallel; never rejects. From the moment of the call the
   * session gets no credential, and one that is still being issued is revoked on arrival. `deadlineMs` default 5,000.
   */
  closeSession(sessionId: string, options?: { readonly deadlineMs?: number }): Promise<void>;
  /**
   * Every live token, static secret, client secret and subject token, of at least eight characters. Cheap to call: the same
   * list until something changes.
   */
  liveSecrets(): readonly string[];
  /** Revokes what processes that died left in the lease store, within `deadlineMs` (default 5,000). @throws what the store throws */
  revokeOrphans(options?: { readonly deadlineMs?: number }): Promise<readonly Orphan[]>;
  /** Closes every session, then the providers. Idempotent. */
  close(): Promise<void>;
}

const REFUSAL_REMEMBERED_MS = 10_000;
/** So many credentials of one key may be thrown away within the window because the service refused them. */
const MAX_REFUSALS = 10;
const REFUSALS_WINDOW_MS = 60_000;
const MAX_CLOSED_SESSIONS = 50_000;
/** Nothing shorter is searched for in answers: it would be found everywhere. */
const SHORTEST_SEARCHED = 8;

/** Creates a broker. Throws {@link OptionsError}. */
export function createTokenBroker(options: TokenBrokerOptions): TokenBroker {
  checkBrokerOptions(options);
  const { clock = systemClock, random = Math.random, maxCredentials = 10_000, issueDeadlineMs = 30_000 } = options;
  const providers = new Map(Object.entries(options.providers));

  const holders = new WeakMap<LiveCredential, Entry>();
  const subjectTokens = new Map<string, Secret>();
  const keys = createSessionKeys();
  const closings = new Map<string, Promise<void>>();
  /** Flights that have not ended, with their session: also those nobody waits for any more. */
  const unfinished = new Map<Flight<LiveCredential>, string>();
  let closing: Promise<void> | undefined;

  const emit = (event: BrokerEvent): void => {
    try {
      options.onEvent?.(Object.freeze(event));
    } catch {
      // The record of the request itself is what fails closed; a listener must not break issuing or revoking.
    }
  };
  const { leases } = options;
  const leased = (live: LiveCredential): boolean => leases !== undefined && heldBy(live).issued.revocable;
  const custody = createCustody(maxCredentials, clock, random, emit, (live) => {
    // What cannot be removed is forgotten when it has expired.
    if (leased(live)) leases?.remove(live.base.session, live.mark.kid).catch(() => {});
  });
  const entries = new Entries(maxCredentials, (evicted) => void custody.revoke(evicted));
  const isClosed = (sessionId: string): boolean => closing !== undefined || closings.has(sessionId);

  const issueFor = async (entry: Entry, signal: AbortSignal): Promise<LiveCredential> => {
    const { provider, request, base } = entry;
    const startedAt = clock.monotonic();
    try {
      const { issued, requestedAt } = await issueWithRetry(provider, request, {
        credential: base.credential,
        clock,
        random,
        signal,
        deadlineMs: issueDeadlineMs,
        onLate: (late, at) => void custody.revoke(custody.take(entry, late, at)),
      });
      const live = custody.take(entry, issued, requestedAt);
      checkBinding(live);
      custody.checkScope(live, entry.optionalScopes);
      if (leases !== undefined && leased(live)) {
        await keepLease(leases, live).catch((failure: unknown) => {
          void custody.revoke(live);
          throw failure;
        });
      }
      return live;
    } catch (error) {
      const { rejected } = asideOf(error);
      if (rejected !== undefined) void custody.revoke(custody.take(entry, rejected, startedAt));
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
    const failure = asGuardError(error, entry.base.credential);
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

  /** Starts the one flight of a key. What it brings is kept only while it still is the key's flight when it lands. */
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

  /** A service that refuses whatever it is sent must not make us ask the authorization server with every call. */
  const mayRefuse = (entry: Entry): boolean => {
    const now = clock.monotonic();
    if (now - entry.refusedSince >= REFUSALS_WINDOW_MS) {
      entry.refusedSince = now;
      entry.refusals = 0;
    }
    return ++entry.refusals <= MAX_REFUSALS;
  };

  const owner: CredentialOwner = {
    clock,
    isClosed,
    nonces: keys.nonces,
    invalidate(live) {
      const entry = weakGet(holders, live);
      // Only the credential that failed: an old 401 must not throw away a newer one.
      if (entry?.held !== live || !mayRefuse(entry)) return;
      entry.held = undefined;
      custody.letGo(live);
      // A renewal that began before the failure may bring what the service already rejects: it no longer counts.
      const { flight } = entry;
      entry.flight = undefined;
      if (flight?.waiters === 0) flight.abort(new GuardError("CREDENTIAL_UNAVAILABLE"));
      entry.renewNotBefore = 0;
      emit({ type: "invalidated", ...live.base, ...live.mark });
    },
  };

  const endSession = async (sessionId: string, deadlineMs: number): Promise<void> => {
    entries.dropSession(sessionId);
    subjectTokens.delete(sessionId);
    keys.destroy(sessionId);
    const flights = [...unfinished].filter(([, session]) => session === sessionId).map(([flight]) => flight);
    for (const flight of flights) flight.abort(new GuardError("SESSION_CLOSED"));
    const revocations = custody.ofSession(sessionId).map((live) => custody.revoke(live, deadlineMs));
    const done = new AbortController();
    await Promise.race([
      Promise.all([...revocations, ...flights.map((flight) => flight.ended)]),
      wait(deadlineMs, clock, done.signal).catch(() => {}),
    ]);
    done.abort();
  };

  const closeSession = (sessionId: string, deadlineMs: number): Promise<void> => {
    const begun = closings.get(sessionId);
    if (begun !== undefined) return begun;
    // In the next microtask, so that the session counts as closed before anything of it ends.
    const ending = Promise.resolve().then(() => endSession(sessionId, deadlineMs));
    closings.set(sessionId, ending);
    dropOldest(closings, MAX_CLOSED_SESSIONS);
    return ending;
  };

  const closeAll = async (): Promise<void> => {
    await Promise.resolve();
    const sessions = new Set([...custody.sessions(), ...unfinished.values(), ...subjectTokens.keys()]);
    await Promise.all([...sessions].map((session) => closeSession(session, REVOCATION_DEADLINE_MS)));
    await Promise.allSettled([...providers.values()].map((provider) => provider.close?.()));
  };

  const newEntry = (key: string, asked: CredentialRequest, provider: CredentialProvider, dpop?: DpopKey): Entry => {
    const request = readCredentialRequest(asked, dpop);
    const { session } = request;
    return entries.add(
      key,
      {
        provider,
        request,
        base: Object.freeze({
          credential: asked.credential,
          service: request.service,
          session: session.id,
          principal: session.principal.id,
          agent: session.agent.id,
        }),
      },
      normaliseScopes(asked.optionalScopes ?? []),
    );
  };

  let listed: readonly string[] = freeze([]);
  const sources = freeze([...providers.values()]);

  /** By index and by functions taken at load: they pass with every answer. */
  const eachSecret = (visit: (secret: string) => void): void => {
    const visitAll = (secrets: readonly string[]): void => {
      for (let at = 0; at < secrets.length; at++) {
        const secret = secrets[at] as string;
        if (secret.length >= SHORTEST_SEARCHED) visit(secret);
      }
    };
    visitAll(custody.secrets());
    mapForEach(subjectTokens, (subject) => visitAll([revealed(subject)]));
    for (let at = 0; at < sources.length; at++) {
      const known = sources[at]?.secrets?.() ?? [];
      visitAll(isArray(known) ? known : [...known]);
    }
  };

  /** Whether the last list still holds: it nearly always does, and is asked for several times in each call. */
  const isListed = (): boolean => {
    let count = 0;
    let same = true;
    eachSecret((secret) => {
      // Never beyond its end: `Array.prototype` would be asked.
      same &&= count < listed.length && listed[count] === secret;
      count++;
    });
    return same && count === listed.length;
  };

  /** Of a session that goes on: what it is searched for in answers. */
  const noteSubject = ({ id, subjectToken }: BrokerSession): void => {
    if (subjectToken === undefined || mapGet(subjectTokens, id) === subjectToken) return;
    mapSet(subjectTokens, id, subjectToken);
    dropOldest(subjectTokens, maxCredentials);
  };

  return {
    async authorise(request, { signal }) {
      if (signal.aborted) throw signal.reason;
      if (closing !== undefined) throw new GuardError("GUARD_CLOSED");
      const provider = mapGet(providers, request.credential);
      if (provider === undefined) throw noProvider(request.credential);
      const { session } = request;
      if (isClosed(session.id)) throw new GuardError("SESSION_CLOSED");
      const dpop = provider.dpop === true ? keys.of(session.id) : undefined;
      const proofKey = dpop instanceof Promise ? await dpop : dpop;
      const key = cacheKey(request.credential, request, proofKey?.thumbprint);
      if (isClosed(session.id)) throw new GuardError("SESSION_CLOSED");
      const entry = entries.use(key) ?? newEntry(key, request, provider, proofKey);
      noteSubject(session);
      const now = clock.monotonic();
      const { held, refusal } = entry;
      if (held !== undefined && now < held.plan.hardAt) {
        const due = now >= held.plan.softAt && now >= entry.renewNotBefore && entry.flight === undefined;
        if (due) begin(entry).keep();
        return credentialHandle(held, owner);
      }
      if (refusal !== undefined && now < refusal.until) throw refusal.error;
      const live = await (entry.flight ?? begin(entry)).join(signal);
      if (isClosed(session.id)) throw new GuardError("SESSION_CLOSED");
      return credentialHandle(live, owner);
    },
    closeSession: (sessionId, { deadlineMs = REVOCATION_DEADLINE_MS } = {}) => closeSession(sessionId, deadlineMs),
    liveSecrets() {
      if (isListed()) return listed;
      const found: string[] = [];
      eachSecret((secret) => append(found, secret));
      listed = freeze(found);
      return listed;
    },
    async revokeOrphans({ deadlineMs = REVOCATION_DEADLINE_MS } = {}) {
      if (leases === undefined) return [];
      const late = new AbortController();
      const cancel = clock.schedule(deadlineMs, () => late.abort());
      return await revokeOrphans(leases, providers, clock, late.signal).finally(cancel);
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}

const noProvider = (name: string): GuardError =>
  new CredentialError("misconfigured", { message: `There is no provider for the credential ${JSON.stringify(name)}.` });

function dropOldest(map: Map<string, unknown>, limit: number): void {
  if (map.size <= limit) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
