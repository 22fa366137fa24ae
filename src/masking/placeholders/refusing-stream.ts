import { Buffer } from "node:buffer";
import { bytesOf } from "../../request/body/collect.js";
import { LONGEST_BEGINNING, mayHoldPlaceholder } from "./placeholder.js";
import { PlaceholderRefused } from "./refusal.js";

const REFUSED = new WeakMap<ReadableStream, PlaceholderRefused>();

/** The refusal that a stream of {@link withoutPlaceholders} broke off with. Its errors tell nothing: their source makes them, too. */
export const refusalOf = (body: unknown): PlaceholderRefused | undefined =>
  body instanceof ReadableStream ? REFUSED.get(body) : undefined;

/**
 * The same stream, which fails with PLACEHOLDER_UNRESOLVED where a placeholder begins, however its beginning is cut into
 * chunks: no whole placeholder leaves, and the request stays incomplete. One chunk is read at a time, when it is asked for.
 */
export function withoutPlaceholders(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let tail = "";
  const checked = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        // A copy: its owner could write something else into it once it was looked at.
        const chunk = new Uint8Array(bytesOf(value));
        const text = tail + Buffer.from(chunk.buffer).toString("latin1");
        if (mayHoldPlaceholder(text)) {
          const refusal = new PlaceholderRefused("place", "brokenOff");
          REFUSED.set(checked, refusal);
          reader.cancel(refusal).catch(() => undefined); // it may have failed by itself
          throw refusal;
        }
        tail = text.slice(-(LONGEST_BEGINNING - 1));
        controller.enqueue(chunk);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return checked;
}
