import { type ConfigurationProblem, GuardError, OptionsError } from "../errors.js";
import { Exchange } from "./exchange.js";
import { networkFault, noteSent, targetOf } from "./faults.js";
import { type Passage, requestPassage } from "./passage.js";
import { type Resolver, systemResolver } from "./pinned-lookup.js";
import { type RequestStream, requestStream } from "./request-body.js";
import type { HopRequest, HopResponse, Transport } from "./transport.js";
import type { Agents, ConnectionSettings, HopDispatch } from "./undici-agents.js";

/** Options of {@link createUndiciTransport}. Times are milliseconds; 0 switches a time-out off. */
export interface UndiciTransportOptions {
  /** Resolves names. Default: the operating system's resolver. Its answers are checked like any others. */
  readonly lookup?: Resolver;
  /** PEM certificates of authorities to trust besides the public ones, such as a company's own. Default none. */
  readonly ca?: string | readonly string[];
  /** Until a connection, TLS included, is open. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Until the answer's headers are complete. Default 300,000, as in fetch. */
  readonly headersTimeoutMs?: number;
  /** Between two chunks of the answer, while it is being read. Default 300,000, as in fetch. */
  readonly bodyTimeoutMs?: number;
  /** How long an idle connection is kept, unless the server says otherwise. At least 1. Default 4,000. */
  readonly keepAliveMs?: number;
  /** Connections per origin and address rule; further calls wait. Default 256. */
  readonly connectionsPerOrigin?: number;
  /** What a compressed body may decode to. Default 256 MiB. */
  readonly maxInflatedBytes?: number;
}

const DEFAULTS = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 300_000,
  bodyTimeoutMs: 300_000,
  keepAliveMs: 4_000,
  connectionsPerOrigin: 256,
  maxInflatedBytes: 256 * 1024 * 1024,
} as const satisfies Required<Omit<UndiciTransportOptions, "lookup" | "ca">>;

const AT_LEAST_ONE: ReadonlySet<string> = new Set(["keepAliveMs", "connectionsPerOrigin", "maxInflatedBytes"]);

function checkOptions(options: UndiciTransportOptions): Required<UndiciTransportOptions> {
  const problems: ConfigurationProblem[] = [];
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const report = (message: string): void => void problems.push({ pointer: `/${name}`, message });
    if (value === undefined) continue;
    if (name === "lookup") {
      if (typeof value !== "function") report("must be a function");
      continue;
    }
    if (name === "ca") {
      const isPem = (text: unknown): boolean =>
        typeof text === "string" && text.includes("-----BEGIN CERTIFICATE-----");
      if (![value].flat().every(isPem)) report("must be PEM certificates");
      continue;
    }
    if (!Object.hasOwn(DEFAULTS, name)) {
      report("is not an option of the transport");
      continue;
    }
    const least = AT_LEAST_ONE.has(name) ? 1 : 0;
    if (!Number.isSafeInteger(value) || Number(value) < least) report(`must be a whole number of at least ${least}`);
  }
  if (problems.length > 0) throw new OptionsError(problems);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...DEFAULTS, lookup: systemResolver, ca: [], ...given };
}

/**
 * Names that say how the message is framed or routed: the transport says that itself, from what it really sends. undici
 * would take its TLS server name from a `host` header.
 */
const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Header pairs as undici's flat list; null when one of them is not the caller's to set. */
function flatHeaders(hop: HopRequest): string[] | null {
  const flat: string[] = [];
  for (const [name, value] of hop.headers) {
    if (FRAMING.has(name.toLowerCase())) return null;
    flat.push(name, value);
  }
  return flat;
}

const refused = (code: "HEADER_REFUSED" | "URL_INVALID" | "GUARD_CLOSED", hop: HopRequest): GuardError =>
  new GuardError(code, { target: targetOf(hop), sent: false });

/** Ends a call that no connection has seen. */
function unsent(hop: HopRequest, error: unknown): Promise<never> {
  noteSent(error, "no");
  if (hop.body instanceof ReadableStream) hop.body.cancel(error).catch(nothingToAbandon);
  return Promise.reject(error);
}

const nothingToAbandon = (): void => {};

/**
 * The transport that is meant for real use: undici's connections under our own check of every address, and none of its fetch.
 *
 * @throws OptionsError listing every wrong option.
 */
export function createUndiciTransport(
  options: UndiciTransportOptions = {},
  passage: Passage = requestPassage(),
): Transport {
  const { lookup, maxInflatedBytes, ca, ...limits } = checkOptions(options);
  let agents: Agents | undefined;
  let isClosed = false;

  // undici takes longer to load than everything else together: not at import, but from now on.
  const loading = load(lookup, { ...limits, ca: [ca].flat() }, passage).then((loaded) => {
    agents = loaded;
    return loaded;
  });
  loading.catch(nothingToAbandon); // reported by the first call instead

  const dispatch = (ready: Agents, hop: HopRequest, signal: AbortSignal): Promise<HopResponse> => {
    if (isClosed) return unsent(hop, refused("GUARD_CLOSED", hop));
    if (signal.aborted) return unsent(hop, signal.reason);
    const headers = flatHeaders(hop);
    if (headers === null) return unsent(hop, refused("HEADER_REFUSED", hop));
    if (!hop.path.startsWith("/")) return unsent(hop, refused("URL_INVALID", hop)); // undici would take a whole URL here
    const streamed: RequestStream | undefined =
      hop.body instanceof ReadableStream ? requestStream(hop.body) : undefined;
    const request: HopDispatch = {
      origin: hop.origin,
      path: hop.path,
      method: hop.method,
      headers,
      body: (streamed?.chunks ?? hop.body) as HopDispatch["body"] & object,
    };
    const exchange = new Exchange(hop, signal, {
      maxInflatedBytes,
      peerAddress: () => request.peer?.address,
      abandonBody: streamed?.abandon ?? nothingToAbandon,
    });
    ready.dispatch(hop.addresses, request, exchange);
    return exchange.answer;
  };

  return {
    kind: "undici",
    send(hop, { signal }) {
      if (agents !== undefined) return dispatch(agents, hop, signal);
      return loading.then(
        (loaded) => dispatch(loaded, hop, signal),
        (error: unknown) => unsent(hop, networkFault(error, "no")),
      );
    },
    async close() {
      isClosed = true;
      await (await loading).destroy();
    },
  };
}

async function load(resolve: Resolver, settings: ConnectionSettings, passage: Passage): Promise<Agents> {
  const { createAgents } = await import("./undici-agents.js");
  return createAgents(resolve, settings, passage);
}
