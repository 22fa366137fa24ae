import type { Clock } from "../clock.js";
import { CredentialError } from "./credential-error.js";
import { endOfLife, type LiveCredential } from "./custody.js";
import type { CredentialFacts } from "./events.js";

/** The request a credential is about to be put on: what is really sent, after redirects and rewriting. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
}

/** A name and a value to add. */
export type Pair = readonly [name: string, value: string];

/**
 * A credential as the guard holds it. The secret is in a closure: printing, walking and serialising find only facts.
 * {@link Credential.headersFor} is the one way out, and only towards the credential's own origins.
 */
export interface Credential {
  readonly facts: CredentialFacts;
  /** Headers to add. Throws a {@link CredentialError} for another origin, after expiry, or once the session is closed. */
  headersFor(request: OutgoingRequest): readonly Pair[];
  /** Query parameters to add, for services that know no better. Same refusals. The URL with them is a secret. */
  queryFor(request: OutgoingRequest): readonly Pair[];
  /** The service answered 401 to this credential: the next {@link TokenBroker.authorise} fetches another one. */
  invalidate(): void;
}

/** What a handle asks its broker. */
export interface CredentialOwner {
  readonly clock: Clock;
  isClosed(sessionId: string): boolean;
  invalidate(live: LiveCredential): void;
}

const NOTHING: readonly Pair[] = Object.freeze([]);

/** Makes the handle of one caller. */
export function credentialHandle(live: LiveCredential, owner: CredentialOwner): Credential {
  const { issued, request, facts } = live;
  let usesLeft = facts.ttlMs === 0 ? 1 : Number.POSITIVE_INFINITY;

  const secretFor = (outgoing: OutgoingRequest): string => {
    refuseForeignOrigin(outgoing.url, request.origins);
    if (owner.isClosed(request.session.id)) {
      throw new CredentialError("denied", { message: `The session of credential ${facts.kid} is closed.` });
    }
    if (usesLeft <= 0 || owner.clock.monotonic() >= endOfLife(live)) {
      throw new CredentialError("unreachable", { message: `The credential ${facts.kid} has expired.` });
    }
    usesLeft--;
    return issued.secret.reveal();
  };

  return Object.freeze({
    facts,
    headersFor(outgoing: OutgoingRequest): readonly Pair[] {
      if (issued.placement.in !== "header") {
        refuseForeignOrigin(outgoing.url, request.origins);
        return NOTHING;
      }
      return [[issued.placement.name, issued.placement.prefix + secretFor(outgoing)]];
    },
    queryFor(outgoing: OutgoingRequest): readonly Pair[] {
      if (issued.placement.in !== "query") {
        refuseForeignOrigin(outgoing.url, request.origins);
        return NOTHING;
      }
      return [[issued.placement.name, secretFor(outgoing)]];
    },
    invalidate: () => owner.invalidate(live),
  });
}

/**
 * Compares parsed origins, so that `https://crm.example@evil.example`, upper case, a trailing dot, a decimal address or
 * another port are what they are. No part of the URL goes into the message.
 */
function refuseForeignOrigin(url: string, origins: readonly string[]): void {
  const { origin, username, password } = parsed(url);
  if (username !== "" || password !== "" || !origins.includes(origin)) {
    throw new CredentialError("denied", {
      message: `A credential bound to ${origins.join(", ")} was asked for another origin.`,
    });
  }
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new CredentialError("denied", { message: "A credential was asked for a URL that is none." });
  }
}
