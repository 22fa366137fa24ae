import { channel } from "node:diagnostics_channel";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  sensitiveHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { bare } from "../../request/captured.js";
import { openAdded, withQuery } from "../added.js";
import type { Exchange } from "../exchange.js";
import type { HopRequest } from "../transport.js";
import type { TransportSettings } from "../transport-options.js";
import type { Carrier, CarrierEvents, Outgoing, Peer } from "./carrier.js";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/** How much may be on its way to us unread: of one response, and of the whole connection. As in undici. */
const STREAM_WINDOW = 262_144;
const CONNECTION_WINDOW = 524_288;

/** The channels on which later versions of Node show streams of HTTP/2, and with them what was sent on them. */
const CHANNELS = "created start error finish close bodyChunkSent bodySent"
  .split(" ")
  .map((name) => channel(`http2.client.stream.${name}`));

/** Whether a subscriber would be shown the header fields of a request. */
export const isOverheard = (): boolean => CHANNELS.some(({ hasSubscribers }) => hasSubscribers);

/** A fault of the connection or the stream, in undici's words for those of HTTP/1.1. */
class StreamFault extends Error {
  override readonly name: string = "StreamFault";
  readonly code: string;
  constructor(
    code: "UND_ERR_SOCKET" | "UND_ERR_BODY_TIMEOUT" | "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
    message: string,
  ) {
    super(message);
    this.code = code;
  }
}

/**
 * Requests of HTTP/2, over Node's own client. It frames requests by itself, so a session may use its connection again after
 * any of them, also after one that was given up.
 */
export class Http2Carrier implements Carrier {
  readonly peer: Peer;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #settings: TransportSettings;
  readonly #events: CarrierEvents;
  readonly #closed: Promise<void>;
  #isEnding = false;
  #isBusy = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(origin: string, socket: Socket, peer: Peer, settings: TransportSettings, events: CarrierEvents) {
    this.peer = peer;
    this.#socket = socket;
    this.#settings = settings;
    this.#events = events;
    this.#closed = new Promise((resolve) => socket.once("close", () => resolve()));
    const session = connect(
      origin,
      bare({
        createConnection: () => socket,
        settings: bare({ enablePush: false, initialWindowSize: STREAM_WINDOW }),
      }),
    );
    this.#session = session;
    session.once("connect", () => session.setLocalWindowSize(CONNECTION_WINDOW));
    session.on("error", () => {}); // the request under way is told, and `close` follows
    session.on("goaway", () => {
      this.#isEnding = true;
    });
    session.on("close", () => {
      clearTimeout(this.#idle);
      if (!this.#isBusy) events.gone();
    });
  }

  get isOpen(): boolean {
    return !this.#isEnding && !this.#session.closed && !this.#session.destroyed;
  }

  send(call: Outgoing): void {
    clearTimeout(this.#idle);
    this.#isBusy = true;
    this.#session.ref();
    new StreamRequest(call, this.#session, this.#settings, () => this.#free()).send();
  }

  async destroy(): Promise<void> {
    clearTimeout(this.#idle);
    this.#session.destroy();
    this.#socket.destroy(); // a session that ends by itself waits for the server to close it
    await this.#closed;
  }

  #free(): void {
    this.#isBusy = false;
    if (!this.#session.destroyed) {
      this.#session.unref();
      this.#idle = setTimeout(() => this.#session.close(), this.#settings.keepAliveMs);
      this.#idle.unref();
    }
    this.#events.free(this.isOpen);
  }
}

/** One request on a stream of its own. Tells the exchange how it ends once, and is over when the stream is closed. */
class StreamRequest {
  readonly #call: Outgoing;
  readonly #exchange: Exchange;
  readonly #session: ClientHttp2Session;
  readonly #settings: TransportSettings;
  readonly #onOver: () => void;
  #stream: ClientHttp2Stream | undefined;
  #isTold = false;
  #hasResponse = false;
  #isWaitingForCaller = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(call: Outgoing, session: ClientHttp2Session, settings: TransportSettings, onOver: () => void) {
    this.#call = call;
    this.#exchange = call.exchange;
    this.#session = session;
    this.#settings = settings;
    this.#onOver = onOver;
  }

  send(): void {
    const { hop, upload } = this.#call;
    this.#exchange.onConnect((reason) => this.#fail(reason ?? new StreamFault("UND_ERR_SOCKET", "given up")));
    if (this.#isTold) {
      this.#onOver(); // nothing of it was written
      return;
    }
    try {
      const headers = headersOf(hop);
      const body = upload === null ? (hop.body as Uint8Array | null) : null;
      this.#listen(
        this.#session.request(headers, bare({ endStream: upload === null && (body?.byteLength ?? 0) === 0 })),
      );
      if (body !== null && body.byteLength > 0) this.#stream?.end(body);
    } catch (error) {
      // Node does not take the header fields, or the connection has ended meanwhile.
      this.#fail(error as Error);
      if (this.#stream === undefined) this.#onOver();
      return;
    }
    this.#exchange.onProgress();
    this.#exchange.awaitHeader(() => this.#isWaitingForCaller);
    if (upload !== null) this.#upload(upload.chunks).catch((error: Error) => this.#fail(error));
  }

  #listen(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    const hint = (headers: IncomingHttpHeaders): void => this.#tell(headers, Number(headers[":status"]));
    stream.on("continue", () => this.#tell({}, 100));
    stream.on("headers", hint);
    stream.on("response", (headers) => {
      this.#hasResponse = true;
      this.#watchSilence();
      hint(headers);
    });
    stream.on("data", (chunk: Buffer) => {
      this.#silence?.refresh();
      if (!this.#exchange.onData(chunk)) stream.pause();
    });
    stream.on("end", () => this.#end(stream));
    stream.on("error", (error: Error) => this.#fail(error));
    stream.on("close", () => {
      clearTimeout(this.#silence);
      this.#fail(new StreamFault("UND_ERR_SOCKET", "the stream was closed before the response had ended"));
      this.#onOver();
    });
  }

  #tell(headers: IncomingHttpHeaders, status: number): void {
    const raw: (string | readonly string[])[] = [];
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined && !name.startsWith(":")) raw.push(name, value);
    }
    this.#exchange.onHeaders(status, raw, () => this.#stream?.resume());
  }

  #end(stream: ClientHttp2Stream): void {
    // Node ends a stream that was cancelled like one that is complete.
    if (!this.#hasResponse || stream.rstCode !== NGHTTP2_NO_ERROR) return;
    if (!this.#isTold) {
      this.#isTold = true;
      this.#exchange.onComplete();
    }
    if (!stream.writableEnded) stream.close(NGHTTP2_CANCEL); // what is left of the request nobody waits for
  }

  #fail(error: Error): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#exchange.onError(error);
    this.#stream?.close(NGHTTP2_CANCEL);
  }

  async #upload(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const stream = this.#stream as ClientHttp2Stream;
    const declared = declaredLength(this.#call.hop);
    let sent = 0;
    this.#isWaitingForCaller = true;
    for await (const chunk of chunks) {
      this.#isWaitingForCaller = false;
      if (stream.destroyed || stream.closed) return;
      sent += chunk.byteLength;
      if (sent > declared) break;
      const isTaken = stream.write(chunk);
      this.#exchange.onProgress();
      if (!isTaken) await drained(stream);
      this.#isWaitingForCaller = true;
    }
    this.#isWaitingForCaller = false;
    if (Number.isFinite(declared) && sent !== declared) throw lengthMismatch();
    stream.end();
    this.#exchange.onProgress();
  }

  /** Between two chunks of the body, while somebody reads it. */
  #watchSilence(): void {
    const { bodyTimeoutMs } = this.#settings;
    if (bodyTimeoutMs === 0) return;
    this.#silence = setTimeout(() => {
      if (this.#stream?.isPaused() === true) this.#silence?.refresh();
      else this.#fail(new StreamFault("UND_ERR_BODY_TIMEOUT", "the body took too long"));
    }, bodyTimeoutMs);
  }
}

