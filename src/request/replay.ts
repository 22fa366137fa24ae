/**
 * The bytes of a stream that ends within `limit`; otherwise the same stream again, with what was read of it in front. The
 * platform made the stream, so it ends by itself.
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
  return new ReadableStream<Uint8Array>(
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
