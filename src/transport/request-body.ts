import { bytesOf } from "../request/body/collect.js";

/** A streamed request body as undici wants it, and a way to let go of it that works at any moment. */
export interface RequestStream {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Whether reading the stream has failed, or has given what cannot be sent. */
  hasFailed(): boolean;
  /** Cancels the caller's stream, also while a chunk is being waited for. Never throws. */
  abandon(reason: unknown): void;
}

/**
 * Hands the stream's chunks on one by one, as the connection takes them. Only bytes and text are
 * sent; anything else is a TypeError (Fetch, "incrementally read a body").
 */
export function requestStream(stream: ReadableStream<Uint8Array>): RequestStream {
  const reader = stream.getReader();
  let failed = false;
  const abandon = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {}); // the stream's own failure to cancel changes nothing for us
  };
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield bytesOf(value);
      }
    } catch (error) {
      failed = true;
      // undici ends a request for an error only: for `undefined` it would wait, with half a body sent.
      throw error instanceof Error ? error : new Error("The stream of the request body failed.", { cause: error });
    } finally {
      abandon(undefined); // without effect on a stream that was read to its end
    }
  }
  return { chunks: chunks(), hasFailed: () => failed, abandon };
}
