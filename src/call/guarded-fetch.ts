import { randomUUID } from "node:crypto";
import type { Grant } from "../approval/index.js";
import { DeniedError, type GuardError, isGuardError } from "../errors/guard-error.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import { refusalOf } from "../masking/placeholders/refusing-stream.js";
import type { Decision, Judgement } from "../policy/index.js";
import { collectStream } from "../request/body/collect.js";
import { type CanonicalRequest, canonicaliseRequest, type RequestHead } from "../request/canonical.js";
import { type FetchSettings, isBadPort, unfetchable } from "../request/fetch-rules.js";
import { headerValues } from "../request/headers.js";
import { isRedirect, redirectedHead } from "../request/redirect.js";
import { type CallSnapshot, snapshotCall } from "../request/snapshot/snapshot.js";
import { targetOf } from "../request/target.js";
import type { HopResponse } from "../transport/index.js";
import { askPredicates, isSameQuestion } from "./ask-predicates.js";
import { needsFingerprint } from "./authorize.js";
import { NOTHING_DELIVERED, sendAuthorised } from "./authorized-send.js";
import { type Counted, countCall, uncounted } from "./count.js";
import { Exchange } from "./exchange.js";
import { type FrozenHop, frozenHop, type Hop, type RequestForm, withBody } from "./hop.js";
import { fetchInline, isInline } from "./inline-url.js";
import type { Manner } from "./manner.js";
import { negotiated } from "./negotiated.js";
import { Progress } from "./progress.js";
import { misplacedInLocation, misplacedValue, putValuesBack } from "./put-values-back.js";
import { refusal, refused } from "./refused.js";
import { type ApprovalPreview, NO_APPROVAL, openApproval, requestApproval } from "./request-approval.js";
import { respond } from "./respond.js";
import { deliver } from "./response/deliver.js";
import { type LinkedSignal, linkSignals } from "./signals.js";
import { ResponseKeeper, type ToolMemory, toolMemory } from "./tool-memory.js";
import { currentRun } from "./tool-run.js";
import { upstreamText } from "./upstream-text.js";

/**
 * The path of one request. The outer half runs once per call and sees what the caller asked for; {@link sendHop}, the inner
 * half, runs once per hop and sees what is really about to be sent.
 */
export async function guardedCall(
  parts: GuardParts,
  session: SessionState,
  manner: Manner,
  input: unknown,
  init: unknown,
): Promise<Response> {
  const call = snapshotCall(input, init); //                                                     1. snapshot
  if (call.signal?.aborted) throw abandoned(call, unfetchable(call.url) ?? call.signal.reason);
  if (isInline(call.url)) return fetchInline(call);
  const { exchange, signal, release, brokenOffBy } = openCall(parts, session, manner, call);
  try {
    session.assertOpen();
    signal.throwIfAborted();
    const body = call.body instanceof Promise ? await call.body : call.body;
    const read = readHop(parts, session, exchange, call, body, call.settings, signal); //        2. canonicalise, 3. understand
    let hop = read instanceof Promise ? await read : read;
    let crossed = false;
    const memories: ToolMemory[] = [];
    for (let followed = 0; ; followed++) {
      const { answer, decision, memory } = await sendHop(parts, session, exchange, hop, signal); // 4.–9. decide … send
      if (memory !== null) memories.push(memory);
      const next = isRedirect(answer.status)
        ? await nextHop(parts, session, exchange, hop, answer, call.redirect, followed, signal)
        : null;
      if (next === null) {
        const { integrity, signal: callerSignal } = call;
        const { told } = hop;
        const arrival = {
          request: told.request,
          decision,
          answer,
          followed,
          crossed,
          integrity,
          callerSignal,
          signal,
          release,
          keeper: memories.length === 0 ? null : new ResponseKeeper(memories),
        };
        return await deliver(parts, session, exchange, arrival); //                               10. mask, 11. record outcome
      }
      crossed ||= next.request.origin !== hop.request.origin;
      hop = next;
    }
  } catch (error) {
    release();
    if (exchange.replayed !== null && !signal.aborted) return exchange.replayed;
    const { onDeny } = manner;
    const refusal = onDeny !== "throw" && brokenOffBy() !== "caller" ? ownRefusal(exchange, error) : null;
    if (onDeny === "throw" || refusal === null) throw error;
    return respond(onDeny, refusal, call.url);
  }
}

/** What a call is carried out with: its record, and the signal that ends it. */
function openCall(
  parts: GuardParts,
  session: SessionState,
  manner: Manner,
  { signal: caller }: CallSnapshot,
): LinkedSignal & { readonly exchange: Exchange } {
  const run = currentRun();
  const linked = linkSignals(session.signal, caller, run.signals);
  const breaking = { by: linked.brokenOffBy, endedWith: session.endedWith };
  return { ...linked, exchange: new Exchange(randomUUID(), session.record, parts, breaking, { manner, run }) };
}

