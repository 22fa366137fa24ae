/**
 * Reads a stream to its end, or gives null as soon as it is longer than `limit` bytes. A stream that is not read to its end
 * is cancelled. Memory stays below twice the limit, whatever the size of the chunks.
 *
 * @throws TypeError for a chunk that is neither bytes nor text; the stream's own error; the signal's reason.
 */
export async function collectStream(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  signal?: AbortSignal,
): Promise<Uint8Array | null> {
  const reader = stream.getReader();
  const abandon = (reason?: unknown): void => {
    reader.cancel(reason).catch(() => undefined);
  };
  const aborted = abortOf(signal);
  try {
    signal?.throwIfAborted();
    let bytes = new Uint8Array(Math.min(limit, 16 * 1024));
    let size = 0;
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted.promise]);
      if (done) return bytes.slice(0, size);
      const chunk = bytesOf(value);
      const end = size + chunk.byteLength;
      if (end > limit) {
        abandon();
        return null;
      }
      if (end > bytes.byteLength) bytes = grown(bytes, Math.min(limit, Math.max(end, bytes.byteLength * 2)));
      // A copy: the producer may write the next chunk into the same buffer.
      bytes.set(chunk, size);
      size = end;
    }
  } catch (error) {
    abandon(error);
    throw error;
  } finally {
    aborted.release();
  }
}

const utf8 = new TextEncoder();

/**
 * A chunk of a streamed body as bytes. Text is sent as UTF-8, as undici does where the standard has a TypeError; nothing else
 * is, so that no object's `toString` decides what goes on the wire.
 */
export function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === "string") return utf8.encode(chunk);
  throw new TypeError("Received non-Uint8Array chunk");
}

function grown(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}

/** A promise that rejects when the signal aborts. */
function abortOf(signal: AbortSignal | undefined): { readonly promise: Promise<never>; readonly release: () => void } {
  let abort = (): void => {};
  const promise = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
  });
  // Nobody is waiting any more when it comes after the last chunk.
  promise.catch(() => undefined);
  return { promise, release: () => signal?.removeEventListener("abort", abort) };
}
