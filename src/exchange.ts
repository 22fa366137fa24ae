import type { AuditEvent, CredentialFacts, DecisionFacts, EventFields, HttpFacts, SessionLog } from "./audit/index.js";
import type { Credential } from "./broker/index.js";
import type { Clock } from "./clock.js";
import { AuditIncompleteError, type GuardError, isGuardError } from "./errors.js";
import type { GuardParts } from "./guard-parts.js";
import type { Decision } from "./policy/index.js";
import type { CanonicalRequest } from "./request/canonical.js";
import type { HopResponse } from "./transport/index.js";

/** How much of an answer the caller got, and what masking did to it. */
export interface Delivery {
  readonly bytes: number;
  readonly complete: boolean;
  readonly media: string | null;
  readonly masked: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

/** Methods that change nothing at the service (RFC 9110 section 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

type Sent = "yes" | "no" | "unknown";

/** What a hop is, for the record: its request in canonical form, or as it was asked where it has none. */
export type Described = CanonicalRequest | { readonly ok: false; readonly method: string; readonly url: string };

/**
 * The record of one call: an intent before each hop leaves and exactly one outcome after it. All of it is written before
 * the step it speaks of goes on, so what cannot be recorded does not happen.
 */
export class Exchange {
  readonly id: string;
  readonly #log: SessionLog;
  readonly #clock: Clock;
  readonly #sync: GuardParts["sync"];
  readonly #startedAt: number;
  #attempt = 1;
  #open: { readonly http: HttpFacts; readonly decision: Decision } | null = null;
  #timing: { approval_ms?: number; token_ms?: number; ttfb_ms?: number } = {};

  constructor(id: string, log: SessionLog, { clock, sync }: Pick<GuardParts, "clock" | "sync">) {
    this.id = id;
    this.#log = log;
    this.#clock = clock;
    this.#sync = sync;
    this.#startedAt = clock.monotonic();
  }

  get attempt(): number {
    return this.#attempt;
  }

  /** Whether an intent stands that has no outcome yet. */
  get isUnderWay(): boolean {
    return this.#open !== null;
  }

  /** Counts the next hop of the same call. */
  nextAttempt(): void {
    this.#attempt++;
    this.#timing = {};
  }

  /** Adds to the timings of the current hop, in milliseconds. */
  noteTiming(name: "approval_ms" | "token_ms", ms: number): void {
    this.#timing[name] = ms;
  }

  /** Records a refusal, and returns it to be thrown. `enforced` is what was done. */
  denied(request: Described, decision: Decision, error: GuardError): GuardError {
    this.#append({
      type: "request.denied",
      http: httpFacts(request),
      decision: { ...this.#decisionFacts(decision, "deny"), code: error.code },
      ...droppedHeaders(request),
    });
    return error;
  }

