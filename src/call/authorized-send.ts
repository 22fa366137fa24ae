import type { Repair } from "../broker/index.js";
import { ApprovalMismatchError, GuardError, isGuardError, sentBefore } from "../errors/guard-error.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import type { Decision } from "../policy/index.js";
import type { Upload } from "../recording/index.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { headerValues } from "../request/headers.js";
import { isSafe } from "../request/method.js";
import { targetOf } from "../request/target.js";
import type { HopRequest, HopResponse } from "../transport/index.js";
import { anotherCredential, authorise } from "./authorize.js";
import { type Counted, NOTHING_HELD, type Release } from "./count.js";
import type { Delivery, Exchange } from "./exchange.js";
import { frozenHop, type Hop } from "./hop.js";
import { Progress } from "./progress.js";
import { requestApproval } from "./request-approval.js";
import { upstreamText } from "./upstream-text.js";
import { wireForm } from "./wire-form.js";

/** A request that may leave. */
export interface Departure extends Hop {
  readonly decision: Decision;
  /** What it has used up of its limits. */
  readonly count: Counted;
  /** Whether a person has approved this sending; a second one would be without approval. */
  readonly isApproved: boolean;
  /** Decides the same request anew, under the policy of the moment. */
  readonly judge: () => Promise<Decision>;
  /** What has left so far. */
  readonly progress: Progress;
  /** Told that another policy came into force before anything left; what is thrown then says nothing by itself. */
  readonly onReplaced: (body: Departure["body"]) => void;
}

/** Another policy came into force before anything left: what was decided must be decided again. */
class PolicyReplaced extends Error {
  override readonly name: string = "PolicyReplaced";
}

/** An answer of which nobody got anything. */
export const NOTHING_DELIVERED: Delivery = Object.freeze({
  bytes: 0,
  complete: false,
  media: null,
  masked: false,
  counts: Object.freeze({}),
});

/**
 * Steps 7 to 9, and where the service refuses the credential, again: with its nonce, with another credential, with scopes
 * that a person has added. Each once, so that no answer can make a loop; `tried` is what has been. A refusal that nothing
 * can be done about is the caller's answer, and so is one of a request that may not go a second time ({@link countAgain}).
 */
export async function sendAuthorised(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  departure: Departure,
  signal: AbortSignal,
  tried: Set<string> = new Set(),
): Promise<HopResponse> {
  const { request, told, decision } = departure;
  let credential = await authorise(parts, session, exchange, departure, signal); //               7. authorise
  for (;;) {
    if (isReplaced(parts, decision)) {
      departure.onReplaced(departure.body);
      throw new PolicyReplaced();
    }
    const upload = watchUpload(parts, session, departure);
    const watched = upload.body instanceof ReadableStream ? { ...departure, body: upload.body } : departure;
    const objection = (): Error | null => (isReplaced(parts, decision) ? tooLate(exchange, departure, upload) : null);
    const wire = await wireForm(parts, watched, credential, objection, redactFor(parts, exchange, departure));
    const sending = departure.progress.begin();
    await exchange.intent(told.request, decision, credential, upload, sending); //                8. record intent
    session.assertOpen();
    if (isReplaced(parts, decision)) throw abandoned(exchange, departure, upload);
    const answer = await session.connections.send(wire, { signal, sending }); //                  9. send
    exchange.answered();
    if (credential === null) return answer;
    const repair = credential.read(request, answer, parts.policy().serviceOf(request)?.renewOn401);
    if (repair?.kind === "renew") credential.invalidate();
    if (repair === null || tried.has(repair.kind)) return answer;
    tried.add(repair.kind);
    if (repair.kind === "widen") {
      const wider = widened(decision, repair.scopes);
      const giveBack = wider === null ? null : await countAgain(departure, repair);
      if (wider === null || giveBack === null) return answer;
      discard(exchange, answer);
      return await sendWider(parts, session, exchange, { ...departure, decision: wider }, signal, tried, giveBack);
    }
    if (departure.body instanceof ReadableStream) throw notReplayable(exchange, told.request, answer);
    const giveBack = await countAgain(departure, repair);
    if (giveBack === null) return answer;
    const next = await anotherCredential(parts, session, exchange, departure, signal).catch(async (error: unknown) => {
      answer.body?.cancel();
      await giveBack();
      throw error;
    });
    // The same one again would be refused again.
    if (next === null || (repair.kind === "renew" && next.facts.kid === credential.facts.kid)) {
      await giveBack();
      return answer;
    }
    discard(exchange, answer);
    credential = next;
  }
}

/**
 * Counts a second sending of the same request, and returns what gives that back; null where there must be none. A service
 * that says it did not act (it wants its nonce in the proof, RFC 9449 section 9) may be sent the request again. Any other
 * refusal proves nothing: what was approved would be sent twice for one approval, and what is limited and changes something
 * would count once.
 */
async function countAgain(
  { request, decision, count, isApproved }: Departure,
  { kind }: Repair,
): Promise<Release | null> {
  if (kind === "nonce") return NOTHING_HELD;
  if (kind === "renew" && isApproved) return null;
  if (decision.obligations.limits === undefined || (isSafe(request.method) && !isApproved)) return NOTHING_HELD;
  return await count.again().catch(() => null);
}

