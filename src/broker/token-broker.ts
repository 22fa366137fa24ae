import { systemClock } from "../clock.js";
import { GuardError } from "../errors/guard-error.js";
import type { KnownSecrets } from "../masking/known/known-secrets.js";
import { mapGet } from "../request/captured.js";
import { readBrokerOptions, type TokenBrokerOptions } from "./broker-options.js";
import { cacheKey } from "./cache-key.js";
import { type Credential, type CredentialOwner, credentialHandle } from "./credential.js";
import { CredentialError } from "./credential-error.js";
import { createCustody, heldBy, type LiveCredential, REVOCATION_DEADLINE_MS } from "./custody.js";
import { dropOldest } from "./drop-oldest.js";
import { Entries, type Entry } from "./entries.js";
import type { BrokerEvent } from "./events.js";
import { createIssuing } from "./issuing.js";
import { type Orphan, revokeOrphans } from "./leases.js";
import { createLiveSecrets, createSearchedSecrets } from "./live-secrets.js";
import type { DpopKey } from "./oauth/dpop.js";
import { type CredentialRequest, normaliseScopes, readCredentialRequest } from "./oauth/grant-request.js";
import { createSessionKeys } from "./oauth/keys.js";
import type { CredentialProvider } from "./provider.js";
import { wait } from "./wait.js";

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
   * Every live token, static secret, client secret and subject token of at least eight characters, ready to be looked for.
   * Cheap to call, however many there are: always the same set, in which a new credential costs what it is long.
   */
  knownSecrets(): KnownSecrets;
  /** The same as a list. */
  liveSecrets(): readonly string[];
  /** Revokes what processes that died left in the lease store, within `deadlineMs` (default 5,000). @throws what the store throws */
  revokeOrphans(options?: { readonly deadlineMs?: number }): Promise<readonly Orphan[]>;
  /** Closes every session, then the providers. Idempotent. */
  close(): Promise<void>;
}

/** So many credentials of one key may be thrown away within the window because the service refused them. */
const MAX_REFUSALS = 10;
const REFUSALS_WINDOW_MS = 60_000;
const MAX_CLOSED_SESSIONS = 50_000;

/** Creates a broker. Throws {@link OptionsError}. */
export function createTokenBroker(given: TokenBrokerOptions): TokenBroker {
  const options = readBrokerOptions(given);
  const { clock = systemClock, random = Math.random, maxCredentials = 10_000, issueDeadlineMs = 30_000 } = options;
  const providers = new Map(Object.entries(options.providers));

  const keys = createSessionKeys();
  const closings = new Map<string, Promise<void>>();
  let closing: Promise<void> | undefined;

  const emit = (event: BrokerEvent): void => {
    try {
      options.onEvent?.(Object.freeze(event));
    } catch {
      // The record of the request itself is what fails closed; a listener must not break issuing or revoking.
    }
  };
  const { leases } = options;
  const isLeased = (live: LiveCredential): boolean => leases !== undefined && heldBy(live).issued.revocable;
  const onGone = (live: LiveCredential): void => {
    // What cannot be removed is forgotten when it has expired.
    if (isLeased(live)) leases?.remove(live.base.session, live.mark.kid).catch(() => {});
  };
  const searched = createSearchedSecrets();
  const custody = createCustody(maxCredentials, clock, random, emit, onGone, searched);
  const entries = new Entries(maxCredentials, (evicted) => void custody.revoke(evicted));
  const isClosed = (sessionId: string): boolean => closing !== undefined || closings.has(sessionId);

  const secrets = createLiveSecrets(searched, custody.secrets, custody.sweep, providers.values(), maxCredentials);
  const issuing = createIssuing({
    custody,
    clock,
    random,
    deadlineMs: issueDeadlineMs,
    leases,
    isLeased,
    isClosed,
    emit,
  });

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
      const entry = issuing.holderOf(live);
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
    secrets.forgetSubject(sessionId);
    keys.destroy(sessionId);
    const flights = issuing.flightsOf(sessionId);
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
    const sessions = new Set([...custody.sessions(), ...issuing.sessions(), ...secrets.sessions()]);
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
      secrets.noteSubject(session);
      const now = clock.monotonic();
      const { held, refusal } = entry;
      if (held !== undefined && now < held.plan.hardAt) {
        const due = now >= held.plan.softAt && now >= entry.renewNotBefore && entry.flight === undefined;
        if (due) issuing.begin(entry).keep();
        return credentialHandle(held, owner);
      }
      if (refusal !== undefined && now < refusal.until) throw refusal.error;
      const live = await (entry.flight ?? issuing.begin(entry)).join(signal);
      if (isClosed(session.id)) throw new GuardError("SESSION_CLOSED");
      return credentialHandle(live, owner);
    },
    closeSession: (sessionId, { deadlineMs = REVOCATION_DEADLINE_MS } = {}) => closeSession(sessionId, deadlineMs),
    knownSecrets: () => secrets.known(),
    liveSecrets: () => secrets.list(),
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