  /** Puts on disk what is about to be sent. Nothing may leave before this has resolved. */
  async intent(request: CanonicalRequest, decision: Decision, credential: Credential | null): Promise<void> {
    const http = httpFacts(request);
    this.#append({
      type: "request.intent",
      http,
      decision: this.#decisionFacts(decision, decision.effect === "approve" ? "require_approval" : "allow"),
      ...(credential === null ? {} : { credential: credentialFacts(credential) }),
      ...droppedHeaders(request),
    });
    this.#open = { http, decision };
    await this.#log.sync(SAFE.has(request.method) ? this.#sync.safe : this.#sync.unsafe);
  }

  /** Notes that the answer's header is here. */
  answered(): void {
    this.#timing.ttfb_ms = this.#clock.monotonic() - this.#startedAt;
  }

  /** Records that the hop is over. Later calls for the same hop do nothing: there is one outcome. */
  completed(answer: HopResponse, delivery: Delivery): void {
    this.#outcome((http) => ({
      type: "request.completed",
      http: { ...http, ...answerFacts(answer) },
      ...deliveryFacts(delivery),
    }));
  }

  /** Records that the caller, or the end of the session, broke the hop off. `sent` says whether anything can have left. */
  aborted(error: unknown, sent: Sent, answer: HopResponse | null = null, delivery: Delivery | null = null): void {
    this.#broken("request.aborted", error, sent, answer, delivery);
  }

  /** Records that the hop failed. */
  failed(error: unknown, sent: Sent, answer: HopResponse | null = null, delivery: Delivery | null = null): void {
    this.#broken("request.failed", error, sent, answer, delivery);
  }

  #broken(
    type: "request.aborted" | "request.failed",
    error: unknown,
    sent: Sent,
    answer: HopResponse | null,
    delivery: Delivery | null,
  ): void {
    this.#outcome((http) => ({
      type,
      http: answer === null ? http : { ...http, ...answerFacts(answer) },
      error: { ...errorNames(error), phase: answer === null ? "send" : "body", sent },
      ...(delivery === null ? {} : deliveryFacts(delivery)),
    }));
  }

  #outcome(describe: (http: HttpFacts) => UnstampedEvent): void {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    try {
      this.#append({
        ...describe(open.http),
        timing: { ...this.#timing, total_ms: this.#clock.monotonic() - this.#startedAt },
      });
    } catch {
      // The request went out; without a record of what came back, the answer is withheld.
      throw new AuditIncompleteError();
    }
  }

  #append(event: UnstampedEvent): void {
    this.#log.append({ ...event, request_id: this.id, attempt: this.#attempt } as AuditEvent);
  }

  #decisionFacts(decision: Decision, enforced: DecisionFacts["enforced"]): DecisionFacts {
    return {
      id: `${this.id}.${this.#attempt}`,
      effect: decision.effect === "approve" ? "require_approval" : decision.effect,
      enforced,
      ...(decision.rule === undefined ? {} : { rule: decision.rule }),
      reason: decision.reason,
      policy_hash: decision.policy.hash,
      ...(decision.policy.id === undefined ? {} : { policy_version: decision.policy.id }),
    };
  }
}

type UnstampedEvent = AuditEvent extends infer Event
  ? Event extends AuditEvent
    ? Omit<Event, "request_id" | "attempt">
    : never
  : never;

const httpFacts = (request: Described): HttpFacts =>
  request.ok
    ? { method: request.method, url: request.url, host: request.host, port: request.port }
    : { method: request.method.slice(0, 32), url: request.url, host: "", port: 0 };

const droppedHeaders = (request: Described): { dropped_headers?: readonly string[] } =>
  request.ok && request.droppedHeaders.length > 0 ? { dropped_headers: request.droppedHeaders } : {};

const answerFacts = (answer: HopResponse): Partial<HttpFacts> => ({
  status: answer.status,
  ...(answer.peerAddress === undefined ? {} : { peer_ip: answer.peerAddress }),
});

const deliveryFacts = ({
  bytes,
  complete,
  media,
  masked,
  counts,
}: Delivery): Pick<EventFields, "res_body" | "mask"> => ({
  res_body: { level: "metadata", bytes, complete, ...(media === null ? {} : { media }) },
  mask: { applied: masked, counts },
});

const credentialFacts = ({ facts }: Credential): CredentialFacts => ({
  kid: facts.kid,
  ...(facts.issuer === undefined ? {} : { issuer: facts.issuer }),
  ...(facts.subject === undefined ? {} : { subject: facts.subject }),
  ...(facts.audience === undefined ? {} : { audience: facts.audience }),
  scope: facts.scope.join(" "),
  exp: Math.floor(facts.expiresAt / 1000),
  ttl_s: Math.round(facts.ttlMs / 1000),
});

/** Class and code of an error, never its message: what an upstream or a caller wrote stays out of the record. */
function errorNames(error: unknown): { readonly class: string; readonly code: string } {
  if (isGuardError(error)) return { class: error.name, code: error.code };
  if (!(error instanceof Error)) return { class: typeof error, code: "UNKNOWN" };
  const cause = error.cause as { readonly code?: unknown } | undefined;
  return { class: error.name, code: typeof cause?.code === "string" ? cause.code : "UNKNOWN" };
}
