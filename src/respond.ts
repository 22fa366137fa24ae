import { findGuardError, type GuardError } from "./errors.js";

/** What a denial looks like to the caller: an exception, or a 403 with a problem document (RFC 9457). */
export type OnDeny = "throw" | "respond";

type Fetch = (input: unknown, init: unknown) => Promise<Response>;

/** Wraps a fetch so that our refusals become responses. Network faults and aborts are still thrown, as by every fetch. */
export function respondInstead(fetch: typeof globalThis.fetch, onDeny: OnDeny): Fetch {
  const call = fetch as unknown as Fetch;
  if (onDeny === "throw") return call;
  return async (input, init) => {
    try {
      return await call(input, init);
    } catch (error) {
      const refusal = findGuardError(error);
      if (refusal === undefined) throw error;
      return refusalResponse(refusal);
    }
  };
}

/**
 * Always 403, whatever the code: SDK clients retry 429 and 5xx by themselves. Never `www-authenticate`, which would make an
 * MCP client start an OAuth flow.
 */
const refusalResponse = (error: GuardError): Response =>
  new Response(JSON.stringify({ ...error.toProblem(), status: 403 }), {
    status: 403,
    statusText: "Forbidden",
    headers: {
      "content-type": "application/problem+json",
      "x-sallyport-code": error.code,
      "x-should-retry": "false",
      "cache-control": "no-store",
    },
  });
