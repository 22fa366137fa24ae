import type {
  AuditEvent,
  CredentialFacts,
  DecisionFacts,
  ErrorFacts,
  EventFields,
  HttpFacts,
  SessionLog,
  TimingFacts,
} from "../audit/index.js";
import type { Credential } from "../broker/index.js";
import type { Clock } from "../clock.js";
import { AuditIncompleteError, type GuardError, isGuardError } from "../errors/guard-error.js";
import type { GuardParts } from "../guard-parts.js";
import type { Decision, RecordLevel } from "../policy/index.js";
import type { CapturedBody, Upload } from "../recording/index.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { isSafe } from "../request/method.js";
import type { Fault, HopResponse, Sending } from "../transport/index.js";
import type { DropLog } from "./dropped-headers.js";
import type { Manner } from "./manner.js";
import type { Breaker } from "./signals.js";
import type { ToolRun } from "./tool-run.js";
import { type UpstreamText, upstreamText } from "./upstream-text.js";

/** How much of an answer the caller got, and what masking did to it. */
export interface Delivery {
  readonly bytes: number;
  readonly complete: boolean;
  readonly media: string | null;
  readonly masked: boolean;
  readonly counts: Readonly<Record<string, number>>;
  /** What was kept of it, where the policy asks for that. */
  readonly kept?: () => CapturedBody;
}

/** A hop under way: its intent stands, its outcome does not. */
interface Open {
  readonly http: HttpFacts;
  readonly level: RecordLevel;
  readonly upload: Upload;
  readonly sending: Sending;
  isAnswered: boolean;
}

/** Who broke the call off, and how the session ended. */
export interface Breaking {
  by(): Breaker | null;
  endedWith(): "SESSION_CLOSED" | "SESSION_EXPIRED" | null;
}

/** What has left is known from the transport and from what came back, never from an error. */
function sentOf({ sending, isAnswered }: Open, answer: HopResponse | null): NonNullable<ErrorFacts["sent"]> {
  if (answer !== null || isAnswered) return "yes";
  return sending.mayHaveLeft ? "unknown" : "no";
}

/** What a hop is, for the record: its request in canonical form, or as it was asked where it has none. */
export type Described = CanonicalRequest | { readonly ok: false; readonly method: string; readonly url: string };

/**
 * The record of one call: an intent before each hop leaves and exactly one outcome after it. All of it is written before
 * the step it speaks of goes on, so what cannot be recorded does not happen.
 */
export class Exchange {
  readonly id: string;
  /** How the fetch that was called treats its calls. */
  readonly manner: Manner;
  /** The run that the call is part of: a body may be read long after it. */
  readonly run: ToolRun;
  readonly #log: SessionLog;
  readonly #clock: Clock;
  readonly #sync: GuardParts["sync"];
  readonly #breaking: Breaking;
  readonly #startedAt: number;
  #attempt = 1;
  #isRedirected = false;
  #open: Open | null = null;
  #timing: Writable<TimingFacts> = {};
  #denial: GuardError | null = null;
  #replayed: Response | null = null;
  readonly #dropLog: DropLog;
  readonly #recorded: () => UpstreamText;
  readonly #droppedHeaders = new Set<string>();

  constructor(
    id: string,
    log: SessionLog,
    { clock, sync, dropLog, recorder, broker }: Pick<GuardParts, "clock" | "sync" | "dropLog" | "recorder" | "broker">,
    breaking: Breaking,
    { manner, run }: { readonly manner: Manner; readonly run: ToolRun },
  ) {
    this.manner = manner;
    this.run = run;
    this.id = id;
    this.#log = log;
    this.#clock = clock;
    this.#sync = sync;
    this.#breaking = breaking;
    this.#dropLog = dropLog;
    this.#recorded = () => upstreamText({ masker: recorder.masker(), broker });
    this.#startedAt = clock.monotonic();
  }

  /** Whether what is about to be sent is what a server asked for, and not what the caller did. */
  get isRedirected(): boolean {
    return this.#isRedirected;
  }

  /** The refusal that the call ended with; null where none was recorded. */
  get denial(): GuardError | null {
    return this.#denial;
  }

  /** Names of the caller's header fields that some hop was sent without. */
  get droppedHeaders(): ReadonlySet<string> {
    return this.#droppedHeaders;
  }

