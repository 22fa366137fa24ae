import { type CanonicalRequest, canonicaliseRequest, type RequestHead } from "../request/canonical.js";
import { MAX_FIELDS } from "../request/headers.js";
import { withoutFields } from "../request/pieces.js";
import type { Refusal } from "../request/refusal.js";
import type { CanonicalUrl } from "../request/url.js";
import { callable, dictionary, object, readOptions, type Shape } from "../shapes/index.js";
import { type CompiledPolicy, compileDocument } from "./compile.js";
import type { DecisionContext } from "./context.js";
import type { Decision } from "./decision.js";
import type { PolicyDocument } from "./document/document.js";
import { isLeftOut } from "./header-rules.js";
import { type JudgedBody, type Judgement, judge, needsBody } from "./judge.js";
import { NO_OBLIGATIONS } from "./obligations.js";
import { answerNow, NO_CHECKS, narrowed, type Predicates, readPredicates } from "./predicates.js";
import type { CompiledService } from "./service.js";

/** A request as `decide` takes it: text and bytes, nothing that could change while it is read. */
export interface PolicyRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | Iterable<readonly [string, string]>;
  readonly body?: string | Uint8Array | null;
}

/** What a policy is compiled with besides its document. */
export interface PolicyOptions {
  /** Conditions in code, by the names that rules use. */
  readonly predicates?: Predicates;
}

/** A compiled policy. Immutable; replacing a policy means compiling another. */
export interface Policy {
  readonly id: string | undefined;
  /** SHA-256 over the RFC 8785 form of the document, in hex. */
  readonly hash: string;
  readonly document: PolicyDocument;
  /**
   * Judges one request: canonical form, service, rules. Synchronous, no I/O, never throws: what goes wrong is a denial.
   * Predicates are called there and then; one that answers with a promise cannot be waited for, and denies.
   */
  decide(request: PolicyRequest, context: DecisionContext): Decision;
  /** The second half of {@link decide}, for a request that is in canonical form already, with predicates still to be asked. Never throws. */
  judge(request: CanonicalRequest, body: JudgedBody, context: DecisionContext): Judgement;
  /**
   * The request as it may be sent: where the guard adds a credential, without the header fields that the service does not let
   * pass beside it. They are noted in `droppedHeaders`. The same object where nothing is left out. `certified` are services
   * that know the guard by a client certificate, which is a credential as well.
   */
  sendable(request: CanonicalRequest, certified?: ReadonlySet<string>): CanonicalRequest;
  /** The decision for a request that has no canonical form. */
  refuse(refusal: Refusal): Decision;
  /** Whether {@link judge} must be given the bytes of this request's body. */
  needsBody(request: CanonicalRequest): boolean;
  /** The service that a URL belongs to, if any. */
  serviceOf(url: CanonicalUrl): CompiledService | undefined;
}

/**
 * Compiles a policy document once into a form that decides in microseconds.
 *
 * @throws PolicyError listing every problem at once, each with its JSON Pointer; OptionsError for wrong options.
 */
export function compilePolicy(document: PolicyDocument, options: PolicyOptions = {}): Policy {
  const compiled = compileDocument(document, readPredicates(readOptions(options, OPTIONS).predicates));
  const refusal = (code: Decision["code"], reason: string): Decision => ({
    effect: "deny",
    code,
    reason,
    policy: compiled.identity,
    obligations: NO_OBLIGATIONS,
    considered: [],
  });
  const judgeSafely: Policy["judge"] = (request, body, context) => {
    try {
      return judge(compiled, request, body, context);
    } catch {
      return { decision: refusal("DECISION_FAILED", "deciding failed, and doubt is a denial"), checks: NO_CHECKS };
    }
  };
  return Object.freeze({
    id: compiled.identity.id,
    hash: compiled.identity.hash,
    document: compiled.document,
    decide: (request: PolicyRequest, context: DecisionContext) =>
      decide(compiled, request, context, judgeSafely, refusal),
    judge: judgeSafely,
    sendable: (request: CanonicalRequest, certified = NO_SERVICES) => sendable(compiled, request, certified),
    refuse: ({ code, reason }: Refusal) => refusal(code, reason),
    needsBody: (request: CanonicalRequest) => needsBody(compiled, request),
    serviceOf: (url: CanonicalUrl) => compiled.origins.find(url),
  });
}

const OPTIONS: Shape<PolicyOptions> = object<PolicyOptions>({
  predicates: dictionary(callable(), "must be an object of functions by name"),
});

const utf8 = new TextEncoder();

const NO_SERVICES: ReadonlySet<string> = new Set();

function sendable(
  { origins, asksForCredential }: CompiledPolicy,
  request: CanonicalRequest,
  certified: ReadonlySet<string>,
): CanonicalRequest {
  const service = origins.find(request);
  if (service === undefined || (service.credential === undefined && !certified.has(service.name))) return request;
  return withoutFields(request, (field) => isLeftOut(field, service.headers, asksForCredential));
}

function decide(
  compiled: CompiledPolicy,
  request: PolicyRequest,
  context: DecisionContext,
  judgeSafely: Policy["judge"],
  refusal: (code: Decision["code"], reason: string) => Decision,
): Decision {
  try {
    const read = readRequest(request);
    if (read === null) return refusal("DECISION_FAILED", "the request is not method, URL, headers and body");
    const canonical = canonicaliseRequest(read);
    if (!canonical.ok) return refusal(canonical.code, canonical.reason);
    const { decision, checks } = judgeSafely(sendable(compiled, canonical, NO_SERVICES), read.body, context);
    return checks.length === 0 ? decision : narrowed(decision, checks, checks.map(answerNow));
  } catch {
    return refusal("DECISION_FAILED", "the request could not be read");
  }
}

/** Reads each part once; null where one is of another type, since what is not text cannot be judged as text. */
function readRequest({ method, url, headers = [], body = null }: PolicyRequest): ReadRequest | null {
  if (typeof method !== "string" || typeof url !== "string" || typeof headers !== "object") return null;
  const pairs: (readonly [string, string])[] = [];
  for (const pair of Symbol.iterator in headers ? headers : Object.entries(headers)) {
    if (!isTextPair(pair) || pairs.length > MAX_FIELDS) return null;
    pairs.push(pair);
  }
  const bytes = typeof body === "string" ? utf8.encode(body) : body;
  if (bytes !== null && !(bytes instanceof Uint8Array)) return null;
  return { method, url, headers: pairs, body: bytes };
}

interface ReadRequest extends RequestHead {
  readonly body: Uint8Array | null;
}

const isTextPair = (pair: unknown): boolean =>
  Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string" && typeof pair[1] === "string";