/**
 * Steps 1 to 4 of a call, and then the approval is opened or joined instead of awaited: nothing is counted and nothing is sent.
 */
export async function previewApproval(
  parts: GuardParts,
  session: SessionState,
  input: unknown,
  init: unknown,
): Promise<ApprovalPreview> {
  const call = snapshotCall(input, init);
  if (isInline(call.url)) throw new DeniedError("SCHEME_REFUSED", { message: "This URL needs no approval." });
  const { exchange, signal, release } = openCall(parts, session, { onDeny: "throw", waitMs: 0 }, call);
  try {
    session.assertOpen();
    signal.throwIfAborted();
    const body = call.body instanceof Promise ? await call.body : call.body;
    const hop = asSent(parts, await readHop(parts, session, exchange, call, body, call.settings, signal));
    const judged = await judgeHop(parts, session, hop, signal);
    if (judged.effect === "deny") throw refused(exchange, hop.told.request, judged);
    if (judged.effect === "allow") return NO_APPROVAL;
    return await openApproval(parts, session, exchange, await freeze(parts, exchange, hop, signal), judged, signal);
  } finally {
    release();
  }
}

/** The refusal of this call that an error is, or, where no fetch would have asked, has for its cause. */
function ownRefusal({ denial }: Exchange, error: unknown): GuardError | null {
  if (isGuardError(error)) return error;
  return error instanceof TypeError && error.cause === denial ? denial : null;
}

/** Lets go of a body that will not be sent. */
function abandoned({ body }: CallSnapshot, reason: unknown): unknown {
  if (body instanceof ReadableStream) body.cancel(reason).catch(() => undefined);
  return reason;
}

interface SentHop {
  readonly answer: HopResponse;
  readonly decision: Decision;
  /** What its tool call remembers of it; null where it was not approved, or is part of no tool call. */
  readonly memory: ToolMemory | null;
}

/**
 * Steps 2 and 3: the one form that is judged and sent, and its bytes wherever somebody will look into them. What needs no
 * waiting is not waited for, here and below: each wait costs as much as the step.
 */
function readHop(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  head: RequestHead,
  body: Hop["body"],
  settings: FetchSettings,
  signal: AbortSignal,
): Hop | Promise<Hop> {
  const policy = parts.policy();
  const canonical = canonicaliseRequest(head);
  const sendable = canonical.ok ? policy.sendable(canonical, parts.certified) : canonical;
  const request = sendable.ok ? negotiated(parts, session, sendable) : sendable;
  // What fetch itself would not try is the caller's mistake, and no denial.
  if (request.ok ? isBadPort(request.port) : !exchange.isRedirected) {
    const mistake = request.ok ? networkError("bad port") : unfetchable(head.url);
    if (mistake !== null) throw mistake;
  }
  const written = exchange.isRedirected ? upstreamText(parts) : null;
  if (!request.ok) {
    const url = written === null ? head.url : written.text(head.url);
    throw refused(exchange, { ok: false, method: head.method, url }, policy.refuse(request));
  }
  const told = written === null ? request : written.request(request);
  const withValues = (whole: Hop["body"]): Hop => {
    const hop = putValuesBack(parts, session, { request, body: whole }, settings);
    if ("ok" in hop) throw refused(exchange, told, parts.policy().refuse(hop));
    return told === request ? hop : { ...hop, told: { request: told, body: hop.told.body } };
  };
  if (!(body instanceof ReadableStream) || !policy.needsBody(request)) return withValues(body);
  return wholeBody(parts, exchange, { request, told: { request: told } }, body, signal).then(withValues);
}