const lengthMismatch = (): StreamFault =>
  new StreamFault("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "the body is not as long as its header says");

const drained = (stream: ClientHttp2Stream): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });

/** What the caller says of the length of the body; infinite where nothing is said. */
function declaredLength({ headers }: HopRequest): number {
  const found = headers.find(([name]) => name.toLowerCase() === "content-length");
  return found === undefined ? Number.POSITIVE_INFINITY : Number(found[1]);
}

const HAS_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** The judged request with its credential, as it goes on the wire (RFC 9113 section 8.3). */
function headersOf(hop: HopRequest): OutgoingHttpHeaders {
  const { method, origin, path, headers, body } = hop;
  const added = hop.added === undefined ? null : openAdded(hop.added);
  const fields = bare<OutgoingHttpHeaders>({
    ":method": method,
    ":scheme": "https",
    ":authority": origin.slice(origin.indexOf("//") + 2),
    ":path": added === null ? path : withQuery(path, added.query),
  });
  for (const pairs of added === null ? [headers] : [headers, added.headers]) {
    for (const [name, value] of pairs) {
      const key = name.toLowerCase();
      const known = fields[key];
      fields[key] = known === undefined ? value : [known as string, value].flat();
    }
  }
  if (!(body instanceof ReadableStream)) {
    const length = body?.byteLength ?? 0;
    if (fields["content-length"] !== undefined && Number(fields["content-length"]) !== length) throw lengthMismatch();
    if (length > 0 || HAS_BODY.has(method)) fields["content-length"] = String(length);
  }
  // So that no table of a server or a proxy keeps it (RFC 7541 section 7.1.3).
  if (hop.added !== undefined) fields[sensitiveHeaders as unknown as string] = [...hop.added.names];
  return fields;
}
