import { isGuardError } from "../../errors/guard-error.js";
import {
  across,
  callable,
  flag,
  list,
  needed,
  object,
  readOptions,
  requireVerbs,
  type Shape,
  text,
} from "../../shapes/index.js";
import type { PlainFetch } from "../../transport/index.js";
import { renderCard } from "../card.js";
import type { ApprovalDesk } from "../desk-types.js";
import { readDecision } from "../read-reply.js";
import type { ApprovalCallback } from "../types.js";
import { ProvenDecision } from "../votes/proven.js";
import { hmac, isRecent, isSame, rawBody, signingSecret } from "./hmac.js";
import { checkSecure, post, serverUrl } from "./post.js";

/** Options of {@link approveByWebhook}. */
export interface WebhookOptions {
  /** Where questions are posted. https, unless `allowInsecure`. */
  readonly url: string;
  /** Shared with the receiver: 32 bytes or more. */
  readonly secret: string | Uint8Array;
  /** Allows http, for a receiver on this machine. Default false. */
  readonly allowInsecure?: boolean;
  /** Default: the platform's. */
  readonly fetch?: PlainFetch;
  /** Epoch milliseconds. Default: the system's. */
  readonly now?: () => number;
}

/** Options of {@link receiveDecisions}. */
export interface ReceiverOptions {
  /** Shared with the sender. Several while one replaces another. */
  readonly secrets: readonly (string | Uint8Array)[];
  /** Who vouches for the people in the decisions: whatever a decision says of it, this is recorded. */
  readonly idp: string;
  readonly now?: () => number;
}

const SENDER: Shape<WebhookOptions> = across(
  object<WebhookOptions>({
    url: needed(serverUrl, "must be a URL"),
    secret: needed(signingSecret),
    allowInsecure: flag,
    fetch: callable(),
    now: callable(),
  }),
  ({ url, allowInsecure }, place) => checkSecure(url, allowInsecure, place.at("url")),
);

const RECEIVER: Shape<ReceiverOptions> = object<ReceiverOptions>({
  secrets: needed(list(signingSecret, { least: 1, message: "must be a list with one at least" })),
  idp: needed(text("must say who vouches"), "must say who vouches"),
  now: callable(),
});

/**
 * Posts questions to a system of yours, signed as Standard Webhooks are: `webhook-id`, `webhook-timestamp`, and in
 * `webhook-signature` the HMAC-SHA256 of `id.timestamp.body`. The answer comes later, through {@link receiveDecisions} or a
 * token. A question is posted again with the same id where it was not taken.
 *
 * @throws OptionsError
 */
export function approveByWebhook(options: WebhookOptions): ApprovalCallback {
  const { url, secret, now = Date.now, fetch: send } = readOptions(options, SENDER);
  return async (request, control) => {
    const id = `${request.id}.${request.reminderNo}${request.escalatedTo === undefined ? "" : ".e"}`;
    const body = JSON.stringify({ type: "approval.requested", request, card: renderCard(request) });
    await post("the webhook", url, {
      body,
      headers: { "content-type": "application/json", ...signatureHeaders(id, body, secret, now()) },
      signal: control.signal,
      fetch: send ?? fetch,
    });
    return control.pending();
  };
}

/** The headers that prove a message, for those who send us one. `id` is the message's own. */
export function signatureHeaders(
  id: string,
  body: string,
  secret: string | Uint8Array,
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signature = hmac(secret, `${id}.${timestamp}.${body}`).toString("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}

/**
 * Takes decisions from a system of yours, signed the same way. Answers 204 when one was counted (a second time too), 401
 * without a right signature over the raw body within five minutes, before anything is looked up; 400, 409 or 503 otherwise.
 *
 * @throws OptionsError
 */
export function receiveDecisions(
  approvals: Pick<ApprovalDesk, "decide">,
  options: ReceiverOptions,
): (request: Request) => Promise<Response> {
  requireVerbs(approvals, ["decide"], "approvals");
  const { secrets, idp, now = Date.now } = readOptions(options, RECEIVER);
  return async (request) => {
    if (request.method !== "POST") return answer(405);
    const body = await rawBody(request);
    if (body === null) return answer(413);
    if (!isSigned(request.headers, body, secrets, now())) return answer(401);
    const decision = readDecision(parsed(body));
    if (!decision.ok) return answer(400);
    try {
      const { proof } = decision.value;
      const given = { ...decision.value, by: { ...decision.value.by, idp } };
      // Signed by somebody else as well: then both signatures must be right.
      await approvals.decide(proof === undefined ? new ProvenDecision(given) : given);
      return answer(204);
    } catch (error) {
      // What was wrong is in the record, and is nobody's business outside.
      return answer(isGuardError(error) && error.code !== "APPROVAL_UNAVAILABLE" ? 409 : 503);
    }
  };
}

function isSigned(headers: Headers, body: Uint8Array, secrets: ReceiverOptions["secrets"], nowMs: number): boolean {
  const [id, timestamp] = [headers.get("webhook-id"), headers.get("webhook-timestamp")];
  if (id === null || !isRecent(timestamp, nowMs)) return false;
  const given = (headers.get("webhook-signature") ?? "").slice(0, 1024).split(" ");
  const right = secrets.map((secret) => hmac(secret, `${id}.${timestamp}.`, body));
  return given.some((one) => {
    const bytes = Buffer.from(one.startsWith("v1,") ? one.slice(3) : "", "base64");
    return right.some((expected) => isSame(expected, bytes));
  });
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const answer = (status: number): Response => new Response(null, { status });
