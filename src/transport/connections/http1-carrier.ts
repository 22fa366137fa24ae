import type { Socket } from "node:net";
import { bare } from "../../request/captured.js";
import type { Exchange, RawValue } from "../exchange.js";
import type { TransportSettings } from "../transport-options.js";
import type { Carrier, CarrierEvents, Outgoing, Peer } from "./carrier.js";
import type { Connect } from "./connector.js";
import { Incoming, mayBeFollowed } from "./reuse.js";
import { type buildConnector, Client, type Dispatcher } from "./undici.js";
import type { Mark, Wire } from "./wire.js";

/**
 * Requests of HTTP/1.1, written and read by undici. It is undici's handler of the request under way, so that it sees when
 * the connection may be used again; everything else it hands on to the exchange.
 */
export class Http1Carrier implements Carrier {
  /** Which of undici's two kinds of handlers this is. Its own: `Object.prototype` is not asked. */
  readonly onRequestStart: () => void = undefined as unknown as () => void;
  readonly #client: Client;
  readonly #wire: Wire;
  readonly #events: CarrierEvents;
  #socket: Socket | undefined;
  #peer: Peer | undefined;
  #incoming: Incoming | undefined;
  #exchange: Exchange | null = null;
  #mark: Mark | null = null;
  #isFollowable = false;
  /** The request has been written to its end, as far as undici goes. */
  #isSent = false;
  /** The response began before the request had ended. */
  #isEarly = false;
  #isChunked = false;
  #lastData: Uint8Array | null = null;

  constructor(origin: string, settings: TransportSettings, connect: Connect, wire: Wire, events: CarrierEvents) {
    this.#wire = wire;
    this.#events = events;
    const { headersTimeoutMs: headersTimeout, bodyTimeoutMs: bodyTimeout, keepAliveMs: keepAliveTimeout } = settings;
    const dial = (target: buildConnector.Options, callback: buildConnector.Callback): void =>
      connect(target, (...outcome) => {
        const [error, socket, peer] = outcome;
        this.#peer = peer;
        if (error !== null) return callback(error, null);
        this.#socket = socket;
        this.#incoming = new Incoming(socket);
        wire.watch(socket, origin);
        callback(null, socket);
      });
    this.#client = new Client(
      origin,
      bare<Client.Options>({ headersTimeout, bodyTimeout, keepAliveTimeout, connect: dial }),
    );
    this.#client.on("disconnect", () => {
      if (this.#exchange === null) events.gone();
    });
  }

  get isOpen(): boolean {
    return this.#socket?.destroyed === false && !this.#client.destroyed;
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }

  send({ hop, exchange, upload }: Outgoing): void {
    const mark = this.#wire.expect(hop);
    const headers: string[] = [];
    for (const [name, value] of hop.headers) headers.push(name, value);
    headers.push(mark.name, mark.value);
    this.#exchange = exchange;
    this.#mark = mark;
    this.#isFollowable = mayBeFollowed(hop);
    this.#isSent = false;
    this.#isEarly = false;
    this.#isChunked = false;
    this.#lastData = null;
    const request = {
      __proto__: null, // undici asks for much that is not here, and must not find it on `Object.prototype`
      origin: hop.origin,
      path: hop.path,
      method: hop.method,
      headers,
      body: upload?.chunks ?? hop.body,
      reset: this.#isFollowable ? null : true, // says `connection: close`
    } as unknown as Dispatcher.DispatchOptions;
    this.#client.dispatch(request, this);
  }

  async destroy(): Promise<void> {
    await undefined; // undici may be in the middle of telling how the request ended
    await this.#client.destroy();
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#incoming?.expect();
    this.#exchange?.onConnect(abort);
  }

  onBodySent(): void {
    this.#exchange?.onProgress();
  }

  onRequestSent(): void {
    this.#isSent = true;
    this.#exchange?.onProgress();
  }

  onResponseStarted(): void {
    this.#isEarly = !this.#isSent || (this.#socket?.writableLength ?? 0) > 0;
  }

  onHeaders(status: number, rawHeaders: readonly RawValue[], resume: () => void, statusText?: string): boolean {
    if (status >= 200) this.#isChunked = hasTransferEncoding(rawHeaders);
    // undici starts its time-out anew with each hint of a response.
    else this.#exchange?.awaitHeader(() => !this.#isSent && this.#socket?.writableNeedDrain === false);
    return this.#exchange?.onHeaders(status, rawHeaders, resume, statusText) ?? true;
  }

  onData(chunk: Uint8Array): boolean {
    if (!this.#isChunked) this.#lastData = chunk;
    return this.#exchange?.onData(chunk) ?? true;
  }

  onComplete(): void {
    const isExact = this.#incoming?.endedExactly(this.#lastData) === true;
    this.#over((exchange) => exchange.onComplete(), this.#isFollowable && !this.#isEarly && isExact);
  }

  onError(error: Error): void {
    this.#over((exchange) => exchange.onError(error), false);
  }

  #over(tell: (exchange: Exchange) => void, isReusable: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    this.#lastData = null;
    if (this.#mark !== null) this.#wire.forget(this.#mark);
    tell(exchange);
    this.#events.free(isReusable);
  }
}

const TRANSFER_ENCODING = "transfer-encoding";

/** Raw headers alternate between name and value. */
function hasTransferEncoding(raw: readonly RawValue[]): boolean {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as Uint8Array | string;
    if (name.length === TRANSFER_ENCODING.length && String(name).toLowerCase() === TRANSFER_ENCODING) return true;
  }
  return false;
}
