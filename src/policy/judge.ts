import type { ErrorCode } from "../errors/codes.js";
import { isMetadataName } from "../request/address.js";
import { type BodyView, readBody } from "../request/body/body.js";
import { type CanonicalRequest, canonicaliseRequest } from "../request/canonical.js";
import { overridesMethod } from "../request/override.js";
import type { Subject } from "./clauses.js";
import type { CompiledPolicy } from "./compile.js";
import type { DecisionContext } from "./context.js";
import type { Considered, Decision } from "./decision.js";
import { limitsFor, narrowedBy } from "./delegation.js";
import { asksForCredential } from "./document/placeholders.js";
import { explainDenial } from "./explain.js";
import { addUsage, limitsOf, type Usage } from "./limits.js";
import { foldedPaths } from "./match/folded-path.js";
import { NO_OBLIGATIONS, obligationsOf } from "./obligations.js";
import { checksOf, NO_CHECKS, type PredicateCheck } from "./predicates.js";
import type { Endpoint } from "./protocol.js";
import { type CompiledRule, methodBit } from "./rule.js";
import type { CompiledService } from "./service.js";

/** The body as it is handed to the judge: bytes, none, or a stream that {@link needsBody} said need not be read. */
export type JudgedBody = Uint8Array | null | "unread";

/** A decision, and what code must still say to it: until then it stands only where it is a denial. */
export interface Judgement {
  readonly decision: Decision;
  readonly checks: readonly PredicateCheck[];
}

/**
 * Judges a request in canonical form. Synchronous and pure; the order of rules makes no difference. Where a task was handed on,
 * it is judged for each agent in the chain, and what all of them may do may be done.
 */
export function judge(
  policy: CompiledPolicy,
  request: CanonicalRequest,
  bytes: JudgedBody,
  context: DecisionContext,
): Judgement {
  let judgement = judgeFor(policy, request, bytes, context);
  for (const { agent, session } of context?.delegatedBy ?? []) {
    const theirs = judgeFor(policy, request, bytes, { ...context, agent, session });
    const decision = limitsFor(theirs.decision, agent.id, session.id);
    judgement = narrowedBy(judgement, { ...theirs, decision }, agent.id);
  }
  return judgement;
}

function judgeFor(
  policy: CompiledPolicy,
  request: CanonicalRequest,
  bytes: JudgedBody,
  context: DecisionContext,
): Judgement {
  const judged = examine(policy, request, bytes, context, false);
  if ("effect" in judged) return { decision: judged, checks: NO_CHECKS };
  return { decision: permitted(policy, request, judged), checks: judged.checks };
}

/** The rules that permit a request, or the denial. A request out of an envelope must not be an envelope again. */
function examine(
  policy: CompiledPolicy,
  request: CanonicalRequest,
  bytes: JudgedBody,
  context: DecisionContext,
  inEnvelope: boolean,
): Decision | Permit {
  const service = policy.origins.find(request);
  if (service === undefined)
    return denied(policy, request, undefined, "NO_SERVICE", "the policy names no service at this origin");
  const refusal = refusedByService(service, request, bytes);
  if (refusal !== null) return denied(policy, request, service, refusal.code, refusal.reason);
  if (asksForCredential(policy.asksForCredential, request, bytes))
    return denied(
      policy,
      request,
      service,
      "PLACEHOLDER_REFUSED",
      "credentials are added by the guard, not by the agent",
    );
  const unlisted = unlistedHeader(service, request);
  if (unlisted !== null) return denied(policy, request, service, "HEADER_REFUSED", unlisted);
  const body = bodyReader(request, bytes);
  if (bytes instanceof Uint8Array && overridesMethod(bytes, request.declaredBody, body)) {
    return denied(policy, request, service, "METHOD_OVERRIDE", "a body field overrides the method, or may do so");
  }
  const subject: Subject = { request, body, context };
  const deny = firingDeny(service, subject);
  if (deny !== undefined) return deniedBy(policy, request, service, deny);
  const endpoint = service.endpoints.find(request);
  if (endpoint !== undefined) {
    if ("ok" in endpoint) return denied(policy, request, service, endpoint.code, endpoint.reason);
    if (endpoint.kind === "envelope")
      return inEnvelope
        ? denied(policy, request, service, "PROTOCOL_REFUSED", "an envelope is in an envelope")
        : examineEnvelope(policy, service, endpoint, subject);
    // MCP opens its stream by GET and ends its session by DELETE: ordinary requests, without a body.
    if (endpoint.protocol !== "mcp" || request.method === "POST" || bytes !== null)
      return examineOperations(policy, service, endpoint, subject, bytes);
  }
  const onPath = service.permits.find(request.segments);
  const matching = onPath.filter((rule) => permits(rule, subject));
  if (matching.length === 0) return unpermitted(policy, service, subject, onPath);
  const fault = service.description?.fault(request, body()) ?? null;
  if (fault !== null) return denied(policy, request, service, "SCHEMA_REFUSED", fault);
  const usage = service.hasLimits ? addUsage(new Map(), matching, subject) : null;
  return { service, matching, usage, checks: checksOf(matching, request, bytes, context) };
}

