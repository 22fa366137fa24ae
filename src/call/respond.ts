import { denialReference } from "../errors/denial-reference.js";
import { DENIAL_HEADER } from "../errors/find-guard-error.js";
import type { GuardError, Problem } from "../errors/guard-error.js";

/**
 * What a denial looks like to the caller: an exception (`throw`), a 403 with a problem document (`respond`, RFC 9457), or
 * for Slack's client, which tries a 403 again for minutes, what Slack itself says no with (`slack`: 200 and `ok: false`).
 */
export type OnDeny = "throw" | "respond" | "slack";

/** A refusal of a call to `url` as the response that the caller gets. */
export const respond = (onDeny: "respond" | "slack", refusal: GuardError, url: string): Response =>
  onDeny === "slack" ? slackResponse(refusal, url) : problemResponse(refusal);

/**
 * Always 403, whatever the code: SDK clients retry 429 and 5xx by themselves. Never `www-authenticate`, which would make an
 * MCP client start an OAuth flow. The document has an `error` besides, where OpenAI, Anthropic and Stripe look for what is
 * wrong: without one, Stripe's client takes any answer for the thing it asked for.
 */
function problemResponse(refusal: GuardError): Response {
  const problem = { ...problemOf(refusal), status: 403 };
  const error = { type: "sallyport_denied", code: refusal.code, message: problem.detail };
  return responseOf({ ...problem, error }, 403, "application/problem+json", refusal);
}

/** Slack's methods are answered in Slack's words. An upload is not a method: there, a 200 would mean that it had arrived. */
function slackResponse(refusal: GuardError, url: string): Response {
  if (!/\/api\/[A-Za-z.]+(?:\?|$)/.test(url)) return problemResponse(refusal);
  const body = { ...problemOf(refusal), ok: false, error: `sallyport_${refusal.code.toLowerCase()}` };
  return responseOf(body, 200, "application/json", refusal);
}

const problemOf = (refusal: GuardError): Problem & { readonly instance: string } => ({
  ...refusal.toProblem(),
  instance: denialReference(refusal),
});

const responseOf = (body: object, status: number, type: string, refusal: GuardError): Response =>
  new Response(JSON.stringify(body), {
    status,
    statusText: status === 403 ? "Forbidden" : "OK",
    headers: {
      "content-type": type,
      "x-sallyport-code": refusal.code,
      [DENIAL_HEADER]: denialReference(refusal),
      "x-should-retry": "false",
      "cache-control": "no-store",
    },
  });
