import { isGuardError } from "../errors/guard-error.js";
import { openAdded, withQuery } from "./added.js";
import { ACCEPTED_BY_FETCH, isDecodedByFetch } from "./decode.js";
import { fetchFault } from "./faults.js";
import type { Fault, Sending } from "./sending.js";
import type { BodySource, Connections, HopRequest, HopResponse, Transport } from "./transport.js";

interface Call {
  readonly signal: AbortSignal;
  readonly sending: Sending;
  readonly hop: HopRequest;
}

/** A `fetch`'s body as a source. It is decoded and has its own back-pressure. */
function sourceOf(stream: ReadableStream<Uint8Array>, call: Call): BodySource {
  const reader = stream.getReader();
  return {
    async read() {
      try {
        const { done, value } = await reader.read();
        return done ? null : value;
      } catch (error) {
        throw theirs(error, "terminated", call);
      }
    },
    onBroken(listener) {
      reader.closed.catch((error: unknown) => listener(theirs(error, "terminated", call)));
    },
    cancel(reason) {
      reader.cancel(reason).catch(() => {}); // a stream that has failed fails to cancel
    },
  };
}

const FAILED: Fault = { class: "TypeError", code: "UNKNOWN" };

/**
 * What somebody's `fetch` threw. It is not read for what happened, and not recorded; one that looks like an error of ours
 * becomes the cause of a network error, so that nobody takes it for a refusal of this call.
 */
function theirs(error: unknown, message: string, { signal, sending, hop }: Call): unknown {
  if (signal.aborted) return error;
  sending.failed(FAILED);
  return isGuardError(error) ? new TypeError(message, { cause: error }) : fetchFault(error, hop);
}

const builtInFetch = globalThis.fetch;

/**
 * A transport over somebody's `fetch`, for tests: msw and other interceptors see every hop. **Addresses are not checked**,
 * and `kind` says so.
 *
 * @param fetch what to call. Node's own, or none, means whatever `globalThis.fetch` is at each call, as msw replaces it late.
 */
export function createFetchTransport(fetch?: typeof globalThis.fetch): Transport {
  const connections: Connections = {
    async send(hop, { signal, sending }): Promise<HopResponse> {
      const call = fetch === undefined || fetch === builtInFetch ? globalThis.fetch : fetch;
      const added = hop.added === undefined ? undefined : openAdded(hop.added);
      const init: RequestInit & { duplex?: "half" } = {
        method: hop.method,
        headers: [...hop.headers, ...(added?.headers ?? [])] as [string, string][],
        // A copy: what is judged once and sent again must not be what a `fetch` has made of it.
        body: (hop.body instanceof Uint8Array ? new Uint8Array(hop.body) : hop.body) as BodyInit | null,
        redirect: "manual",
        signal,
        ...(hop.body instanceof ReadableStream ? { duplex: "half" as const } : undefined),
      };
      let response: Response;
      sending.leaves(); // nobody knows what a `fetch` does before it fails
      try {
        response = await call(withQuery(hop.origin + hop.path, added?.query ?? ""), init);
      } catch (error) {
        throw theirs(error, "fetch failed", { signal, sending, hop });
      }
      const headers = [...response.headers];
      return {
        status: response.status,
        statusText: response.statusText,
        headers,
        coding: !response.headers.has("content-encoding") ? "none" : isDecodedByFetch(headers) ? "decoded" : "unknown",
        body: response.body === null ? null : sourceOf(response.body, { signal, sending, hop }),
      };
    },
    async close() {},
  };
  return { kind: "fetch", codings: ACCEPTED_BY_FETCH, connections: () => connections, async close() {} };
}