interface Permit {
  readonly service: CompiledService;
  readonly matching: readonly CompiledRule[];
  readonly checks: readonly PredicateCheck[];
  /** What is used up of the limits of these rules; null where the service has none. */
  readonly usage: Usage | null;
}

/** Every operation must be permitted by some rule, and none be hit by a deny. */
function examineOperations(
  policy: CompiledPolicy,
  service: CompiledService,
  endpoint: Endpoint & { kind: "operations" },
  { request, body, context }: Subject,
  bytes: JudgedBody,
): Decision | Permit {
  const operations = endpoint.read(request, body());
  if ("ok" in operations) return denied(policy, request, service, operations.code, operations.reason);
  const subjects = operations.map((operation): Subject => ({ request, body, context, operation }));
  const deny = service.operationDenials
    .filter((rule) => subjects.some((subject) => rule.clauses.every((clause) => clause.holds(subject))))
    .reduce<CompiledRule | undefined>(
      (first, rule) => (first === undefined || rule.id < first.id ? rule : first),
      undefined,
    );
  if (deny !== undefined) return deniedBy(policy, request, service, deny);
  const all = new Set<CompiledRule>();
  const usage: Usage = new Map();
  for (const subject of subjects) {
    const matching = service.operationPermits.filter((rule) => permits(rule, subject));
    if (matching.length === 0) return unpermitted(policy, service, subject, service.operationPermits);
    for (const rule of matching) all.add(rule);
    addUsage(usage, matching, subject);
  }
  const matching = [...all];
  return { service, matching, usage, checks: checksOf(matching, request, bytes, context) };
}

/** Every request in the envelope must be permitted as a request of its own, to the same service. */
function examineEnvelope(
  policy: CompiledPolicy,
  service: CompiledService,
  endpoint: Endpoint & { kind: "envelope" },
  { request, body, context }: Subject,
): Decision | Permit {
  const parts = endpoint.read(request, body());
  if ("ok" in parts) return denied(policy, request, service, parts.code, parts.reason);
  const all = new Set<CompiledRule>();
  const checks: PredicateCheck[] = [];
  const usage: Usage = new Map();
  for (const [index, part] of parts.entries()) {
    const refused = (code: ErrorCode, reason: string): Decision =>
      denied(policy, request, service, code, `part ${index + 1}: ${reason}`);
    const inner = canonicaliseRequest(part.head);
    if (!inner.ok) return refused(inner.code, inner.reason);
    // It is the envelope that is sent: nothing can be left out of a part.
    if (inner.droppedHeaders.length > 0) return refused("HEADER_REFUSED", "a header may not be set by the agent");
    if (part.body !== null && overridesMethod(part.body, inner.declaredBody, bodyReader(inner, part.body)))
      return refused("METHOD_OVERRIDE", "a body field overrides the method, or may do so");
    const judged = examine(policy, inner, part.hasReferences ? "unread" : part.body, context, true);
    if ("effect" in judged) {
      const { rule, considered } = judged;
      const code = judged.code as ErrorCode;
      return { ...refused(code, judged.reason), ...(rule === undefined ? {} : { rule }), considered };
    }
    for (const rule of judged.matching) all.add(rule);
    for (const [limit, amount] of judged.usage ?? []) usage.set(limit, (usage.get(limit) ?? 0) + amount);
    checks.push(...judged.checks);
  }
  return { service, matching: [...all], usage, checks };
}

