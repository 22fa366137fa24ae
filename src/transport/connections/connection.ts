import type { Socket } from "node:net";
import { bare } from "../../request/captured.js";
import type { Exchange, RawValue } from "../exchange.js";
import type { HopRequest } from "../transport.js";
import type { TransportSettings } from "../transport-options.js";
import type { Connect, Peer } from "./connector.js";
import type { Pooled, Share } from "./pool.js";
import { Incoming, mayBeFollowed } from "./reuse.js";
import { type buildConnector, Client, type Dispatcher } from "./undici.js";
import type { Wire } from "./wire.js";

/** What connections to one place have in common. */
export interface ConnectionParts {
  readonly origin: string;
  readonly connect: Connect;
  readonly settings: TransportSettings;
  /** Null where HTTP/2 may be spoken, which has no heads of text. */
  readonly wire: Wire | null;
}

/**
 * One connection of one session, one request at a time. It is undici's handler of the request under way, so that it sees when
 * the connection may be used again; everything else it hands on to the exchange.
 */
export class Connection implements Pooled {
  readonly share: Share<Connection>;
  readonly #client: Client;
  #socket: Socket | undefined;
  #peer: Peer | undefined;
  #incoming: Incoming | null = null;
  #exchange: Exchange | null = null;
  #isFollowable = false;
  /** The request has been written to its end, as far as undici goes. */
  #isSent = false;
  /** The response began before the request had ended. */
  #isEarly = false;
  #isChunked = false;
  #lastData: Uint8Array | null = null;

  constructor(share: Share<Connection>, parts: ConnectionParts) {
    this.share = share;
    const { origin, settings } = parts;
    this.#client = new Client(
      origin,
      bare<Client.Options>({
        headersTimeout: settings.headersTimeoutMs,
        bodyTimeout: settings.bodyTimeoutMs,
        keepAliveTimeout: settings.keepAliveMs,
        connect: (target: buildConnector.Options, callback: buildConnector.Callback) =>
          this.#connect(parts, target, callback),
      }),
    );
    this.#client.on("disconnect", () => {
      if (this.#exchange === null) this.share.discard(this);
    });
  }

  get isOpen(): boolean {
    return this.#socket?.destroyed === false && !this.#client.destroyed;
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** Sends the request. The exchange is told of everything that happens, also of errors here. */
  send(hop: HopRequest, request: Dispatcher.DispatchOptions, exchange: Exchange): void {
    this.#exchange = exchange;
    this.#isFollowable = mayBeFollowed(hop);
    this.#isSent = false;
    this.#isEarly = false;
    this.#isChunked = false;
    this.#lastData = null;
    if (!this.#isFollowable) request.reset = true; // says `connection: close`
    this.#client.dispatch(request, this);
  }

  async close(): Promise<void> {
    await undefined; // undici may be in the middle of telling how the request ended
    await this.#client.destroy();
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#incoming?.expect();
    this.#exchange?.onConnect(abort);
  }

  onRequestSent(): void {
    this.#isSent = true;
  }

  onResponseStarted(): void {
    this.#isEarly = !this.#isSent || (this.#socket?.writableLength ?? 0) > 0;
  }

  onHeaders(status: number, rawHeaders: readonly RawValue[], resume: () => void, statusText?: string): boolean {
    if (status >= 200) this.#isChunked = hasTransferEncoding(rawHeaders);
    return this.#exchange?.onHeaders(status, rawHeaders, resume, statusText) ?? true;
  }

  onData(chunk: Uint8Array): boolean {
    if (!this.#isChunked) this.#lastData = chunk;
    return this.#exchange?.onData(chunk) ?? true;
  }

  onComplete(trailers?: unknown): void {
    const isExact = this.#incoming?.endedExactly(this.#lastData) ?? true;
    const isReusable = this.#incoming === null || (this.#isFollowable && !this.#isEarly && isExact);
    this.#over((exchange) => exchange.onComplete(trailers), isReusable);
  }

  onError(error: Error): void {
    // With HTTP/2, what ends one request does not end the connection.
    this.#over((exchange) => exchange.onError(error), this.#incoming === null);
  }

  #over(tell: (exchange: Exchange) => void, isReusable: boolean): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    this.#lastData = null;
    tell(exchange);
    // It rests for a turn of the event loop: a server that hangs up behind its response is then known to have done so.
    if (isReusable) setImmediate(() => this.share.release(this, true));
    else this.share.release(this, false);
  }

  #connect(
    { origin, connect, wire }: ConnectionParts,
    target: buildConnector.Options,
    callback: buildConnector.Callback,
  ) {
    connect(target, (...outcome) => {
      const [error, socket, peer] = outcome;
      this.#peer = peer;
      if (error !== null) return callback(error, null);
      this.#socket = socket;
      this.#incoming = isHttp2(socket) ? null : new Incoming(socket);
      wire?.watch(socket, origin);
      callback(null, socket);
    });
  }
}

const isHttp2 = (socket: Socket): boolean => (socket as { alpnProtocol?: unknown }).alpnProtocol === "h2";

const TRANSFER_ENCODING = "transfer-encoding";

/** Raw headers alternate between name and value. */
function hasTransferEncoding(raw: readonly RawValue[]): boolean {
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as Uint8Array | string;
    if (name.length === TRANSFER_ENCODING.length && String(name).toLowerCase() === TRANSFER_ENCODING) return true;
  }
  return false;
}
