import type { BodyFacts } from "../audit/index.js";
import type { BodyCapture, CapturedBody } from "./capture.js";

/** A request body on its way out. */
export interface Upload {
  /** What to send: the body itself, or a stream that is watched as the connection pulls it. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** What the record says of it; null for none. A stream is known only once it was sent: ask again then. */
  facts(): CapturedBody | null;
  /** Whether {@link facts} says all there will be to say. */
  readonly isKnown: boolean;
}

export const NO_UPLOAD: Upload = Object.freeze({ body: null, facts: () => null, isKnown: true });

/** Bytes are known before they leave. */
export function bytesUpload(body: Uint8Array, capture: BodyCapture | null, about: Pick<BodyFacts, "media">): Upload {
  let facts: CapturedBody | undefined;
  return {
    body,
    isKnown: true,
    facts() {
      facts ??= capture === null ? metadata(body.byteLength, true, about) : captured(body, capture);
      return facts;
    },
  };
}

function captured(body: Uint8Array, capture: BodyCapture): CapturedBody {
  capture.see(body);
  capture.keep(body);
  return capture.end(true);
}

/**
 * A stream is handed on as it is pulled, chunk by chunk; no copy of it waits for anybody. Whatever is no bytes is handed on
 * too, for the transport to refuse.
 */
export function streamUpload(
  stream: ReadableStream<Uint8Array>,
  capture: BodyCapture | null,
  about: Pick<BodyFacts, "media">,
): Upload {
  const reader = stream.getReader();
  let bytes = 0;
  let complete = false;
  let facts: CapturedBody | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          complete = true;
          controller.close();
          return;
        }
        // What is sent after the record was made is for the record of another sending.
        if (value instanceof Uint8Array && facts === undefined) {
          bytes += value.byteLength;
          capture?.see(value);
          capture?.keep(value);
        }
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return {
    body,
    isKnown: false,
    facts() {
      facts ??= capture === null ? metadata(bytes, complete, about) : capture.end(complete);
      return facts;
    },
  };
}

const metadata = (bytes: number, complete: boolean, about: Pick<BodyFacts, "media">): CapturedBody => ({
  facts: { level: "metadata", bytes, complete, ...about },
  maskErrors: 0,
});
