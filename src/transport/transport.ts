import type { AddressRule } from "../request/address.js";
import type { Added } from "./added.js";
import type { Sending } from "./sending.js";

/** Header names and values in wire order; a repeated name is a repeated pair. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** One request as it goes on the wire: judged, approved and with its credential. Nothing else is added but framing and `host`. */
export interface HopRequest {
  readonly method: string;
  /** The canonical URL, without a fragment. Only named in errors; `origin` and `path` are what is sent. */
  readonly url: string;
  /** Scheme, host and port, as {@link URL.origin} writes them. */
  readonly origin: string;
  /** Path and query, exactly as sent. Starts with a slash. */
  readonly path: string;
  /** Final headers. Framing and hop-by-hop names are refused. */
  readonly headers: HeaderPairs;
  /** The credential: further header fields and a further query, put in when the head is written. */
  readonly added?: Added;
  /** Bytes are sent with their length; a stream is sent chunked, read only as fast as the peer takes it. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** The service's name in the policy: says which connection settings and which client certificate are its own. */
  readonly service?: string;
  /** Where the service may be reached. One function per service: a connection is used for requests with the same rule only. */
  readonly addresses: AddressRule;
  /**
   * Whether the service is known to read every body to its end: then a connection may be used again after a request with a
   * body, and after one that is not safe. Default false.
   */
  readonly reuse?: boolean | undefined;
  /**
   * Asked when a connection has taken the request, and nothing of it is written yet: what it answers is thrown, and nothing is
   * sent. Not asked by the `fetch` transport, which is not told of that moment.
   */
  readonly objection?: (() => Error | null) | undefined;
  /** Makes of a text, in which a service may have had a say, one that an error may hold. Without it, errors hold it as it is. */
  readonly redact?: ((text: string) => string) | undefined;
}

/** What a transport does about `content-encoding`: nothing to do, undone, or a coding it does not know. */
export type ContentCoding = "none" | "decoded" | "unknown";

/** The answer, from the moment its headers are complete. */
export interface HopResponse {
  readonly status: number;
  readonly statusText: string;
  /** As received, names in lower case; `content-length` and `content-encoding` describe the bytes before decoding. */
  readonly headers: HeaderPairs;
  /** The address that answered, where the transport knows it; through a proxy, the one it was asked for. */
  readonly peerAddress?: string;
  /** Host and port of the proxy in between. */
  readonly proxy?: string;
  /** With `unknown` the body's bytes are still encoded: nobody can look into them. */
  readonly coding: ContentCoding;
  /** Null for HEAD and for the statuses that never have a body (204, 205, 304). Otherwise read it or cancel it. */
  readonly body: BodySource | null;
}

/**
 * A body that is pulled. While nobody reads, at most a small fixed amount is buffered and the peer is made to wait.
 */
export interface BodySource {
  /**
   * The next chunk, or null at the end. Rejects when the body breaks off or the call is aborted. One read at a time. A
   * chunk belongs to the reader, who may hand its memory on; who still needs it gives away a copy.
   */
  read(): Promise<Uint8Array | null>;
  /**
   * The whole body, where all of it has arrived and none was read; null otherwise. Afterwards the body is at its end. Saves
   * the turns that reading takes.
   */
  arrived?(): Uint8Array | null;
  /**
   * Tells of a body that breaks off while nobody reads it: at once, where it has. Not of one that is being read, whose reader is
   * told. At most one listener, called at most once.
   */
  onBroken?(listener: (error: unknown) => void): void;
  /** Gives the body up: the connection is closed unless the body had arrived completely. Never throws. */
  cancel(reason?: unknown): void;
}

/** What belongs to one sending and is not on the wire. */
export interface SendOptions {
  readonly signal: AbortSignal;
  readonly sending: Sending;
}

/** Sends hops. Follows no redirect, retries nothing, keeps no cookies. */
export interface Transport {
  /** `fetch` means that addresses are not checked, and that connections are not the guard's own. */
  readonly kind: "undici" | "fetch";
  /** The value of `accept-encoding`: codings that it undoes. Like fetch, fewer for `http`, where old proxies may be on the way. */
  readonly codings: Readonly<Record<"http" | "https", string>>;
  /**
   * Connections for one session. What has gone over one of them never shares a connection with another session's bytes. Costs
   * nothing before something is sent.
   */
  connections(): Connections;
  /** Closes all connections of all sessions; what is under way fails. */
  close(): Promise<void>;
}

/** The connections of one session. */
export interface Connections {
  /**
   * @param options.sending is told how far the request got, whatever the error that is thrown looks like.
   * @throws TypeError `fetch failed` for network faults, with the fault as `cause`, like every fetch.
   * @throws GuardError `ADDRESS_REFUSED`, before a connection is opened; `SESSION_BUSY` where too many calls of the session
   *   wait for a connection already.
   * @throws the signal's reason, when it aborts: before, while connecting, while waiting, or (from `read`) in the body.
   */
  send(hop: HopRequest, options: SendOptions): Promise<HopResponse>;
  /** Closes them; what is under way fails. Settles once the sockets are gone. */
  close(): Promise<void>;
}
