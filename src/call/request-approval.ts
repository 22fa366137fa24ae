import {
  type ApprovalDraft,
  type ApprovalPlaceholder,
  type ApprovalState,
  type ApprovalSubject,
  describeRequest,
  type Grant,
  type ObtainOptions,
  renderCard,
} from "../approval/index.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import type { Masker, RestoredValue } from "../masking/index.js";
import type { Decision } from "../policy/index.js";
import { partPointer } from "../policy/pins.js";
import { type BodyDescription, describeBody } from "../request/body/describe-body.js";
import { type JsonValue, readStrictJson } from "../request/body/json.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { fingerprintOf, semanticHeaders } from "../request/fingerprint.js";
import { headerValues } from "../request/headers.js";
import { isSafe } from "../request/method.js";
import { blanked } from "../request/protocols/blank.js";
import { withoutCorrelation } from "../request/protocols/jsonrpc.js";
import { approverText } from "./approver-text.js";
import type { Exchange } from "./exchange.js";
import type { FrozenHop } from "./hop.js";
import type { RunIds } from "./tool-run.js";

/** A request whose bytes will not change any more, and the decision that a person must be asked about it. */
interface FrozenRequest {
  readonly hop: FrozenHop;
  readonly decision: Decision;
  /** The scopes that the service wants, where the question is whether it may have them. */
  readonly stepUp?: readonly string[];
}

/** Asks for a one-time grant for exactly this request; throws one of the Approval…Errors when there is none to be had. */
export async function requestApproval(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: FrozenHop,
  decision: Decision,
  signal: AbortSignal,
  stepUp?: readonly string[],
): Promise<Grant> {
  const frozen: FrozenRequest = { hop, decision, ...(stepUp === undefined ? {} : { stepUp }) };
  const askedAt = parts.clock.monotonic();
  try {
    return await parts.desk.obtain(...questionOf(parts, session, exchange, frozen, signal));
  } finally {
    exchange.noteTiming("approval_ms", parts.clock.monotonic() - askedAt);
  }
}

/** How the approval of a request stands, for those who may see the request. */
export interface ApprovalPreview {
  /** Names the approval to `guard.approvals`. Empty where the request needs none. */
  readonly id: string;
  /** `not_needed` where a rule allows the request. */
  readonly state: ApprovalState | "not_needed";
  /** What approvers are shown, as text. Masked as for them. */
  readonly card: string;
}

export const NO_APPROVAL: ApprovalPreview = Object.freeze({ id: "", state: "not_needed", card: "" });

/** Opens the approval of a request, or joins the one that is open, and sends nothing. */
export async function openApproval(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: FrozenHop,
  decision: Decision,
  signal: AbortSignal,
): Promise<ApprovalPreview> {
  const record = await parts.desk.open(...questionOf(parts, session, exchange, { hop, decision }, signal));
  // Without those who have decided so far: the agent is told who when it is told of the outcome.
  const { votes: _, ...asked } = record;
  return Object.freeze({ id: record.id, state: record.state, card: renderCard(describeRequest(asked)) });
}

