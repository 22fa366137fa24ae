import type { BodySource } from "./transport.js";

// Taken at load: what replaces the global later sees no body.
const BuiltInStream: typeof ReadableStream = globalThis.ReadableStream;

/** A byte stream that reads from its source when, and only when, it is read itself. */
export function streamOf(source: BodySource): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new BuiltInStream(
    {
      type: "bytes",
      pull: (controller) => pull(source, controller),
      cancel: (reason) => source.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

async function pull(source: BodySource, controller: ReadableByteStreamController): Promise<void> {
  let chunk = await source.read();
  while (chunk !== null && chunk.byteLength === 0) chunk = await source.read(); // a byte stream takes no empty chunk
  if (chunk !== null) {
    controller.enqueue(owned(chunk));
    return;
  }
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