/** An explanation looks at no more rules than this: an agent can cause denials at will. */
const EXPLAINED = 1000;

function unpermitted(
  policy: CompiledPolicy,
  service: CompiledService,
  subject: Subject,
  near: readonly CompiledRule[],
): Decision {
  const considered = explainDenial(service, subject, near.slice(0, EXPLAINED));
  return { ...denied(policy, subject.request, service, "NO_RULE", sentenceFor(considered)), considered };
}

/** Whether the judge must be given the body's bytes: some rule that could match looks into it, or it could override the method. */
export function needsBody(policy: CompiledPolicy, request: CanonicalRequest): boolean {
  const service = policy.origins.find(request);
  if (service === undefined) return false;
  if (service.endpoints.find(request) !== undefined) return true;
  const declared = request.declaredBody;
  if (service.description !== null && service.description.operationOf(request) !== null) return true;
  if (declared.kind !== "opaque" || (declared.form !== undefined && request.method === "POST")) return true;
  const bit = methodBit(request.method);
  const mayHaveFields = declared.form !== undefined;
  const looks = (rule: CompiledRule): boolean =>
    (rule.readsBody || (mayHaveFields && rule.readsFields)) && (rule.methods & bit) !== 0;
  return (
    service.permits.find(request.segments).some(looks) ||
    foldedPaths(request.path, request.segments, request.encodedSlash).some((path) =>
      service.denials.find(path.segments).some(looks),
    )
  );
}

function refusedByService(
  service: CompiledService,
  request: CanonicalRequest,
  bytes: JudgedBody,
): { readonly code: ErrorCode; readonly reason: string } | null {
  if (request.address !== null && !service.addresses(request.address).ok) {
    return { code: "ADDRESS_REFUSED", reason: "the service may not be reached at this address" };
  }
  if (isMetadataName(request.host)) return { code: "ADDRESS_REFUSED", reason: "the host is a metadata service" };
  if (request.encodedSlash && !service.anyEncodedSlash)
    return { code: "URL_AMBIGUOUS", reason: "the path has an escaped slash" };
  // Two lengths are two requests to somebody on the way.
  if (request.declaredLength !== null && bytes !== "unread" && request.declaredLength !== (bytes?.byteLength ?? 0))
    return { code: "HEADER_REFUSED", reason: "the content-length is not that of the body" };
  if (
    bytes instanceof Uint8Array &&
    bytes.byteLength > service.maxRequestBytes &&
    request.declaredBody.kind !== "opaque"
  ) {
    return { code: "BODY_TOO_LARGE", reason: `the body is larger than ${service.maxRequestBytes} bytes` };
  }
  return null;
}

/** Why a field may not be there. Out of a request it has been left out by now; a part of an envelope is sent as it is. */
function unlistedHeader({ headers, credential }: CompiledService, request: CanonicalRequest): string | null {
  for (const [name] of request.headers) {
    if (!headers.mayHave(name)) return "a header is not on the service's list";
    if (credential !== undefined && !headers.passes(name))
      return "a header may not be sent beside the guard's credential";
  }
  return null;
}

function bodyReader(request: CanonicalRequest, bytes: JudgedBody): () => BodyView {
  let view: BodyView | undefined;
  return () => {
    view ??=
      bytes === null
        ? { kind: "none" }
        : bytes === "unread"
          ? { kind: "unread" }
          : readBody(bytes, request.declaredBody);
    return view;
  };
}

