import { openAdded, withQuery } from "./added.js";
import { ACCEPTED_BY_FETCH, isDecodedByFetch } from "./decode.js";
import { noteSent } from "./faults.js";
import type { BodySource, HopResponse, Transport } from "./transport.js";

/** A `fetch`'s body as a source. It is decoded and has its own back-pressure. */
function sourceOf(stream: ReadableStream<Uint8Array>): BodySource {
  const reader = stream.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    cancel(reason) {
      reader.cancel(reason).catch(() => {}); // a stream that has failed fails to cancel
    },
  };
}

const builtInFetch = globalThis.fetch;

/**
 * A transport over somebody's `fetch`, for tests: msw and other interceptors see every hop. **Addresses are not checked**,
 * and `kind` says so.
 *
 * @param fetch what to call. Node's own, or none, means whatever `globalThis.fetch` is at each call, as msw replaces it late.
 */
export function createFetchTransport(fetch?: typeof globalThis.fetch): Transport {
  return {
    kind: "fetch",
    codings: ACCEPTED_BY_FETCH,
    async send(hop, { signal }): Promise<HopResponse> {
      const call = fetch === undefined || fetch === builtInFetch ? globalThis.fetch : fetch;
      const added = hop.added === undefined ? undefined : openAdded(hop.added);
      const init: RequestInit & { duplex?: "half" } = {
        method: hop.method,
        headers: [...hop.headers, ...(added?.headers ?? [])] as [string, string][],
        body: hop.body as BodyInit | null,
        redirect: "manual",
        signal,
        ...(hop.body instanceof ReadableStream ? { duplex: "half" as const } : undefined),
      };
      let response: Response;
      try {
        response = await call(withQuery(hop.url, added?.query ?? ""), init);
      } catch (error) {
        noteSent(error, signal.aborted ? "maybe" : sentByCause(error));
        throw error;
      }
      const headers = [...response.headers];
      return {
        status: response.status,
        statusText: response.statusText,
        headers,
        coding: !response.headers.has("content-encoding") ? "none" : isDecodedByFetch(headers) ? "decoded" : "unknown",
        body: response.body === null ? null : sourceOf(response.body),
      };
    },
    async close() {},
  };
}

/** Faults that come before a connection; all others may have come after. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function sentByCause(error: unknown): "no" | "maybe" {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return BEFORE_SENDING.has(code) ? "no" : "maybe";
}
