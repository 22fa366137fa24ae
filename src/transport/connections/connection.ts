import type { Socket } from "node:net";
import type { TransportSettings } from "../transport-options.js";
import type { Carrier, CarrierEvents, Outgoing, Peer } from "./carrier.js";
import type { Connect } from "./connector.js";
import { Http1Carrier } from "./http1-carrier.js";
import { Http2Carrier, isOverheard } from "./http2-carrier.js";
import type { Pooled, Share } from "./pool.js";
import type { Wire } from "./wire.js";

/** What connections to one place have in common. */
export interface ConnectionParts {
  readonly origin: string;
  readonly settings: TransportSettings;
  readonly connect: Connect;
  /** Connects so that the server may choose HTTP/2; null where it is not spoken. */
  readonly connectForHttp2: Connect | null;
  readonly wire: Wire;
}

/** One connection of one session, one request at a time. */
export class Connection implements Pooled {
  readonly #share: Share<Connection>;
  readonly #parts: ConnectionParts;
  #carrier: Carrier | null;
  #current: CarrierEvents | null = null;
  #isClosed = false;

  constructor(share: Share<Connection>, parts: ConnectionParts) {
    this.#share = share;
    this.#parts = parts;
    this.#carrier = parts.connectForHttp2 === null ? this.#http1(parts.connect) : null;
  }

  get isOpen(): boolean {
    return this.#carrier?.isOpen === true;
  }

  get peer(): Peer | undefined {
    return this.#carrier?.peer;
  }

  /** Sends the request. The exchange is told of everything that happens, also of errors here. */
  send(call: Outgoing): void {
    const { connectForHttp2 } = this.#parts;
    const isHidden = call.hop.added !== undefined;
    if (this.#carrier instanceof Http2Carrier && isHidden && isOverheard()) {
      // A subscriber would be shown the credential. HTTP/1.1 has a mark in its place.
      this.#carrier.destroy().catch(() => {});
      this.#carrier = this.#http1(this.#parts.connect);
    }
    if (this.#carrier !== null) this.#carrier.send(call);
    else if (connectForHttp2 === null || (isHidden && isOverheard())) {
      this.#carrier = this.#http1(this.#parts.connect);
      this.#carrier.send(call);
    } else this.#negotiate(connectForHttp2, call);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#carrier?.destroy();
  }

  /** The server says which version of HTTP it will be. */
  #negotiate(connect: Connect, call: Outgoing): void {
    const { origin, settings } = this.#parts;
    connect(targetOf(origin), (...outcome) => {
      const [error, socket, peer] = outcome;
      if (error !== null || this.#isClosed) {
        socket?.destroy();
        call.exchange.onError(error ?? new Error("the connection was closed"));
        this.#share.release(this, false);
        return;
      }
      this.#carrier = isHttp2(socket)
        ? new Http2Carrier(origin, socket, peer, settings, this.#events())
        : this.#http1(onceWith(socket, peer, this.#parts.connect));
      this.#carrier.send(call);
    });
  }

  #http1(connect: Connect): Http1Carrier {
    const { origin, settings, wire } = this.#parts;
    return new Http1Carrier(origin, settings, connect, wire, this.#events());
  }

  /** For the next carrier: one that was replaced is listened to no more. */
  #events(): CarrierEvents {
    const events: CarrierEvents = {
      // It rests for a turn of the event loop: a server that hangs up behind its response is then known to have done so.
      free: (isReusable) => {
        if (this.#current !== events) return;
        if (isReusable) setImmediate(() => this.#share.release(this, true));
        else this.#share.release(this, false);
      },
      gone: () => {
        if (this.#current === events) this.#share.discard(this);
      },
    };
    this.#current = events;
    return events;
  }
}

const isHttp2 = (socket: Socket): boolean => (socket as { alpnProtocol?: unknown }).alpnProtocol === "h2";

/** A socket that is there, and then whatever `connect` opens. */
function onceWith(socket: Socket, peer: Peer, connect: Connect): Connect {
  let first: Socket | null = socket;
  return (target, callback) => {
    const given = first;
    first = null;
    if (given === null || given.destroyed) connect(target, callback);
    else callback(null, given, peer);
  };
}

/** As undici names a place to its connectors. */
function targetOf(origin: string): Parameters<Connect>[0] {
  const { protocol, hostname, host, port } = new URL(origin);
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ""), host, port };
}
