import { createHash } from "node:crypto";
import type { Clock } from "../clock.js";
import { append, bare, freeze } from "../request/captured.js";
import { CredentialError } from "./credential-error.js";
import type { BrokerEvent, BrokerEventBase, CredentialFacts, CredentialMark } from "./events.js";
import { type LifetimePlan, planLifetime } from "./lifetime.js";
import type { SearchedSecrets } from "./live-secrets.js";
import type { CredentialProvider, GrantRequest, IssuedCredential } from "./provider.js";
import { revokeWithin } from "./revoke.js";
import { revealed, type Secret } from "./secret.js";

/** What of a live credential is nobody's business but the broker's. */
interface Held {
  readonly issued: IssuedCredential;
  /** As the provider gave it, to be given back to it. */
  readonly original: IssuedCredential;
  readonly provider: CredentialProvider;
  readonly request: GrantRequest;
}

let held: (live: LiveCredential) => Held;

/**
 * One credential from the moment it was issued until it is revoked or has expired. It passes through promises and
 * collections, whose methods can be replaced: whoever sees it there sees facts only, and {@link held} is in this room.
 */
export class LiveCredential {
  readonly plan: LifetimePlan;
  readonly mark: CredentialMark;
  readonly facts: CredentialFacts;
  readonly base: BrokerEventBase;
  readonly #held: Held;

  constructor(said: Pick<LiveCredential, "plan" | "mark" | "facts" | "base">, kept: Held) {
    this.plan = said.plan;
    this.mark = said.mark;
    this.facts = said.facts;
    this.base = said.base;
    this.#held = kept;
    Object.freeze(this);
  }

  static {
    held = (live) => live.#held;
  }
}

/** The secret and where it came from, for the broker. */
export const heldBy = (live: LiveCredential): Held => held(live);

/** Whose credential it is and where it came from. */
export interface Provenance {
  readonly base: BrokerEventBase;
  readonly provider: CredentialProvider;
  readonly request: GrantRequest;
}

/** Everything issued that may still work somewhere: what a session's end revokes, and what answers are searched for. */
export interface Custody {
  /** Takes charge of what a provider issued, wanted or not. `requestedAt` is monotonic. */
  take(provenance: Provenance, issued: IssuedCredential, requestedAt: number): LiveCredential;
  /** Throws, and revokes, if more was granted than asked for, or less than is needed. */
  checkScope(live: LiveCredential, optionalScopes: readonly string[]): void;
  /** Revokes within a deadline, at most once per credential however often it is called; never rejects. */
  revoke(live: LiveCredential, deadlineMs?: number): Promise<void>;
  /** It is handed out no more. It stays in custody until it expires, or until too many newer ones have been let go. */
  letGo(live: LiveCredential): void;
  ofSession(sessionId: string): readonly LiveCredential[];
  sessions(): Iterable<string>;
  /** Forgets what has expired: cheap where nothing has. */
  sweep(): void;
  /** Every spelling of every live secret. */
  secrets(): readonly string[];
}

/** For revoking in the background, and the default for a session's end. Milliseconds. */
export const REVOCATION_DEADLINE_MS: number = 5_000;

/**
 * `onGone` is told of what no longer works anywhere. Of what nobody is handed any more at most `limit` are kept: whoever
 * makes a service refuse, or asks for one credential after the other, must not fill the memory. What is in custody is in
 * `searched`.
 */