/** Steps 4 to 9, for one hop. Nothing resolves a name or asks for a credential before the policy has said yes. */
async function sendHop(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  given: Hop,
  signal: AbortSignal,
): Promise<SentHop> {
  const asked = asSent(parts, given);
  const judgement = judgementOf(parts, session, asked); //                                        4. decide
  const judged =
    judgement.checks.length === 0 ? judgement.decision : await judgeHop(parts, session, asked, signal, judgement);
  if (judged.effect === "deny") throw refused(exchange, asked.told.request, judged);
  const approves = judged.effect === "approve";
  const frozen = approves || needsFingerprint(judged) ? await freeze(parts, exchange, asked, signal) : null;
  const hop = frozen ?? asked;
  const count =
    judged.obligations.limits === undefined
      ? uncounted(parts, session, hop.told.request, judged)
      : await countHop(parts, session, exchange, hop, judged); //                                 5. count
  const { decision, grant, memory } =
    frozen !== null && approves
      ? await approveHop(parts, session, exchange, frozen, judged, count, signal) //              6. approve
      : { decision: judged, grant: null, memory: null };
  const progress = new Progress();
  let replaced: { readonly body: Hop["body"] } | null = null;
  try {
    const departure = {
      ...hop,
      decision,
      count,
      isApproved: grant !== null,
      judge: () => judgeHop(parts, session, hop, signal),
      progress,
      onReplaced: (body: Hop["body"]) => {
        replaced = { body };
      },
    };
    const answer = await sendAuthorised(parts, session, exchange, departure, signal); //          7.–9. authorise … send
    await grant?.settle("consumed").catch((error: unknown) => {
      answer.body?.cancel();
      throw error;
    });
    return { answer, decision, memory };
  } catch (caught) {
    const error = refusalOf(hop.body) ?? caught;
    // By what the guard itself has kept, whatever was thrown: an abort, a body and a `fetch` throw what somebody chose.
    const { mayHaveLeft } = progress;
    const again = replaced as { readonly body: Hop["body"] } | null;
    // The grant first: a record that cannot be written must not take an unused yes with it.
    if (grant !== null) await giveBack(parts, grant, mayHaveLeft, again !== null);
    if (!mayHaveLeft) await memory?.forget();
    if (!mayHaveLeft) await count.release();
    if (again !== null) return await sendHop(parts, session, exchange, withBody(hop, again.body), signal);
    if (exchange.isUnderWay) exchange.broken(error);
    else if (!mayHaveLeft) notSent(exchange, hop.told.request, decision, error, signal);
    throw error;
  }
}

/** What becomes of a grant whose request was not answered. Never throws: its lease ends by itself, and then it is spent. */
async function giveBack(parts: GuardParts, grant: Grant, mayHaveLeft: boolean, isReplaced: boolean): Promise<void> {
  try {
    if (isReplaced && !mayHaveLeft) await outdate(parts, grant);
    else await grant.settle(mayHaveLeft ? "unknown" : "released");
  } catch {
    parts.log.error({ approval: grant.approvalId }, "the store was not told what became of a grant");
  }
}

/** Records what was decided and came to nothing before its intent: given up, or refused. */
function notSent(
  exchange: Exchange,
  request: CanonicalRequest,
  decision: Decision,
  error: unknown,
  signal: AbortSignal,
): void {
  if (signal.aborted) exchange.givenUp(request, decision);
  else if (isGuardError(error)) exchange.denied(request, decision, error);
}

/** A policy that has replaced the one by which it was read may let fewer header fields pass. */
function asSent({ policy, certified }: GuardParts, hop: Hop): Hop {
  const request = policy().sendable(hop.request, certified);
  if (request === hop.request) return hop;
  const { asked, told } = hop;
  const sent = <Form extends RequestForm>(form: Form): Form => ({
    ...form,
    request: policy().sendable(form.request, certified),
  });
  return { ...hop, request, asked: sent(asked), told: sent(told) };
}

/** Step 4. Where code is asked, a policy that is replaced or a window that closes meanwhile makes it another question. */
async function judgeHop(
  parts: GuardParts,
  session: SessionState,
  hop: Hop,
  signal: AbortSignal,
  first: Judgement = judgementOf(parts, session, hop),
): Promise<Decision> {
  let judgement = first;
  while (judgement.checks.length > 0) {
    const decision = await askPredicates(parts, judgement, signal);
    const again = judgementOf(parts, session, hop);
    if (isSameQuestion(judgement, again)) return decision;
    judgement = again;
  }
  return judgement.decision;
}

function judgementOf(parts: GuardParts, session: SessionState, hop: Hop): Judgement {
  const { request, body } = hop;
  const misplaced = misplacedValue(parts, hop);
  if (misplaced !== null) return { decision: parts.policy().refuse(misplaced), checks: [] };
  return parts.policy().judge(request, body instanceof ReadableStream ? "unread" : body, session.context());
}

/** Step 5. What is over a limit is recorded as denied. */
async function countHop(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  { told: { request } }: Hop,
  decision: Decision,
): Promise<Counted> {
  return await countCall(parts, session, decision, targetOf(request)).catch((error: unknown) => {
    throw isGuardError(error) ? exchange.denied(request, decision, error) : error;
  });
}

/** The hop with its bytes in hand. */
const freeze = async (parts: GuardParts, exchange: Exchange, hop: Hop, signal: AbortSignal): Promise<FrozenHop> =>
  hop.body instanceof ReadableStream
    ? frozenHop(hop, await wholeBody(parts, exchange, hop, hop.body, signal))
    : frozenHop(hop);