  /** The earlier response that a repeat of a tool call gets instead of a refusal; null where there is none. */
  get replayed(): Response | null {
    return this.#replayed;
  }

  /** The call gets an earlier response: it is not sent, and its refusal is on record. */
  replay(response: Response): void {
    this.#replayed = response;
  }

  /** Whether an intent stands that has no outcome yet. */
  get isUnderWay(): boolean {
    return this.#open !== null;
  }

  /** Counts the next sending of the same call. */
  nextAttempt(): void {
    this.#attempt++;
    this.#timing = {};
  }

  /** The next sending goes where a redirect points. */
  redirected(): void {
    this.#isRedirected = true;
    this.nextAttempt();
  }

  /** Adds to the timings of the current hop, in milliseconds. */
  noteTiming(name: "approval_ms" | "token_ms", ms: number): void {
    this.#timing[name] = ms;
  }

  /** Records a refusal, and returns it to be thrown. `enforced` is what was done. */
  denied(request: Described, decision: Decision, error: GuardError): GuardError {
    const event = this.#draft("request.denied", httpFacts(request));
    event.decision = this.#decisionFacts(decision, "deny", error.code);
    noteDroppedHeaders(event, request);
    this.#log.append(event as AuditEvent);
    this.#denial = error;
    return error;
  }