const isReplaced = (parts: GuardParts, { policy }: Decision): boolean => parts.policy().hash !== policy.hash;

/** The intent stands in the record: that nothing came of it must, too. A body that flows is watched by now, and goes on so. */
function abandoned(exchange: Exchange, { onReplaced }: Departure, { body }: Upload): PolicyReplaced {
  const error = new PolicyReplaced();
  exchange.failed(error);
  exchange.nextAttempt();
  onReplaced(body);
  return error;
}

/** The policy was replaced while the connection was made. A body that flows is the transport's by now. */
const tooLate = (exchange: Exchange, departure: Departure, upload: Upload): Error =>
  upload.body instanceof ReadableStream
    ? new GuardError("NOT_REPLAYABLE", {
        target: targetOf(departure.told.request),
        message:
          "The policy was replaced while the connection was made, and the body is a stream, which cannot go to another.",
      })
    : abandoned(exchange, departure, upload);

/** The request body, watched as far as the policy wants it recorded; what is recorded of bytes is what may be told of them. */
function watchUpload(parts: GuardParts, session: SessionState, { told, decision }: Departure): Upload {
  const { request, body } = told;
  const [coding] = headerValues(request.headers, "content-encoding");
  return parts.recorder.upload(body, session.record.bodies, {
    level: decision.obligations.record,
    media: headerValues(request.headers, "content-type")[0] ?? null,
    opaque: coding !== undefined && coding !== "identity",
    paths: decision.obligations.mask,
    secrets: () => parts.broker.knownSecrets(),
  });
}

/** The decision with the scopes that the service misses; null where the rule does not let them be added, or they are there. */
function widened(decision: Decision, missing: readonly string[]): Decision | null {
  const { scopes = [], stepUp } = decision.obligations;
  const added = missing.filter((scope) => !scopes.includes(scope));
  if (stepUp === undefined || added.length === 0 || added.some((scope) => !stepUp.scopes.includes(scope))) return null;
  const obligations = {
    ...decision.obligations,
    scopes: Object.freeze([...scopes, ...added]),
    approval: stepUp.approval,
  };
  return { ...decision, obligations: Object.freeze(obligations) };
}

/** Asks a person for the wider credential, and sends with it once (RFC 6750 §3.1: never by itself). */
async function sendWider(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  departure: Departure,
  signal: AbortSignal,
  tried: Set<string>,
  giveBack: Release,
): Promise<HopResponse> {
  const { told, body, decision } = departure;
  if (body instanceof ReadableStream) throw cannotReplay(told.request);
  const { scopes = [] } = decision.obligations;
  const frozen = frozenHop(departure);
  const grant = await requestApproval(parts, session, exchange, frozen, decision, signal, scopes).catch(
    async (error: unknown) => {
      await giveBack();
      // What an abort throws is the caller's own object, whatever it looks like.
      throw isGuardError(error) && !signal.aborted ? stepUpRefused(exchange, told.request, decision, error) : error;
    },
  );
  const progress = new Progress();
  try {
    await assertUnchanged(departure);
    const answer = await sendAuthorised(
      parts,
      session,
      exchange,
      { ...departure, isApproved: true, progress },
      signal,
      tried,
    );
    await grant.settle("consumed");
    return answer;
  } catch (error) {
    await grant.settle(progress.mayHaveLeft ? "unknown" : "released");
    if (!progress.mayHaveLeft) await giveBack();
    throw error;
  }
}

/** Records that the request may not go again. It has been sent once, and the service has said what is missing. */
function stepUpRefused(
  exchange: Exchange,
  request: CanonicalRequest,
  decision: Decision,
  error: GuardError,
): GuardError {
  sentBefore(error, "the service wants a credential with more rights");
  return exchange.denied(request, { ...decision, effect: "approve" }, error);
}

/** A yes under another policy was to another question. */
async function assertUnchanged({ told, decision, judge }: Departure): Promise<void> {
  const now = await judge();
  if (now.effect !== "deny" && now.rule === decision.rule && now.policy.hash === decision.policy.hash) return;
  throw new ApprovalMismatchError({
    target: targetOf(told.request),
    message: "The policy changed while a person was asked.",
  });
}

function discard(exchange: Exchange, answer: HopResponse): void {
  answer.body?.cancel();
  exchange.completed(answer, NOTHING_DELIVERED);
  exchange.nextAttempt();
}

const cannotReplay = (request: CanonicalRequest): GuardError =>
  new GuardError("NOT_REPLAYABLE", { target: targetOf(request), sent: true });

function notReplayable(exchange: Exchange, request: CanonicalRequest, answer: HopResponse): GuardError {
  const error = cannotReplay(request);
  answer.body?.cancel();
  exchange.failed(error, answer);
  return error;
}

/** For what errors say of a sending: of a place that the agent named, less can be of a service's making. */
const redactFor =
  (parts: GuardParts, { isRedirected }: Exchange, { values }: Departure): HopRequest["redact"] =>
  (text) => {
    const written = upstreamText(parts, values);
    return isRedirected || parts.transport.kind === "fetch" ? written.text(text) : written.words(text);
  };
