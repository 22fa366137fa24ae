import { owned, readWhole, streamOf } from "./body-stream.js";
import type { BodySource, HeaderPairs } from "./transport.js";

/** What {@link buildResponse} is made from. */
export interface ResponseParts {
  readonly status: number;
  readonly statusText: string;
  /** As they shall be seen by the caller; a repeated name stays repeated. */
  readonly headers: HeaderPairs;
  /** The URL that answered, without a fragment. */
  readonly url: string;
  /** Whether it is another than the one asked for. */
  readonly redirected: boolean;
  /** `cors` where a redirect led to another origin (Fetch, "response tainting"). Default `basic`. */
  readonly type?: "basic" | "cors";
  /** Breaks the body off: what has not been read when it aborts cannot be read any more. Default none. */
  readonly signal?: AbortSignal | null;
  /** What the caller may read, masked, as it comes or all at once; null where there is no body at all. */
  readonly body: BodySource | Uint8Array | null;
}

// Taken at load: what replaces the global later can neither see a response nor become one.
const BuiltInResponse: typeof Response = globalThis.Response;
const BuiltInHeaders: typeof Headers = globalThis.Headers;

/** `response.constructor` is what a program compares with `Response`, and what its logs say. */
function called(
  ours: object & { readonly prototype: object; readonly name: string },
  builtIn: { readonly name: string },
): void {
  Object.defineProperty(ours, "name", { value: builtIn.name });
  Object.defineProperty(ours.prototype, "constructor", { value: builtIn, writable: true, configurable: true });
}

/** What nobody can reach any more cannot be read: its connection is given back. */
const abandoned = new FinalizationRegistry<{ cancel(): void }>((source) => source.cancel());

const utf8 = new TextDecoder(); // drops a byte order mark and replaces what is broken, as fetch does

const NOTHING_LEFT: BodySource = { read: async () => null, cancel() {} };

const wholeOf = (body: BodySource | Uint8Array): Uint8Array | Promise<Uint8Array> =>
  body instanceof Uint8Array ? body : readWhole(body);

function sourceOf(bytes: Uint8Array, signal: AbortSignal | null): BodySource {
  let rest: Uint8Array | null = bytes;
  return {
    read: async () => {
      if (rest !== null) signal?.throwIfAborted();
      const chunk = rest;
      rest = null;
      return chunk;
    },
    cancel() {},
  };
}

type Facts = Omit<ResponseParts, "body">;

/** Header fields nobody can change, as those of a fetched response (Fetch, guard "immutable"). */
class FixedHeaders extends BuiltInHeaders {
  override append(): void {
    throw new TypeError("immutable");
  }
  override delete(): void {
    throw new TypeError("immutable");
  }
  override set(): void {
    throw new TypeError("immutable");
  }
}
called(FixedHeaders, BuiltInHeaders);

/**
 * A built-in response that also knows what only fetch can set, and that has no stream and no `Headers` until somebody asks.
 *
 * Most callers want `text()` or `json()` and never see the stream, and the stream costs more than all the rest of a
 * small response. So these two, and `arrayBuffer()`, read the source directly. Everything else (`body`, `clone()`, `blob()`,
 * `formData()`, and the errors for a body that was read before) is left to a built-in response over a stream, made at that
 * moment. Not covered: code that calls `Response.prototype.text` on it, past its own methods, finds an empty body.
 */
class FetchedResponse extends BuiltInResponse {
  readonly #facts: Facts;
  readonly #body: BodySource | Uint8Array | null;
  #headers: Headers | undefined;
  /** What everything but the direct reads is left to. */
  #streamed: Response | undefined;
  #isReadDirectly = false;

  constructor(body: BodySource | Uint8Array | null, facts: Facts, streamed?: Response) {
    super(null);
    this.#facts = facts;
    this.#body = body;
    this.#streamed = streamed;
    if (body !== null && !(body instanceof Uint8Array)) abandoned.register(this, body, this);
  }

