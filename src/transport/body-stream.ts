import { type AbortWatcher, unwatchAbort, watchAbort } from "./abort-watch.js";
import type { BodySource } from "./transport.js";

// Taken at load: what replaces the global later sees no body.
const BuiltInStream: typeof ReadableStream = globalThis.ReadableStream;

/** A byte stream over a source, and what gives both up when nobody can reach the stream any more. */
export interface SourceStream {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  cancel(): void;
}

/**
 * A byte stream that reads from its source when, and only when, it is read itself; and that fails when `signal` aborts or the
 * source breaks off, also while nobody reads: who waits for `reader.closed` would wait for ever.
 */
export function streamOf(source: BodySource, signal: AbortSignal | null = null): SourceStream {
  const end = new StreamEnd(source, signal);
  const stream = new BuiltInStream<Uint8Array<ArrayBuffer>>(
    {
      type: "bytes",
      start: (controller) => end.watch(controller as ReadableByteStreamController),
      pull: (controller) => pull(end, controller as ReadableByteStreamController),
      cancel: (reason) => {
        end.unwatch();
        source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const cancel = (): void => {
    end.unwatch();
    source.cancel();
  };
  return { stream: stream as ReadableStream<Uint8Array<ArrayBuffer>>, cancel };
}

/** Tells a stream how its body ended. It does not keep the stream alive: one that is dropped must be collected. */
class StreamEnd implements AbortWatcher {
  /** Then the read that is under way fails, and the stream with it. */
  #isReading = false;
  readonly #source: BodySource;
  readonly #signal: AbortSignal | null;
  #controller: WeakRef<ReadableByteStreamController> | undefined;

  constructor(source: BodySource, signal: AbortSignal | null) {
    this.#source = source;
    this.#signal = signal;
  }

  watch(controller: ReadableByteStreamController): void {
    this.#controller = new WeakRef(controller);
    if (this.#signal?.aborted === true) {
      this.onAbort();
      return;
    }
    if (this.#signal !== null) watchAbort(this.#signal, this);
    this.#source.onBroken?.((error) => {
      this.unwatch();
      if (!this.#isReading) this.#fail(error);
    });
  }

  async read(): Promise<Uint8Array | null> {
    this.#isReading = true;
    try {
      const chunk = await this.#source.read();
      this.#signal?.throwIfAborted(); // what is read when it aborts is not delivered any more
      return chunk;
    } catch (error) {
      this.unwatch(); // a stream that failed is over, and may be kept for long
      throw error;
    } finally {
      this.#isReading = false;
    }
  }

  unwatch(): void {
    if (this.#signal !== null) unwatchAbort(this.#signal, this);
  }

  onAbort(): void {
    this.unwatch();
    if (this.#isReading) return;
    const fail = (error: unknown): void => this.#fail(error);
    // A last read: it is what tells the source's owner how the body ended.
    this.#source.read().then(() => fail(this.#signal?.reason), fail);
  }

  #fail(error: unknown): void {
    try {
      this.#controller?.deref()?.error(error);
    } catch {
      // closed or cancelled meanwhile
    }
  }
}

async function pull(source: StreamEnd, controller: ReadableByteStreamController): Promise<void> {
  let chunk = await source.read();
  while (chunk !== null && chunk.byteLength === 0) chunk = await source.read(); // a byte stream takes no empty chunk
  if (chunk !== null) {
    controller.enqueue(owned(chunk));
    return;
  }
  source.unwatch();
  controller.close();
  controller.byobRequest?.respond(0); // a reader that brought its own memory waits for this
}

/**
 * The chunk in memory of its own, so that the memory can be handed over. A chunk that lies in a larger piece (a socket
 * read, a pool) is copied: others look at the same piece, and its rest may be headers or another response.
 */
export const owned = (chunk: Uint8Array): Uint8Array<ArrayBuffer> =>
  chunk.byteLength === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer
    ? (chunk as Uint8Array<ArrayBuffer>)
    : new Uint8Array(chunk);

/** The whole body in one piece. A body of one chunk is that chunk, not a copy. */
export async function readWhole(source: BodySource): Promise<Uint8Array> {
  const first = await source.read();
  if (first === null) return new Uint8Array(0);
  const second = await source.read();
  if (second === null) return first;
  const chunks = [first, second];
  for (let chunk = await source.read(); chunk !== null; chunk = await source.read()) chunks.push(chunk);
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
