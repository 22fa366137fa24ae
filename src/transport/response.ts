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
  /** What the caller may read, masked; null where there is no body at all. */
  readonly body: BodySource | null;
}

// Taken at load: what replaces a global later can neither see a response nor become one.
const BuiltInResponse: typeof Response = globalThis.Response;
const BuiltInStream: typeof ReadableStream = globalThis.ReadableStream;

/** A stream that nobody can reach any more cannot be read: its connection is given back. */
const abandoned = new FinalizationRegistry<BodySource>((source) => source.cancel());

/**
 * Enqueueing on a byte stream hands its memory over. A chunk that lies in a larger piece (a socket read, a pool) is copied
 * first: others look at the same piece, and its rest may be headers or another response.
 */
const owned = (chunk: Uint8Array): Uint8Array<ArrayBuffer> =>
  chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer
    ? (chunk as Uint8Array<ArrayBuffer>)
    : new Uint8Array(chunk);

async function pull(source: BodySource, controller: ReadableByteStreamController): Promise<void> {
  let chunk = await source.read();
  while (chunk !== null && chunk.byteLength === 0) chunk = await source.read();
  if (chunk !== null) {
    controller.enqueue(owned(chunk));
    return;
  }
  controller.close();
  controller.byobRequest?.respond(0); // a reader that brought its own memory waits for this
}

/** A byte stream that asks its source only when it is asked itself. */
function streamOf(source: BodySource): ReadableStream<Uint8Array<ArrayBuffer>> {
  const stream = new BuiltInStream(
    {
      type: "bytes",
      pull: (controller) => pull(source, controller),
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  abandoned.register(stream, source);
  return stream;
}

/** A built-in response that also knows what only fetch can set. */
class FetchedResponse extends BuiltInResponse {
  readonly #parts: Omit<ResponseParts, "body">;

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>> | null, parts: Omit<ResponseParts, "body">) {
    super(body, {
      status: isOrdinary(parts.status) ? parts.status : 200,
      statusText: parts.statusText,
      headers: parts.headers as [string, string][],
    });
    this.#parts = parts;
    if (!isOrdinary(parts.status)) setStatus(this, parts.status);
  }

  override get url(): string {
    return this.#parts.url;
  }
  override get redirected(): boolean {
    return this.#parts.redirected;
  }
  override get type(): ResponseType {
    return "basic";
  }

  override clone(): Response {
    const copy = super.clone();
    return new FetchedResponse(copy.body as ReadableStream<Uint8Array<ArrayBuffer>> | null, {
      ...this.#parts,
      headers: [...copy.headers],
    });
  }
}

/** A server may send 600 to 999, which fetch passes on and the constructor does not take. */
const isOrdinary = (status: number): boolean => status >= 200 && status <= 599;

function setStatus(response: Response, status: number): void {
  Object.defineProperties(response, { status: { value: status }, ok: { value: false } });
}

Object.defineProperty(FetchedResponse, "name", { value: "Response" });

/**
 * The response as `fetch` would have given it: a built-in `Response` of type `basic` with `url` and `redirected`, which
 * `clone()` keeps. Its body is a byte stream that reads from `parts.body` as it is read itself.
 *
 * @throws TypeError when a header is not one that `Headers` takes; the body is then the caller's to cancel.
 */
export function buildResponse({ body, ...parts }: ResponseParts): Response {
  return new FetchedResponse(body === null ? null : streamOf(body), parts);
}