  override get status(): number {
    return this.#facts.status;
  }
  override get ok(): boolean {
    return this.#facts.status >= 200 && this.#facts.status <= 299;
  }
  override get statusText(): string {
    return this.#facts.statusText;
  }
  override get url(): string {
    return this.#facts.url;
  }
  override get redirected(): boolean {
    return this.#facts.redirected;
  }
  override get type(): ResponseType {
    return this.#facts.type ?? "basic";
  }
  override get headers(): Headers {
    this.#headers ??= new FixedHeaders(this.#facts.headers as [string, string][]);
    return this.#headers;
  }

  override get body(): Response["body"] {
    return this.#asStreamed().body;
  }
  override get bodyUsed(): boolean {
    return this.#isReadDirectly || this.#streamed?.bodyUsed === true;
  }

  override async text(): Promise<string> {
    const body = this.#takeBody();
    return body === undefined ? this.#asStreamed().text() : utf8.decode(await this.#whole(body));
  }
  override async json(): Promise<unknown> {
    const body = this.#takeBody();
    return body === undefined ? this.#asStreamed().json() : JSON.parse(utf8.decode(await this.#whole(body)));
  }
  override async arrayBuffer(): Promise<ArrayBuffer> {
    const body = this.#takeBody();
    return body === undefined ? this.#asStreamed().arrayBuffer() : owned(await this.#whole(body)).buffer;
  }
  // Not in every supported Node, and in those that have it this one must not be left to find an empty body.
  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    this.#throwIfLost();
    return new Uint8Array(await this.arrayBuffer());
  }
  override async blob(): Promise<Blob> {
    this.#throwIfLost();
    return this.#asStreamed().blob();
  }
  override async formData(): Promise<FormData> {
    this.#throwIfLost();
    return this.#asStreamed().formData();
  }

  override clone(): Response {
    const copy = this.#asStreamed().clone();
    return new FetchedResponse(null, this.#facts, copy);
  }

  /** At once, as fetch does: a stream would tell of it some microtasks later. The body counts as read then, as there. */
  #throwIfLost(): void {
    const { signal } = this.#facts;
    if (signal?.aborted !== true || this.#streamed !== undefined || this.#isReadDirectly) return;
    if (!(this.#body instanceof Uint8Array)) return;
    this.#isReadDirectly = true;
    throw signal.reason;
  }

  /** All of it, unless the call is aborted meanwhile: what was begun then must not look as if it had been in time. */
  async #whole(body: BodySource | Uint8Array): Promise<Uint8Array> {
    const whole = await wholeOf(body);
    this.#facts.signal?.throwIfAborted();
    return whole;
  }

  /** The body, for whoever is the first to want it and wants it whole. */
  #takeBody(): BodySource | Uint8Array | undefined {
    if (this.#body === null || this.#streamed !== undefined || this.#isReadDirectly) return undefined;
    this.#isReadDirectly = true;
    if (this.#body instanceof Uint8Array) this.#facts.signal?.throwIfAborted();
    if (!(this.#body instanceof Uint8Array)) abandoned.unregister(this);
    return this.#body;
  }

  #asStreamed(): Response {
    if (this.#streamed !== undefined) return this.#streamed;
    const { headers } = this;
    if (this.#isReadDirectly) {
      this.#streamed = new BuiltInResponse(streamOf(NOTHING_LEFT).stream, { headers });
      this.#streamed.arrayBuffer().catch(() => {}); // from here on used and locked, as fetch leaves a body that was read
    } else if (this.#body === null) {
      this.#streamed = new BuiltInResponse(null, { headers });
    } else {
      const { signal = null } = this.#facts;
      const source = this.#body instanceof Uint8Array ? sourceOf(this.#body, signal) : this.#body;
      const { stream, cancel } = streamOf(source, signal);
      abandoned.unregister(this); // a stream outlives the response it came from
      abandoned.register(stream, { cancel });
      this.#streamed = new BuiltInResponse(stream, { headers });
    }
    return this.#streamed;
  }
}

called(FetchedResponse, BuiltInResponse);

/**
 * The response as `fetch` would have given it: a built-in `Response` of type `basic` with `url` and `redirected`, which
 * `clone()` keeps, and headers that cannot be changed. Its body is a byte stream that reads from `parts.body` as it is read
 * itself.
 */
export function buildResponse({ body, ...facts }: ResponseParts): Response {
  return new FetchedResponse(body, facts);
}