interface Approved {
  readonly decision: Decision;
  readonly grant: Grant | null;
  readonly memory: ToolMemory | null;
}

/** Step 6. What is approved is judged again under the policy of the moment before anything is done with the yes. */
async function approveHop(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: FrozenHop,
  judged: Decision,
  count: Counted,
  signal: AbortSignal,
): Promise<Approved> {
  let decision = judged;
  const memory = toolMemory(parts, session, exchange, hop, judged);
  try {
    await memory?.recall();
    for (;;) {
      const grant = await requestApproval(parts, session, exchange, hop, decision, signal);
      const again = await judgeHop(parts, session, hop, signal).catch(async (error: unknown) => {
        await grant.settle("released");
        throw error;
      });
      if (again.effect === "approve" && again.policy.hash === decision.policy.hash) {
        await memory?.begin().catch(async (error: unknown) => {
          await grant.settle("released");
          throw error;
        });
        return { decision: again, grant, memory };
      }
      await outdate(parts, grant);
      decision = again;
      if (again.effect === "deny") throw refusal(exchange, hop.told.request, again);
      await count.moveTo(again);
      if (again.effect === "allow") return { decision: again, grant: null, memory: null };
    }
  } catch (error) {
    await count.release();
    notSent(exchange, hop.told.request, decision, error, signal);
    throw error;
  }
}

/** The policy was replaced after a person was asked: their yes was to another question. */
async function outdate({ desk }: GuardParts, grant: Grant): Promise<void> {
  await grant.settle("released");
  await desk.outdate(grant.approvalId);
}

/** The hop a redirect asks for, brought into canonical form to be judged from the start; null where the answer is the caller's. */
async function nextHop(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  { asked, told, settings, values }: Hop,
  answer: HopResponse,
  mode: CallSnapshot["redirect"],
  followed: number,
  signal: AbortSignal,
): Promise<Hop | null> {
  if (mode === "manual" || !isRedirect(answer.status)) return null;
  // As the agent wrote it: a value goes where it may go from there, and nowhere else.
  const { request, body } = asked;
  const locations = headerValues(answer.headers, "location");
  if (mode === "follow" && locations.length === 0) return null;
  answer.body?.cancel();
  exchange.completed(answer, NOTHING_DELIVERED);
  if (mode === "error") throw networkError("unexpected redirect");
  const location = locations.join(", ");
  const head = redirectedHead(request, answer.status, location);
  if (!head.ok) throw new TypeError("fetch failed", { cause: head.cause });
  if (followed >= (parts.policy().serviceOf(request)?.redirects ?? 0)) {
    if (followed >= FETCH_FOLLOWS) throw networkError("redirect count exceeded");
    throw new DeniedError("REDIRECT_REFUSED", { target: targetOf(told.request), sent: true });
  }
  if (answer.status !== 303 && body instanceof ReadableStream)
    throw networkError("a stream cannot be sent again after a redirect");
  if (settings.mode === "same-origin" && !head.sameOrigin) throw networkError('request mode cannot be "same-origin"');
  exchange.redirected();
  const misplaced = misplacedInLocation(session, location);
  if (misplaced !== null) {
    const url = upstreamText(parts, values).text(head.url);
    throw refused(exchange, { ok: false, method: head.method, url }, parts.policy().refuse(misplaced));
  }
  return readHop(parts, session, exchange, head, head.keepsBody ? body : null, settings, signal);
}

/** Fetch, "HTTP-redirect fetch", step 7. */
const FETCH_FOLLOWS = 20;

const networkError = (reason: string): TypeError => new TypeError("fetch failed", { cause: new Error(reason) });

async function wholeBody(
  parts: GuardParts,
  exchange: Exchange,
  { request, told }: Pick<Hop, "request"> & { readonly told: Pick<Hop, "request"> },
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const limit = parts.policy().serviceOf(request)?.maxRequestBytes ?? 0;
  const bytes = await collectStream(stream, limit, signal).catch((cause: unknown) => {
    const refusal = refusalOf(stream);
    if (refusal !== undefined)
      throw refused(
        exchange,
        told.request,
        parts.policy().refuse({ ok: false, code: "PLACEHOLDER_UNRESOLVED", reason: refusal.reason }),
      );
    // As fetch says it, and so that an error that the caller's stream was given is taken for nobody else's.
    throw signal.aborted ? cause : new TypeError("fetch failed", { cause });
  });
  if (bytes !== null) return bytes;
  const reason = `the body is larger than ${limit} bytes`;
  throw refused(exchange, told.request, parts.policy().refuse({ ok: false, code: "BODY_TOO_LARGE", reason }));
}
