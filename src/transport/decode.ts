import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { brokenBody } from "./faults.js";
import type { BodySource, HeaderPairs, Transport } from "./transport.js";

type Decoder = (firstByte: number) => Transform;

// Since Node 22.15; the types are those of the oldest supported version.
const createZstdDecompress = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress;

// As lenient as fetch and browsers: what was decoded of a body that ends early counts.
const flush = zlib.constants.Z_SYNC_FLUSH;
const gunzip: Decoder = () => zlib.createGunzip({ flush, finishFlush: flush });

/** RFC 9110 §8.4.1. "deflate" means the zlib format (RFC 1950), and some servers send it raw (RFC 1951), as browsers know. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  [
    "deflate",
    (firstByte) =>
      (firstByte & 0x0f) === 8
        ? zlib.createInflate({ flush, finishFlush: flush })
        : zlib.createInflateRaw({ flush, finishFlush: flush }),
  ],
  [
    "br",
    () =>
      zlib.createBrotliDecompress({
        flush: zlib.constants.BROTLI_OPERATION_FLUSH,
        finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
      }),
  ],
  ...(createZstdDecompress === undefined ? [] : [["zstd", () => createZstdDecompress()] as const]),
]);

/** What is asked for: what can be undone, and fetch asks for too, but for the newest. */
export const ACCEPTED: Transport["codings"] = {
  http: "gzip, deflate",
  https: DECODERS.has("zstd") ? "br, gzip, deflate, zstd" : "br, gzip, deflate",
};

/** The same for a `fetch` of any supported Node. */
export const ACCEPTED_BY_FETCH: Transport["codings"] = { http: "gzip, deflate", https: "br, gzip, deflate" };

/** Whether a `fetch` has undone the codings of a response with these header fields: where it does not know one, it undoes none. */
export function isDecodedByFetch(headers: HeaderPairs): boolean {
  const codings = readCodings(headers);
  return Array.isArray(codings) && !codings.includes("zstd");
}

/** As in fetch. Each layer multiplies what a small body can blow up to, and what it blows up to is limited for each. */
const MOST_CODINGS = 5;

const NO_CODINGS: readonly string[] = [];

/**
 * The codings of `content-encoding` in the order they were applied. `unknown` when one of them cannot be undone: then
 * nothing is, as in fetch, and whoever must look into the body knows that it cannot.
 */
export function readCodings(headers: HeaderPairs): readonly string[] | "unknown" | "too many" {
  let listed: string[] | undefined;
  for (const [name, value] of headers)
    if (name === "content-encoding") listed = [...(listed ?? []), ...value.split(",")];
  if (listed === undefined) return NO_CODINGS;
  if (listed.length > MOST_CODINGS) return "too many";
  const codings = listed
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  return codings.every((coding) => DECODERS.has(coding)) ? codings : "unknown";
}

/**
 * The body without its codings, decoded as it is read.
 *
 * @param codings what {@link readCodings} has passed.
 * @param maxBytes what the body may decode to; beyond, it breaks off: a few KiB can decode to gigabytes.
 */
export function decodeBody(source: BodySource, codings: readonly string[], maxBytes: number): BodySource {
  return codings.reduceRight<BodySource>((encoded, coding) => {
    const decoder = DECODERS.get(coding);
    return decoder === undefined ? encoded : new DecodedBody(encoded, decoder, maxBytes);
  }, source);
}

class DecodedBody implements BodySource {
  readonly #source: BodySource;
  readonly #decoder: Decoder;
  readonly #maxBytes: number;
  #stream: Transform | undefined;
  #bytes = 0;
  #error: unknown;
  #isOver = false;
  #isReading = false;
  #onBroken: ((error: unknown) => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(source: BodySource, decoder: Decoder, maxBytes: number) {
    this.#source = source;
    this.#decoder = decoder;
    this.#maxBytes = maxBytes;
  }

  async read(): Promise<Uint8Array | null> {
    this.#isReading = true;
    try {
      return await this.#next();
    } finally {
      this.#isReading = false;
    }
  }

  onBroken(listener: (error: unknown) => void): void {
    if (this.#error !== undefined) listener(this.#error);
    else {
      this.#onBroken = listener;
      this.#source.onBroken?.((error) => this.#fail(error));
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const stream = this.#stream ?? (await this.#start());
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver || stream === null) return null;
      const chunk = stream.read() as Uint8Array | null;
      if (chunk !== null) return this.#counted(chunk);
      if (stream.readableEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  cancel(reason?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream?.destroy();
    this.#source.cancel(reason);
    this.#wake?.();
  }

  /** An empty body is empty in every coding; and what "deflate" means is told by the first byte. */
  async #start(): Promise<Transform | null> {
    const first = await this.#source.read();
    if (first === null || this.#isOver) return null;
    const stream = this.#decoder(first[0] ?? 0);
    this.#stream = stream;
    const wake = (): void => this.#wake?.();
    stream.on("readable", wake).on("end", wake).on("close", wake);
    stream.on("error", (error) => this.#fail(brokenBody(error)));
    this.#feed(stream, first).catch((error: unknown) => this.#fail(error));
    return stream;
  }

  async #feed(stream: Transform, first: Uint8Array): Promise<void> {
    for (let chunk: Uint8Array | null = first; chunk !== null; chunk = await this.#source.read()) {
      if (!stream.write(chunk) && !stream.destroyed) {
        await new Promise<void>((resolve) => {
          stream.once("drain", resolve).once("close", resolve);
        });
      }
      if (stream.destroyed) return;
    }
    stream.end();
  }

  #counted(chunk: Uint8Array): Uint8Array {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= this.#maxBytes) return chunk;
    this.#fail(brokenBody(new RangeError(`The body decodes to more than ${this.#maxBytes} bytes`)));
    throw this.#error;
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#error = error;
    this.cancel(error);
    if (!this.#isReading) this.#onBroken?.(error);
  }
}