/** The deny rule that fires in any reading of the path; of several, the first by id, so that the answer is stable. */
function firingDeny(service: CompiledService, subject: Subject): CompiledRule | undefined {
  const bit = methodBit(subject.request.method);
  let found: CompiledRule | undefined;
  for (const path of service.denials.isEmpty
    ? []
    : foldedPaths(subject.request.path, subject.request.segments, subject.request.encodedSlash)) {
    const { request, body, context } = subject;
    const reading: Subject = { request, body, context, path };
    for (const rule of service.denials.find(path.segments)) {
      if ((rule.methods & bit) === 0 || (found !== undefined && found.id <= rule.id)) continue;
      if (rule.clauses.every((clause) => clause.holds(reading))) found = rule;
    }
  }
  return found;
}

function permits(rule: CompiledRule, subject: Subject): boolean {
  const { request } = subject;
  if ((rule.methods & methodBit(request.method)) === 0) return false;
  if (request.encodedSlash && !(rule.encodedSlash && request.segments.every(hasAtMostOneInnerSlash))) return false;
  if (rule.clauses.length === 0) return true;
  return rule.clauses.every((clause) => clause.holds(subject));
}

/** `group%2Fproject` is one parameter with one slash inside; more, or one at an edge, is something else. */
const hasAtMostOneInnerSlash = (segment: string): boolean => {
  const at = segment.indexOf("%2F");
  return at === -1 || (at > 0 && at + 3 < segment.length && segment.indexOf("%2F", at + 3) === -1);
};

function permitted(policy: CompiledPolicy, request: CanonicalRequest, { service, matching, usage }: Permit): Decision {
  const approvals = matching.filter((rule) => rule.effect === "approve");
  const deciding = narrowest(approvals.length > 0 ? approvals : matching);
  const approve = deciding.effect === "approve";
  return {
    effect: approve ? "approve" : "allow",
    code: approve ? "APPROVAL_REQUIRED" : "ALLOWED",
    reason: deciding.reason ?? (approve ? "a person must approve exactly this request" : "a rule allows this"),
    rule: deciding.id,
    service: service.name,
    canonical: request,
    policy: policy.identity,
    obligations:
      matching.length === 1 && deciding.limits.length === 0
        ? (service.obligations.get(deciding) ?? NO_OBLIGATIONS)
        : obligationsOf(service.credential, deciding, matching, usage === null ? [] : limitsOf(usage)),
    considered: [],
  };
}

const narrowest = (rules: readonly CompiledRule[]): CompiledRule =>
  rules.reduce((best, rule) =>
    rule.specificity > best.specificity || (rule.specificity === best.specificity && rule.id < best.id) ? rule : best,
  );

const deniedBy = (
  policy: CompiledPolicy,
  request: CanonicalRequest,
  service: CompiledService,
  rule: CompiledRule,
): Decision => ({
  ...denied(policy, request, service, "RULE_DENY", rule.reason ?? "a rule of the policy forbids this"),
  rule: rule.id,
});

function denied(
  policy: CompiledPolicy,
  request: CanonicalRequest,
  service: CompiledService | undefined,
  code: ErrorCode,
  reason: string,
): Decision {
  return {
    effect: "deny",
    code,
    reason,
    ...(service === undefined ? {} : { service: service.name }),
    canonical: request,
    policy: policy.identity,
    obligations: NO_OBLIGATIONS,
    considered: [],
  };
}

/** Says what would be allowed instead, from the policy's own words. */
function sentenceFor(considered: readonly Considered[]): string {
  const closest = considered[0];
  if (closest === undefined) return "the policy allows nothing on this service";
  const others = considered.filter(({ clause }) => clause === closest.clause).slice(0, 3);
  const expected = others.map((one) => one.expected).join(" or ");
  return closest.clause === "path"
    ? `no rule allows this; allowed on this service are, for example, ${expected}`
    : `no rule allows this; the closest one needs ${closest.clause} to be ${expected} and got ${closest.got}`;
}