export function createCustody(
  limit: number,
  clock: Clock,
  random: () => number,
  emit: (event: BrokerEvent) => void,
  onGone: (live: LiveCredential) => void,
  searched: SearchedSecrets,
): Custody {
  const bySession = new Map<string, Set<LiveCredential>>();
  /** The one let go first comes first. */
  const formerly = new Set<LiveCredential>();
  const revocations = new WeakMap<LiveCredential, Promise<void>>();
  let nextExpiry = Number.POSITIVE_INFINITY;

  const forget = (live: LiveCredential): boolean => {
    formerly.delete(live);
    const { session } = live.base;
    const ofSession = bySession.get(session);
    if (ofSession?.delete(live) !== true) return false;
    if (ofSession.size === 0) bySession.delete(session);
    eachSpelling(live, searched.remove);
    return true;
  };

  /** Forgets what has expired. */
  const sweep = (): void => {
    const now = clock.monotonic();
    if (now < nextExpiry) return;
    nextExpiry = Number.POSITIVE_INFINITY;
    for (const live of [...bySession.values()].flatMap((ofSession) => [...ofSession])) {
      const endsAt = endOfLife(live);
      if (endsAt <= now) {
        forget(live);
        onGone(live);
        if (heldBy(live).issued.revokedWhenOver === true) void revoke(live);
        continue;
      }
      nextExpiry = Math.min(nextExpiry, endsAt);
    }
  };

  const secrets = (): readonly string[] => {
    sweep();
    const spellings: string[] = [];
    for (const ofSession of bySession.values())
      for (const live of ofSession) eachSpelling(live, (secret) => append(spellings, secret));
    return freeze(spellings);
  };

  const revoke = (live: LiveCredential, deadlineMs: number = REVOCATION_DEADLINE_MS): Promise<void> => {
    const begun = revocations.get(live);
    if (begun !== undefined) return begun;
    const revocation = revokeWithin(deadlineMs, live, clock, random).then((outcome) => {
      // What was not revoked still works: it stays among the live secrets until it expires.
      if (outcome !== "revoked") letGo(live);
      else if (forget(live)) onGone(live);
      emit({ type: outcome === "failed" ? "revocation_failed" : outcome, ...live.base, ...live.mark });
    });
    revocations.set(live, revocation);
    return revocation;
  };

  const letGo = (live: LiveCredential): void => {
    if (bySession.get(live.base.session)?.has(live) !== true) return;
    formerly.add(live);
    if (formerly.size <= limit) return;
    const [oldest] = formerly;
    if (oldest === undefined) return;
    formerly.delete(oldest);
    // Not "gone": where it could not be revoked, its lease stays for the next start.
    void revoke(oldest).then(() => forget(oldest));
  };

  return {
    take({ base, provider, request }, original, requestedAt) {
      // Without a prototype: what it lacks would be asked of Object.prototype.
      const issued = bare<IssuedCredential>(original);
      const ttlMs = Number.isFinite(issued.lifetimeMs) && issued.lifetimeMs > 0 ? Math.floor(issued.lifetimeMs) : 0;
      const elapsed = clock.monotonic() - requestedAt;
      const mark: CredentialMark = Object.freeze({
        kid: kidOf(issued),
        scope: Object.freeze([...(issued.scope ?? request.scopes)]),
        expiresAt: clock.now() - elapsed + ttlMs,
      });
      const { issuer, subject, audience, authorizationDetails } = issued;
      const facts: CredentialFacts = Object.freeze({
        ...mark,
        ttlMs,
        bound: issued.bound === true,
        ...(issuer === undefined ? {} : { issuer }),
        ...(subject === undefined ? {} : { subject }),
        ...(audience === undefined ? {} : { audience }),
        ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
      });
      const plan = planLifetime(requestedAt, ttlMs, random());
      const live = new LiveCredential({ base, mark, facts, plan }, { issued, original, provider, request });
      // Everything superseded lives on here until it expires; sweeping keeps that from piling up.
      sweep();
      const ofSession = bySession.get(base.session);
      if (ofSession === undefined) bySession.set(base.session, new Set([live]));
      else ofSession.add(live);
      nextExpiry = Math.min(nextExpiry, endOfLife(live));
      eachSpelling(live, searched.add);
      return live;
    },
    checkScope(live, optional) {
      const { mark, base } = live;
      const { request, issued } = heldBy(live);
      const asked = request.scopes;
      if (asked.length === 0 || issued.unscoped === true) return;
      const refuse = (reason: "widened" | "narrowed", what: string): never => {
        void revoke(live);
        throw new CredentialError(reason, {
          message: `${what} was granted for the credential "${base.credential}" than was asked for; it was not used.`,
        });
      };
      if (mark.scope.some((name) => !asked.includes(name))) {
        emit({ type: "scope_widened", asked, ...base, ...mark });
        refuse("widened", "More");
      }
      if (mark.scope.length >= asked.length) return;
      emit({ type: "scope_narrowed", asked, ...base, ...mark });
      if (asked.some((name) => !mark.scope.includes(name) && !optional.includes(name))) refuse("narrowed", "Less");
    },
    revoke,
    letGo,
    ofSession: (sessionId) => [...(bySession.get(sessionId) ?? [])],
    sessions: () => [...bySession.keys()],
    sweep,
    secrets,
  };
}

/** The secret, and whatever else of it may turn up in a response. */
function eachSpelling(live: LiveCredential, visit: (secret: string) => void): void {
  const { secret, forms = [] } = heldBy(live).issued;
  visit(revealed(secret));
  for (let at = 0; at < forms.length; at++) visit(revealed(forms[at] as Secret));
}

/** A `0` lifetime means one use, soon: it counts as this long. Milliseconds. */
export const SINGLE_USE_MS: number = 10_000;

/** From here on, on the monotonic clock, it is on no wire. */
export const endOfLife = ({ plan, facts }: LiveCredential): number =>
  facts.ttlMs === 0 ? plan.deadAt + SINGLE_USE_MS : plan.deadAt;

/** A digest tells two random secrets apart and says nothing about either. */
function kidOf({ kid, secret }: IssuedCredential): string {
  return (
    kid ??
    createHash("sha256")
      .update(`sallyport.kid\n${revealed(secret)}`)
      .digest("base64url")
      .slice(0, 22)
  );
}
