import type { Clock } from "../clock.js";
import { startsWith } from "../request/captured.js";
import { Added } from "../transport/index.js";
import { CredentialError } from "./credential-error.js";
import { endOfLife, heldBy, type LiveCredential } from "./custody.js";
import type { CredentialFacts } from "./events.js";
import type { NonceBook } from "./oauth/dpop.js";
import { nonceOf, type Repair, readRefusal, type ServiceAnswer } from "./repair.js";
import { revealed } from "./secret.js";

/** The request a credential is about to be put on: what is really sent, after redirects and rewriting. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
}

/** A name and a value to add. */
export type Pair = readonly [name: string, value: string];

/**
 * A credential as the guard holds it. The secret is out of reach: printing, walking and serialising find only facts.
 * {@link Credential.addedFor} is the one way out, only towards the credential's own origins, and what comes out shows itself
 * to the transport only: handles pass through promises, whose methods can be replaced.
 */
export interface Credential {
  readonly facts: CredentialFacts;
  /**
   * What the transport puts into one sending of this request: the secret, as a header field or, for services that know no
   * better, in the query, and its proof where it is bound. Throws a {@link CredentialError} for another origin, after expiry,
   * or once the session is closed.
   */
  addedFor(request: OutgoingRequest): Promise<Added>;
  /** For a bound credential a proof (RFC 9449) that is good for one sending of this request; else nothing. Same refusals. */
  proofFor(request: OutgoingRequest): Promise<readonly Pair[]>;
  /**
   * Reads what the service answered to this credential: keeps its nonce, and says what might repair a refusal. With
   * `anyRefusal`, a 401 that does not speak of the credential counts as its refusal, too.
   */
  read(request: OutgoingRequest, answer: ServiceAnswer, anyRefusal?: boolean): Repair | null;
  /** The service refused this credential: the next {@link TokenBroker.authorise} fetches another one. */
  invalidate(): void;
}

/** What a handle asks its broker. */
export interface CredentialOwner {
  readonly clock: Clock;
  isClosed(sessionId: string): boolean;
  invalidate(live: LiveCredential): void;
  /** The nonces that services gave to a session. */
  nonces(sessionId: string): NonceBook;
}

const encode = encodeURIComponent;
const NOTHING: readonly Pair[] = Object.freeze([]);

/** Makes the handle of one caller. */
export const credentialHandle = (live: LiveCredential, owner: CredentialOwner): Credential =>
  new CredentialHandle(live, owner);

// Private fields and not closures: one is made for every call.
class CredentialHandle implements Credential {
  readonly #live: LiveCredential;
  readonly #owner: CredentialOwner;
  #usesLeft: number;

  constructor(live: LiveCredential, owner: CredentialOwner) {
    this.#live = live;
    this.#owner = owner;
    this.#usesLeft = live.facts.ttlMs === 0 ? 1 : Number.POSITIVE_INFINITY;
  }

  get facts(): CredentialFacts {
    return this.#live.facts;
  }

  async addedFor(outgoing: OutgoingRequest): Promise<Added> {
    // Lists are read by index: their iterators may be somebody else's.
    const proof = this.facts.bound ? (await this.proofFor(outgoing))[0] : undefined;
    const header = this.#headersFor(outgoing)[0];
    const parameter = this.#queryFor(outgoing)[0];
    return new Added(
      header === undefined ? NOTHING : proof === undefined ? [header] : [header, proof],
      parameter === undefined ? "" : `${encode(parameter[0])}=${encode(parameter[1])}`,
    );
  }

  #headersFor(outgoing: OutgoingRequest): readonly Pair[] {
    const { issued, request } = heldBy(this.#live);
    if (issued.placement.in !== "header") {
      refuseForeignOrigin(outgoing.url, request.origins);
      return NOTHING;
    }
    return [[issued.placement.name, issued.placement.prefix + this.#secretFor(outgoing)]];
  }

  #queryFor(outgoing: OutgoingRequest): readonly Pair[] {
    const { issued, request } = heldBy(this.#live);
    if (issued.placement.in !== "query") {
      refuseForeignOrigin(outgoing.url, request.origins);
      return NOTHING;
    }
    return [[issued.placement.name, this.#secretFor(outgoing)]];
  }

  async proofFor(outgoing: OutgoingRequest): Promise<readonly Pair[]> {
    const { facts } = this.#live;
    const { issued, request } = heldBy(this.#live);
    const origin = refuseForeignOrigin(outgoing.url, request.origins);
    if (!facts.bound) return NOTHING;
    if (this.#owner.isClosed(request.session.id)) throw closedSession(facts.kid);
    if (request.dpop === undefined) {
      throw new CredentialError("denied", { message: `There is no key to prove ${facts.kid} with.` });
    }
    const nonce = this.#owner.nonces(request.session.id).get(origin);
    const proof = await request.dpop.prove({
      method: outgoing.method,
      url: outgoing.url,
      accessToken: revealed(issued.secret),
      ...(nonce === undefined ? {} : { nonce }),
    });
    return [["dpop", proof]];
  }

  read(outgoing: OutgoingRequest, answer: ServiceAnswer, anyRefusal: boolean = false): Repair | null {
    const { request } = heldBy(this.#live);
    const { bound } = this.#live.facts;
    const nonce = bound ? nonceOf(answer) : undefined;
    const { session } = request;
    if (nonce !== undefined && !this.#owner.isClosed(session.id)) {
      this.#owner.nonces(session.id).note(new URL(outgoing.url).origin, nonce);
    }
    return readRefusal(answer, { bound, nonceHeard: nonce !== undefined, anyRefusal });
  }

  invalidate(): void {
    this.#owner.invalidate(this.#live);
  }

  #secretFor(outgoing: OutgoingRequest): string {
    const { facts } = this.#live;
    const { issued, request } = heldBy(this.#live);
    refuseForeignOrigin(outgoing.url, request.origins);
    if (this.#owner.isClosed(request.session.id)) throw closedSession(facts.kid);
    if (this.#usesLeft <= 0 || this.#owner.clock.monotonic() >= endOfLife(this.#live)) {
      throw new CredentialError("unreachable", { message: `The credential ${facts.kid} has expired.` });
    }
    this.#usesLeft--;
    return revealed(issued.secret);
  }

  static {
    // A promise asks what it resolves to for `then`: whoever put one on Object.prototype would be handed the handle.
    Object.setPrototypeOf(CredentialHandle.prototype, null);
    Object.freeze(CredentialHandle.prototype);
  }
}

const closedSession = (kid: string): CredentialError =>
  new CredentialError("denied", { message: `The session of credential ${kid} is closed.` });

/**
 * Compares parsed origins, so that `https://crm.example@evil.example`, upper case, a trailing dot, a decimal address or
 * another port are what they are. No part of the URL goes into the message.
 */
function refuseForeignOrigin(url: string, origins: readonly string[]): string {
  // An origin and then a slash: there is nothing left to be read differently.
  for (let at = 0; at < origins.length; at++) {
    const origin = origins[at] as string;
    if (startsWith(url, origin) && url[origin.length] === "/") return origin;
  }
  const { origin, username, password } = parsed(url);
  if (username !== "" || password !== "" || !origins.includes(origin)) {
    throw new CredentialError("denied", {
      message: `A credential bound to ${origins.join(", ")} was asked for another origin.`,
    });
  }
  return origin;
}

function parsed(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new CredentialError("denied", { message: "A credential was asked for a URL that is none." });
  }
}
