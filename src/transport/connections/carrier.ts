import type { Exchange } from "../exchange.js";
import type { RequestStream } from "../request-body.js";
import type { HopRequest } from "../transport.js";

/** What is known of the far end of a connection. */
export interface Peer {
  /** The address that was connected to, or that a proxy was asked for. */
  readonly address: string | undefined;
  /** The proxy in between. */
  readonly proxy: string | undefined;
}

/** A request to be sent, and who is told of everything that happens to it. */
export interface Outgoing {
  readonly hop: HopRequest;
  readonly exchange: Exchange;
  /** The body, where it flows. */
  readonly upload: RequestStream | null;
}

/** What carries requests over one socket in one version of HTTP, one at a time. */
export interface Carrier {
  /** Whether another request can follow. */
  readonly isOpen: boolean;
  readonly peer: Peer | undefined;
  /** Sends it. Errors are told to the exchange. */
  send(call: Outgoing): void;
  /** Closes the socket; what is under way fails. Settles once the socket is gone; never rejects. */
  destroy(): Promise<void>;
}

/** What a carrier tells of itself. */
export interface CarrierEvents {
  /** The request is over, with or without a response. `isReusable`: another one of the same session may follow. */
  free(isReusable: boolean): void;
  /** The socket was closed while nothing was under way. */
  gone(): void;
}
