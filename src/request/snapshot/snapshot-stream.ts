import { accessor } from "../platform.js";
import { copyOfChunk } from "./snapshot-bytes.js";

/** Streams of a caller, read through what the platform built in, whatever a subclass or an own member says. */

const NativeStream = ReadableStream;
const NativeResponse = Response;
const { apply } = Reflect;
const { getReader, cancel: cancelStream } = ReadableStream.prototype;
const { read, cancel: cancelReader } = ReadableStreamDefaultReader.prototype;
const locked = accessor(ReadableStream.prototype, "locked");

/** In Node since 20.6; the DOM types do not have it yet. */
const streamFrom = (
  ReadableStream as unknown as { from(source: AsyncIterable<unknown>): ReadableStream<unknown> }
).from.bind(ReadableStream);

/** What can be read as a stream; null for anything else. @throws TypeError for a stream that is read already, as fetch does */
export function snapshotStream(value: unknown): ReadableStream<Uint8Array> | null {
  if (typeof value !== "object" || value === null) return null;
  if (value instanceof NativeStream) return ownStream(value);
  return Symbol.asyncIterator in value ? ownStream(streamFrom(value as AsyncIterable<unknown>)) : null;
}

/**
 * A stream of our own over the caller's. Each chunk is copied in the moment it is read: what is judged, recorded and sent is
 * what it was then. Nothing is read, and the caller's stream is not locked, before somebody reads this one.
 */
function ownStream(source: ReadableStream<unknown>): ReadableStream<Uint8Array> {
  locked(source); // throws for what only inherits from a stream
  new NativeResponse(source as ReadableStream<Uint8Array<ArrayBuffer>>); // the platform says whether it can still be sent
  let reader: ReadableStreamDefaultReader<unknown> | undefined;
  const cancel = (reason: unknown): Promise<void> =>
    reader === undefined ? apply(cancelStream, source, [reason]) : apply(cancelReader, reader, [reason]);
  return new NativeStream<Uint8Array>(
    {
      async pull(controller) {
        reader ??= apply(getReader, source, []) as ReadableStreamDefaultReader<unknown>;
        const { done, value } = await apply(read, reader, []);
        if (done) {
          controller.close();
          return;
        }
        try {
          controller.enqueue(copyOfChunk(value));
        } catch (error) {
          cancel(error).catch(() => undefined);
          throw error;
        }
      },
      cancel,
    },
    { highWaterMark: 0 },
  );
}

/**
 * The bytes of a stream that ends within `limit`; otherwise a stream of the same, with what was read of it in front. Memory
 * stays near the limit, whatever its producer says of its size.
 */
export async function replayed(
  stream: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array | ReadableStream<Uint8Array>> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size <= limit) {
    const { done, value } = await reader.read();
    if (done) return whole(chunks, size);
    chunks.push(value);
    size += value.byteLength;
  }
  let next = 0;
  return new NativeStream<Uint8Array>(
    {
      async pull(controller) {
        const known = chunks[next++];
        if (known !== undefined) {
          controller.enqueue(known);
          return;
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function whole(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}