  /** Records that a call was given up after the decision and before its intent: while a person thought, for one. */
  givenUp(request: CanonicalRequest, decision: Decision): void {
    if (levelOf(decision) === "none") return;
    const event = this.#draft("request.aborted", httpFacts(request));
    event.decision = this.#decisionFacts(decision, "deny");
    event.error = { ...this.#breakFacts(), sent: "no" };
    this.#log.append(event as AuditEvent);
  }

  /**
   * Puts on disk what is about to be sent. Nothing may leave before this has resolved. Where the policy says not to record
   * what it allows, only the number of such requests is.
   */
  async intent(
    request: CanonicalRequest,
    decision: Decision,
    credential: Credential | null,
    upload: Upload,
    sending: Sending,
  ): Promise<void> {
    if (request.droppedHeaders.length > 0) this.#tellDropped(request, decision, credential);
    const http = httpFacts(request);
    const level = levelOf(decision);
    if (level === "none") {
      this.#log.skip();
      this.#open = { http, level, upload, sending, isAnswered: false };
      return;
    }
    const isAsked = decision.effect === "approve";
    const event = this.#draft("request.intent", KEEPS_HEADERS_SENT.has(level) ? withHeadersSent(http, request) : http);
    event.decision = this.#decisionFacts(decision, isAsked ? "require_approval" : "allow");
    if (credential !== null) event.credential = credentialFacts(credential);
    if (upload.isKnown) noteUpload(event, upload);
    noteDroppedHeaders(event, request);
    const written = this.#log.appendSoon(event as AuditEvent);
    if (written !== undefined) await written;
    this.#open = { http, level, upload, sending, isAnswered: false };
    // What a person was asked about is worth a disk's time, whatever its method.
    const usual = isSafe(request.method) && !isAsked ? this.#sync.safe : this.#sync.unsafe;
    const mode = decision.obligations.sync ?? usual;
    if (mode !== "os") await this.#log.sync(mode);
  }

  /** Notes that the answer's header is here. */
  answered(): void {
    if (this.#open !== null) this.#open.isAnswered = true;
    this.#timing.ttfb_ms = this.#clock.monotonic() - this.#startedAt;
  }

  /** Records that the hop is over. Later calls for the same hop do nothing: there is one outcome. */
  completed(answer: HopResponse, delivery: Delivery): void {
    this.#outcome("request.completed", answer, delivery);
  }

  /** The same, and where other outcomes are written with it, what is returned settles once they are. */
  completedSoon(answer: HopResponse, delivery: Delivery): Promise<void> | undefined {
    const outcome = this.#outcomeOf("request.completed", answer, delivery);
    if (outcome === null) return undefined;
    let written: Promise<void> | undefined;
    if (!succeeds(() => (written = this.#log.appendSoon(outcome.event))) || !outcome.isWhole)
      throw new AuditIncompleteError();
    return written?.catch(() => {
      throw new AuditIncompleteError();
    });
  }

  /** Records that the hop was broken off by whoever could, or else that it failed. */
  broken(error: unknown, answer: HopResponse | null = null, delivery: Delivery | null = null): void {
    if (this.#breaking.by() === null) this.failed(error, answer, delivery);
    else this.abandoned(answer, delivery);
  }

  /** Records that the caller, or the end of the session, gave the hop up. */
  abandoned(answer: HopResponse | null, delivery: Delivery | null): void {
    this.#outcome("request.aborted", answer, delivery, this.#breakFacts());
  }

  /** Records that the hop failed. */
  failed(error: unknown, answer: HopResponse | null = null, delivery: Delivery | null = null): void {
    this.#outcome("request.failed", answer, delivery, this.#open?.sending.fault ?? errorNames(error));
  }

  /** Who gave up, in our own words: the reason of an abort is an object of the caller's choice, and never looked at. */
  #breakFacts(): Fault {
    return this.#breaking.by() === "session"
      ? { class: "GuardError", code: this.#breaking.endedWith() ?? "SESSION_CLOSED" }
      : { class: "AbortError", code: "ABORTED" };
  }

  #outcome(
    type: "request.completed" | "request.aborted" | "request.failed",
    answer: HopResponse | null,
    delivery: Delivery | null,
    fault?: Fault,
  ): void {
    const outcome = this.#outcomeOf(type, answer, delivery, fault);
    if (outcome === null) return;
    // The request went out; without a record of what came back, the response is withheld.
    if (!succeeds(() => this.#log.append(outcome.event)) || !outcome.isWhole) throw new AuditIncompleteError();
  }

  /** The line that ends what is under way; null where nothing is, or nothing of it is recorded. */
  #outcomeOf(
    type: "request.completed" | "request.aborted" | "request.failed",
    answer: HopResponse | null,
    delivery: Delivery | null,
    fault?: Fault,
  ): { readonly event: AuditEvent; readonly isWhole: boolean } | null {
    const open = this.#open;
    if (open === null) return null;
    this.#open = null;
    if (open.level === "none") return null;
    const event = this.#draft(type, answer === null ? open.http : answeredFacts(open.http, answer));
    if (fault !== undefined)
      event.error = { ...fault, phase: answer === null ? "send" : "body", sent: sentOf(open, answer) };
    this.#timing.total_ms = this.#clock.monotonic() - this.#startedAt;
    event.timing = this.#timing;
    if (answer !== null && KEEPS_HEADERS_RECEIVED.has(open.level))
      event.http = withHeadersReceived(event.http, answer, this.#recorded());
    const isWhole = succeeds(() => {
      if (delivery !== null) noteDelivery(event, delivery, this.#recorded);
      if (!open.upload.isKnown) noteUpload(event, open.upload);
    });
    return { event: event as AuditEvent, isWhole };
  }

  /** Where the guard adds its own `authorization`, nothing is missing without that of a client. */
  #tellDropped({ droppedHeaders }: CanonicalRequest, { service = "" }: Decision, credential: Credential | null): void {
    for (const name of droppedHeaders) this.#droppedHeaders.add(name);
    const missing = credential === null ? droppedHeaders : droppedHeaders.filter((name) => name !== "authorization");
    this.#dropLog(service, missing);
  }

  #draft(type: AuditEvent["type"], http: HttpFacts): EventDraft {
    const draft: EventDraft = { type, request_id: this.id, attempt: this.#attempt, http };
    const { runId, toolCallId } = this.run.ids;
    if (runId !== undefined) draft.run_id = runId;
    if (toolCallId !== undefined) draft.tool_call_id = toolCallId;
    return draft;
  }

  #decisionFacts(decision: Decision, enforced: DecisionFacts["enforced"], code?: string): DecisionFacts {
    const facts: Writable<DecisionFacts> = {
      id: `${this.id}.${this.#attempt}`,
      effect: decision.effect === "approve" ? "require_approval" : decision.effect,
      enforced,
      reason: decision.reason,
      policy_hash: decision.policy.hash,
    };
    if (decision.rule !== undefined) facts.rule = decision.rule;
    if (decision.policy.id !== undefined) facts.policy_version = decision.policy.id;
    if (code !== undefined) facts.code = code;
    return facts;
  }
}

// Events are filled in member by member: two are made for each request, and conditional spreads cost more than the rest.
type Writable<Facts> = { -readonly [Key in keyof Facts]: Facts[Key] };
type EventDraft = { readonly type: AuditEvent["type"] } & Partial<Writable<EventFields>>;

function httpFacts(request: Described): HttpFacts {
  return request.ok
    ? { method: request.method, url: request.url, host: request.host, port: request.port }
    : { method: request.method.slice(0, 32), url: request.url, host: "", port: 0 };
}

function answeredFacts({ method, url, host, port }: HttpFacts, answer: HopResponse): HttpFacts {
  const facts: Writable<HttpFacts> = { method, url, host, port, status: answer.status };
  if (answer.peerAddress !== undefined) facts.peer_ip = answer.peerAddress;
  if (answer.proxy !== undefined) facts.proxy = answer.proxy;
  return facts;
}

function noteDroppedHeaders(event: EventDraft, request: Described): void {
  if (request.ok && request.droppedHeaders.length > 0) event.dropped_headers = request.droppedHeaders;
}

function noteDelivery(
  event: EventDraft,
  { bytes, complete, media: written, masked, counts, kept }: Delivery,
  recorded: () => UpstreamText,
): void {
  const media = written === null || PLAIN_MEDIA.has(written) ? written : recorded().text(written);
  event.res_body =
    media === null ? { level: "metadata", bytes, complete } : { level: "metadata", bytes, complete, media };
  event.mask = { applied: masked, counts };
  if (kept === undefined) return;
  const { facts, maskErrors } = kept();
  event.res_body = media === null ? facts : { ...facts, media };
  if (maskErrors > 0) event.mask = { applied: masked, counts, errors: maskErrors };
}

function noteUpload(event: EventDraft, upload: Upload): void {
  const captured = upload.facts();
  if (captured === null) return;
  event.req_body = captured.facts;
  if (captured.maskErrors > 0) {
    const { mask = { applied: true } } = event;
    event.mask = { ...mask, errors: (mask.errors ?? 0) + captured.maskErrors };
  }
}

/** What a person was asked about is always recorded. */
const levelOf = ({ effect, obligations }: Decision): RecordLevel =>
  obligations.record === "none" && effect === "approve" ? "metadata" : obligations.record;

function succeeds(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

const KEEPS_HEADERS_SENT: ReadonlySet<RecordLevel> = new Set(["request", "both"]);
const KEEPS_HEADERS_RECEIVED: ReadonlySet<RecordLevel> = new Set(["response", "both"]);

const withHeadersSent = (http: HttpFacts, request: CanonicalRequest): HttpFacts => ({
  ...http,
  req_headers: request.headers,
});

const withHeadersReceived = (
  http: HttpFacts | undefined,
  { headers }: HopResponse,
  { text }: UpstreamText,
): HttpFacts => ({
  ...(http as HttpFacts),
  res_headers: headers.map(([name, value]) => [text(name), text(value)] as const),
});

/** Nothing can be in these: most responses have one of them, and need not be looked into. */
const PLAIN_MEDIA: ReadonlySet<string> = new Set(
  ["application/json", "text/plain", "text/html", "text/event-stream"].flatMap((type) => [
    type,
    `${type};charset=utf-8`,
    `${type}; charset=utf-8`,
    `${type};charset=UTF-8`,
    `${type}; charset=UTF-8`,
  ]),
);

function credentialFacts({ facts }: Credential): CredentialFacts {
  const identifiers: Writable<CredentialFacts> = {
    kid: facts.kid,
    scope: facts.scope.join(" "),
    exp: Math.floor(facts.expiresAt / 1000),
    ttl_s: Math.round(facts.ttlMs / 1000),
  };
  if (facts.issuer !== undefined) identifiers.issuer = facts.issuer;
  if (facts.subject !== undefined) identifiers.subject = facts.subject;
  if (facts.audience !== undefined) identifiers.audience = facts.audience;
  return identifiers;
}

/**
 * Class and code of an error of our own, never its message: what an upstream wrote stays out of the record. What others throw
 * does not come here: the transport names its faults itself.
 */
function errorNames(error: unknown): Fault {
  if (isGuardError(error)) return { class: error.name, code: error.code };
  if (!(error instanceof Error)) return { class: typeof error, code: "UNKNOWN" };
  const code = (error.cause as { readonly code?: unknown } | null | undefined)?.code;
  return { class: String(error.name), code: typeof code === "string" ? code : "UNKNOWN" };
}
