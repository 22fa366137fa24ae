import { errorOf } from "../errors/error-of-code.js";
import type { GuardError } from "../errors/guard-error.js";
import { FRAMING } from "../request/headers.js";
import { openAdded, withQuery } from "./added.js";
import { ACCEPTED } from "./decode.js";
import { Exchange } from "./exchange.js";
import { faultOf, networkFault, targetOf } from "./faults.js";
import { type Passage, requestPassage } from "./passage.js";
import { type RequestStream, requestStream } from "./request-body.js";
import type { HopRequest, HopResponse, SendOptions, Transport } from "./transport.js";
import { checkTransportOptions, type TransportSettings, type UndiciTransportOptions } from "./transport-options.js";
import type { Agents, HopDispatch } from "./undici-agents.js";

/**
 * Whether a name says how the message is framed or routed: the transport says that itself, from what it really sends.
 * undici would take its TLS server name from a `host` header.
 */
const isTransports = (name: string): boolean => name === "host" || FRAMING.has(name);

/** Header pairs as undici's flat list; null when one of them is not the caller's to set. */
function flatHeaders(hop: HopRequest): string[] | null {
  const flat: string[] = [];
  for (const [name, value] of hop.headers) {
    if (isTransports(name.toLowerCase())) return null;
    flat.push(name, value);
  }
  for (const name of hop.added?.names ?? []) if (isTransports(name)) return null;
  return flat;
}

const refused = (code: "HEADER_REFUSED" | "URL_INVALID" | "GUARD_CLOSED", hop: HopRequest): GuardError =>
  errorOf(code, { target: targetOf(hop), sent: false });

/** Ends a call that no connection has seen. */
function unsent(hop: HopRequest, error: unknown): Promise<never> {
  if (hop.body instanceof ReadableStream) hop.body.cancel(error).catch(nothingToAbandon);
  return Promise.reject(error);
}

const nothingToAbandon = (): void => {};
const neverFails = (): boolean => false;

/**
 * The transport that is meant for real use: undici's connections under our own check of every address, and none of its fetch.
 *
 * @throws OptionsError listing every wrong option.
 */
export function createUndiciTransport(
  options: UndiciTransportOptions = {},
  passage: Passage = requestPassage(),
): Transport {
  const settings = checkTransportOptions(options);
  const { maxInflatedBytes } = settings;
  let agents: Agents | undefined;
  let isClosed = false;

  // undici takes longer to load than everything else together: not at import, but from now on.
  const loading = load(settings, passage).then((loaded) => {
    agents = loaded;
    return loaded;
  });
  loading.catch(nothingToAbandon); // reported by the first call instead

  const dispatch = (ready: Agents, hop: HopRequest, options: SendOptions): Promise<HopResponse> => {
    const { signal } = options;
    if (isClosed) return unsent(hop, refused("GUARD_CLOSED", hop));
    if (signal.aborted) return unsent(hop, signal.reason);
    const headers = flatHeaders(hop);
    if (headers === null) return unsent(hop, refused("HEADER_REFUSED", hop));
    if (!hop.path.startsWith("/")) return unsent(hop, refused("URL_INVALID", hop)); // undici would take a whole URL here
    const streamed: RequestStream | undefined =
      hop.body instanceof ReadableStream ? requestStream(hop.body) : undefined;
    const mark = ready.hasHead(hop) ? ready.wire.expect(hop) : null;
    if (mark !== null) headers.push(mark.name, mark.value);
    const added = mark !== null || hop.added === undefined ? null : openAdded(hop.added);
    for (const [name, value] of added?.headers ?? []) headers.push(name, value);
    const request = {
      __proto__: null, // undici asks for much that is not here, and must not find it on `Object.prototype`
      origin: hop.origin,
      path: added === null ? hop.path : withQuery(hop.path, added.query),
      method: hop.method,
      headers,
      body: streamed?.chunks ?? hop.body,
    } as HopDispatch;
    const exchange = new Exchange(hop, options, {
      maxInflatedBytes,
      peer: () => request.peer,
      abandonBody: streamed?.abandon ?? nothingToAbandon,
      hasBodyFailed: streamed?.hasFailed ?? neverFails,
      over: () => mark !== null && ready.wire.forget(mark),
    });
    ready.dispatch(hop, request, exchange);
    return exchange.answer;
  };

  return {
    kind: "undici",
    codings: ACCEPTED,
    send(hop, options) {
      if (agents !== undefined) return dispatch(agents, hop, options);
      return loading.then(
        (loaded) => dispatch(loaded, hop, options),
        (error: unknown) => {
          options.sending.failed(faultOf(error));
          return unsent(hop, networkFault(error));
        },
      );
    },
    async close() {
      isClosed = true;
      await (await loading).destroy();
    },
  };
}

async function load(settings: TransportSettings, passage: Passage): Promise<Agents> {
  const { createAgents } = await import("./undici-agents.js");
  return createAgents(settings, passage);
}
