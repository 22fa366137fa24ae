/** A streamed request body as undici wants it, and a way to let go of it that works at any moment. */
export interface RequestStream {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Cancels the caller's stream, also while a chunk is being waited for. Never throws. */
  abandon(reason: unknown): void;
}

/**
 * Hands the stream's chunks on one by one, as the connection takes them. Only bytes are sent (Fetch, "incrementally read a
 * body": anything else is a TypeError), so that no object's `toString` decides what goes on the wire.
 */
export function requestStream(stream: ReadableStream<Uint8Array>): RequestStream {
  const reader = stream.getReader();
  const abandon = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {}); // the stream's own failure to cancel changes nothing for us
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        if (!(value instanceof Uint8Array)) throw new TypeError("A request body stream must yield Uint8Array chunks");
        yield value;
      }
    } finally {
      abandon(undefined); // without effect on a stream that was read to its end
    }
  }
  return { chunks: chunks(), abandon };
}