/** What people are asked about a request, and how. What the fetch says of waiting goes before what the rule says. */
function questionOf(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  frozen: FrozenRequest,
  signal: AbortSignal,
): [ApprovalDraft, ObtainOptions] {
  const { approval = {} } = frozen.decision.obligations;
  const vary = varyOf(parts, frozen);
  const waitMs = exchange.manner.waitMs ?? approval.waitMs;
  const options: ObtainOptions = {
    signal,
    ...(vary === undefined ? {} : { vary }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(approval.expiresMs === undefined ? {} : { expiresMs: approval.expiresMs }),
    ...(approval.grantTtlMs === undefined ? {} : { grantTtlMs: approval.grantTtlMs }),
    ...(approval.uses === undefined ? {} : { uses: approval.uses }),
    ...(approval.quorum === undefined ? {} : { quorum: approval.quorum }),
  };
  return [draftFor(parts, session, exchange, frozen, vary?.pointers), options];
}

/** Whom the approval belongs to: all of it is what the guard has verified. */
function subjectOf(session: SessionState, { runId, toolCallId }: RunIds): ApprovalSubject {
  const { principal, agent } = session.context();
  const chain = (session.brokerSession.delegatedBy ?? []).map(({ id }) => id);
  // Whoever handed the task on cannot approve what comes of it.
  const aliases = [...(principal.email === undefined ? [] : [principal.email]), ...chain];
  return {
    tenant: principal.tenant ?? "",
    agent: agent.id,
    onBehalfOf: principal.id,
    type: principal.type,
    ...(principal.issuer === undefined ? {} : { issuer: principal.issuer }),
    ...(chain.length === 0 ? {} : { delegatedBy: chain }),
    ...(aliases.length === 0 ? {} : { aliases }),
    ...(runId === undefined ? {} : { runId }),
    ...(toolCallId === undefined ? {} : { toolCallId }),
  };
}

function draftFor(
  parts: GuardParts,
  session: SessionState,
  { id: requestId, run }: Exchange,
  { hop, decision, stepUp }: FrozenRequest,
  vary: readonly string[] | undefined,
): ApprovalDraft {
  const { request, body } = hop.told;
  const masker = parts.approverMasker;
  const { purpose } = session.context().session;
  const contentType = headerValues(request.headers, "content-type")[0] ?? null;
  const described = describe(parts, request, body);
  return {
    sessionId: session.id,
    requestId,
    fingerprint: fingerprintFor(parts, session, hop, decision, { stepUp, vary }),
    subject: subjectOf(session, run.ids),
    http: {
      method: request.method,
      origin: request.origin,
      path: request.path,
      query: request.query.map(([name, value]) => [name, approverText(masker, value)] as const),
      ...(contentType === null ? {} : { contentType }),
      headers: headersShown(masker, semanticHeaders(request.headers, semanticOf(parts, request))),
      body: { bytes: body?.byteLength ?? 0, sha256: described.digest, ...preview(masker, body) },
      ...(hop.values.length === 0 ? {} : { placeholders: hop.values.map(shownPlaceholder) }),
    },
    why: {
      ruleId: decision.rule ?? "",
      policyDigest: decision.policy.hash,
      risk: riskOf(request.method),
      matched: decision.rule === undefined ? [] : [decision.rule],
      reason: stepUp === undefined ? decision.reason : `the service asks for a credential with: ${stepUp.join(" ")}`,
    },
    agentReason: purpose,
    ...(decision.obligations.approval?.purpose === "any" ? {} : { purpose }),
    ...(decision.obligations.approval?.approvers === undefined
      ? {}
      : { approvers: decision.obligations.approval.approvers }),
  };
}

const shownPlaceholder = ({ placeholder, kind, origins, place }: RestoredValue): ApprovalPlaceholder => ({
  placeholder,
  kind,
  origins,
  place: place.part === "json" ? `body ${pointerOf(place.path)}` : `${place.part} ${place.path.join("")}`,
});

const pointerOf = (path: readonly string[]): string =>
  path.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/**
 * The fingerprint of a request, as it was asked for, and of which values its placeholders stand for; with `stepUp`, of the
 * request with a credential of these scopes; with `vary`, of all requests that differ there only.
 */
export function fingerprintFor(
  parts: GuardParts,
  session: SessionState,
  hop: FrozenHop,
  decision: Decision,
  {
    stepUp,
    vary,
  }: { readonly stepUp?: readonly string[] | undefined; readonly vary?: readonly string[] | undefined } = {},
): string {
  const { request, body } = hop.asked;
  const places = (vary ?? []).map((text) => partPointer(text)?.tokens ?? []);
  const values = hop.values.filter(({ place }) => !places.some((tokens) => isBelow(place, tokens)));
  const { principal, agent } = session.context();
  return fingerprintOf({
    tenant: principal.tenant ?? "",
    agent: agent.id,
    onBehalfOf: JSON.stringify([principal.issuer ?? null, principal.id]),
    service: decision.service ?? "",
    method: request.method,
    origin: request.origin,
    path: request.path,
    search: request.search,
    body: describe(parts, request, body, places),
    headers: request.headers,
    semanticHeaders: semanticOf(parts, request),
    ...(stepUp === undefined ? {} : { scopes: stepUp }),
    ...(vary === undefined ? {} : { vary }),
    ...(values.length === 0 ? {} : { values: values.map(({ placeholder, digest }) => [placeholder, digest]) }),
  });
}

/** Whether a value stands in a place where the requests of one yes may differ. */
const isBelow = ({ part, path }: RestoredValue["place"], tokens: readonly string[]): boolean =>
  part === "json" && tokens.every((token, index) => path[index] === token);

function describe(
  parts: GuardParts,
  request: CanonicalRequest,
  body: Uint8Array | null,
  places: readonly (readonly string[])[] = [],
): BodyDescription {
  const essential = essentialOf(parts, request);
  return describeBody(
    body,
    headerValues(request.headers, "content-type")[0] ?? null,
    headerValues(request.headers, "content-encoding")[0] ?? null,
    (value) => blanked(essential(value), places),
  );
}

/** Where the requests of one yes may differ, and what is there: only of JSON that all servers read alike. */
function varyOf(parts: GuardParts, { hop, decision, stepUp }: FrozenRequest): ObtainOptions["vary"] {
  // With its values: what a person has pinned holds for what is sent.
  const { request, body } = hop;
  const { vary } = decision.obligations.approval ?? {};
  if (vary === undefined || stepUp !== undefined || body === null) return undefined;
  if (describe(parts, request, body).kind !== "json") return undefined;
  const json = readStrictJson(body);
  return json.ok ? { pointers: vary, body: json.value } : undefined;
}

/** What a body means at its endpoint: a JSON-RPC call that is made again has another id, and is the same call. */
function essentialOf(parts: GuardParts, request: CanonicalRequest): (body: JsonValue) => JsonValue {
  const endpoint = parts.policy().serviceOf(request)?.endpoints.find(request);
  const speaksRpc = endpoint !== undefined && "protocol" in endpoint && endpoint.protocol !== "graphql";
  return speaksRpc ? withoutCorrelation : (body) => body;
}

/** Names of the fields of this request that change what it means at this service. */
const semanticOf = (parts: GuardParts, request: CanonicalRequest): readonly string[] => {
  const rules = parts.policy().serviceOf(request)?.headers;
  return rules === undefined ? [] : request.headers.flatMap(([name]) => (rules.isSemantic(name) ? name : []));
};

/** By name, a repeated field with all its values; a name is never one that an object has already. */
function headersShown(
  masker: Masker,
  fields: readonly (readonly [string, string])[],
): Readonly<Record<string, string>> {
  const shown = new Map<string, string>();
  for (const [name, value] of fields) {
    const earlier = shown.get(name);
    const text = approverText(masker, value);
    shown.set(name, earlier === undefined ? text : `${earlier}, ${text}`);
  }
  return Object.fromEntries(shown);
}

/** What a method can do at worst: read, change, or remove (RFC 9110 section 9.2). */
const riskOf = (method: string): "low" | "medium" | "high" =>
  isSafe(method) ? "low" : method === "DELETE" ? "high" : "medium";

/** What of a body is shown: its beginning, as text, with sensitive values masked. */
const PREVIEW_BYTES = 16 * 1024;
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function preview(masker: Masker, body: Uint8Array | null): { readonly preview: string; readonly truncated: boolean } {
  if (body === null) return { preview: "", truncated: false };
  const shown = lenientUtf8.decode(body.subarray(0, PREVIEW_BYTES));
  return { preview: approverText(masker, shown), truncated: body.byteLength > PREVIEW_BYTES };
}
