import { GuardError } from "../../errors/guard-error.js";
import { FRAMING } from "../../request/headers.js";
import { Exchange } from "../exchange.js";
import { refused, unsent } from "../refuse.js";
import { type RequestStream, requestStream } from "../request-body.js";
import type { Connections, HopRequest, HopResponse, SendOptions } from "../transport.js";
import type { TransportSettings } from "../transport-options.js";
import type { Outgoing } from "./carrier.js";
import type { Connection } from "./connection.js";
import { Account, type Caller, type Place, type Share } from "./pool.js";

/** What the connections of all sessions have in common. */
export interface Shared {
  readonly settings: TransportSettings;
  placeOf(hop: HopRequest): Place<Connection>;
}

/**
 * Whether a name says how the message is framed or routed: the transport says that itself, from what it really sends.
 * undici would take its TLS server name from a `host` header.
 */
const isTransports = (name: string): boolean => name === "host" || FRAMING.has(name);

const namesTransports = ({ headers, added }: HopRequest): boolean =>
  headers.some(([name]) => isTransports(name.toLowerCase())) || added?.names.some(isTransports) === true;

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
    if (namesTransports(hop)) return unsent(hop, refused("HEADER_REFUSED", hop));
    if (!hop.path.startsWith("/")) return unsent(hop, refused("URL_INVALID", hop)); // undici would take a whole URL here
    const share = this.#account.at(this.#shared.placeOf(hop));
    const call = new Call(hop, options, share, this.#shared.settings);
    if (!share.request(call)) call.refuse(refused("SESSION_BUSY", hop));
    return call.exchange.answer;
  }

  close(code: "SESSION_CLOSED" | "GUARD_CLOSED" = "SESSION_CLOSED"): Promise<void> {
    this.#onClose();
    return this.#account.close(new GuardError(code, { sent: false }));
  }
}

/** One request on its way to a connection. */
class Call implements Caller<Connection>, Outgoing {
  readonly hop: HopRequest;
  readonly exchange: Exchange;
  readonly upload: RequestStream | null;
  #connection: Connection | null = null;

  constructor(hop: HopRequest, options: SendOptions, share: Share<Connection>, settings: TransportSettings) {
    this.hop = hop;
    this.upload = hop.body instanceof ReadableStream ? requestStream(hop.body) : null;
    this.exchange = new Exchange(hop, options, {
      maxInflatedBytes: settings.maxInflatedBytes,
      headersTimeoutMs: settings.headersTimeoutMs,
      peer: () => this.#connection?.peer,
      abandonBody: this.upload?.abandon ?? (() => {}),
      hasBodyFailed: this.upload?.hasFailed ?? (() => false),
      over: () => share.leave(this),
    });
  }

  take(connection: Connection): void {
    this.#connection = connection;
    connection.send(this);
  }

  refuse(error: GuardError): void {
    this.exchange.refuse(error);
  }
}
