import { GuardError } from "../../errors/guard-error.js";
import { FRAMING } from "../../request/headers.js";
import { openAdded, withQuery } from "../added.js";
import { Exchange } from "../exchange.js";
import { refused, unsent } from "../refuse.js";
import { type RequestStream, requestStream } from "../request-body.js";
import type { Connections, HopRequest, HopResponse, SendOptions } from "../transport.js";
import type { TransportSettings } from "../transport-options.js";
import type { Connection } from "./connection.js";
import { Account, type Caller, type Place, type Share } from "./pool.js";
import type { Dispatcher } from "./undici.js";
import type { Mark, Wire } from "./wire.js";

/** What the connections of all sessions have in common. */
export interface Shared {
  readonly settings: TransportSettings;
  readonly wire: Wire;
  /** Whether the request is certain to be written as text: not where HTTP/2 may be spoken. */
  hasHead(hop: HopRequest): boolean;
  placeOf(hop: HopRequest): Place<Connection>;
}

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

/** The connections of one session, and the calls of it that wait for one. */
export class SessionConnections implements Connections {
  readonly #shared: Shared;
  readonly #account: Account<Connection>;
  readonly #onClose: () => void;

  constructor(shared: Shared, onClose: () => void) {
    this.#onClose = onClose;
    const { connectionsPerOrigin, connectionsPerSession, waitingPerSession } = shared.settings;
    this.#shared = shared;
    this.#account = new Account({
      perPlace: connectionsPerOrigin,
      perSession: connectionsPerSession,
      waitingPerSession,
    });
  }

  send(hop: HopRequest, options: SendOptions): Promise<HopResponse> {
    const { signal } = options;
    if (signal.aborted) return unsent(hop, signal.reason);
    const headers = flatHeaders(hop);
    if (headers === null) return unsent(hop, refused("HEADER_REFUSED", hop));
    if (!hop.path.startsWith("/")) return unsent(hop, refused("URL_INVALID", hop)); // undici would take a whole URL here
    const share = this.#account.at(this.#shared.placeOf(hop));
    const call = new Call(hop, headers, options, share, this.#shared);
    if (!share.request(call)) call.refuse(refused("SESSION_BUSY", hop));
    return call.exchange.answer;
  }

  close(code: "SESSION_CLOSED" | "GUARD_CLOSED" = "SESSION_CLOSED"): Promise<void> {
    this.#onClose();
    return this.#account.close(new GuardError(code, { sent: false }));
  }
}

/** One request on its way to a connection. */
class Call implements Caller<Connection> {
  readonly exchange: Exchange;
  readonly #hop: HopRequest;
  readonly #request: Dispatcher.DispatchOptions;
  #connection: Connection | null = null;

  constructor(
    hop: HopRequest,
    headers: string[],
    options: SendOptions,
    share: Share<Connection>,
    { settings, wire, hasHead }: Shared,
  ) {
    const streamed: RequestStream | null = hop.body instanceof ReadableStream ? requestStream(hop.body) : null;
    const mark: Mark | null = hasHead(hop) ? wire.expect(hop) : null;
    if (mark !== null) headers.push(mark.name, mark.value);
    const added = mark !== null || hop.added === undefined ? null : openAdded(hop.added);
    for (const [name, value] of added?.headers ?? []) headers.push(name, value);
    this.#hop = hop;
    this.#request = {
      __proto__: null, // undici asks for much that is not here, and must not find it on `Object.prototype`
      origin: hop.origin,
      path: added === null ? hop.path : withQuery(hop.path, added.query),
      method: hop.method,
      headers,
      body: streamed?.chunks ?? hop.body,
    } as Dispatcher.DispatchOptions;
    this.exchange = new Exchange(hop, options, {
      maxInflatedBytes: settings.maxInflatedBytes,
      peer: () => this.#connection?.peer,
      abandonBody: streamed?.abandon ?? (() => {}),
      hasBodyFailed: streamed?.hasFailed ?? (() => false),
      over: () => {
        if (mark !== null) wire.forget(mark);
        share.leave(this);
      },
    });
  }

  take(connection: Connection): void {
    this.#connection = connection;
    connection.send(this.#hop, this.#request, this.exchange);
  }

  refuse(error: GuardError): void {
    this.exchange.refuse(error);
  }
}
