import { accessor, isOfType, method } from "./platform.js";
import { replayed } from "./replay.js";

/** Bytes are a copy. A promise is for types whose bytes the platform only gives asynchronously (Blob, FormData). */
export type SnapshotBody =
  | Uint8Array
  | Promise<Uint8Array | ReadableStream<Uint8Array>>
  | ReadableStream<Uint8Array>
  | null;

/** A body, and the content type that fetch would send with it where the caller names none. */
export interface BodySnapshot {
  readonly body: SnapshotBody;
  readonly contentType: string | null;
  /** Whether the caller gave a stream: nobody knows how long it is, and it cannot be sent twice. */
  readonly isStream?: true;
}

/** FormData and Blob up to this size are sent with a length, as fetch does; above, as a stream. */
const LARGEST_BUFFERED = 32 * 1024 * 1024;

const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";

const utf8 = new TextEncoder();
const NativeFormData = FormData;
const NativeParameters = URLSearchParams;
const NativeResponse = Response;
const NativeRequest = Request;
const requestStream = accessor(Request.prototype, "body");
const parametersText = method(URLSearchParams.prototype.toString);

/** Takes a body of any type that fetch takes, the way fetch takes it. */
export function snapshotBody(body: unknown): BodySnapshot {
  if (body === null) return { body: null, contentType: null };
  if (typeof body === "string") return textBody(body, TEXT);
  if (ArrayBuffer.isView(body)) return { body: copyOfView(body), contentType: null };
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer)
    return { body: new Uint8Array(new Uint8Array(body)), contentType: null };
  if (body instanceof ReadableStream) return streamBody(body);
  if (body instanceof NativeParameters) return textBody(parametersText(body), FORM);
  if (isOfType(body, "URLSearchParams")) return textBody(String(body), FORM);
  if (isOfType(body, "Blob") || isOfType(body, "File")) return platformBody(body as Blob, (body as Blob).size);
  if (isOfType(body, "FormData")) {
    const form = nativeForm(body as FormData);
    return platformBody(form, sizeOfForm(form));
  }
  if (typeof body === "object" && Symbol.asyncIterator in body)
    return streamBody(streamFrom(body as AsyncIterable<Uint8Array>));
  return textBody(`${body as string}`, TEXT);
}

const textBody = (text: string, contentType: string): BodySnapshot => ({ body: utf8.encode(text), contentType });

const viewParts = (
  prototype: object,
): { readonly buffer: Read; readonly byteOffset: Read; readonly byteLength: Read } => ({
  buffer: accessor(prototype, "buffer"),
  byteOffset: accessor(prototype, "byteOffset"),
  byteLength: accessor(prototype, "byteLength"),
});
type Read = (target: object) => unknown;
const TYPED_ARRAY = viewParts(Object.getPrototypeOf(Uint8Array.prototype));
const DATA_VIEW = viewParts(DataView.prototype);

/** A copy of what the view really shows: the constructor reads it, not its iterator. */
function copyOfView(view: ArrayBufferView): Uint8Array {
  const parts = view instanceof DataView ? DATA_VIEW : TYPED_ARRAY;
  const [offset, length] = [parts.byteOffset(view) as number, parts.byteLength(view) as number];
  return new Uint8Array(new Uint8Array(parts.buffer(view) as ArrayBuffer, offset, length));
}

/** Lets the platform serialise, so that a multipart boundary and a Blob's type are exactly fetch's. */
function platformBody(body: Blob | FormData, size: number): BodySnapshot {
  const response = new NativeResponse(body);
  const contentType = response.headers.get("content-type");
  if (size > LARGEST_BUFFERED) return { body: response.body as ReadableStream<Uint8Array>, contentType };
  const bytes = response.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  // Awaited later; until then a rejection must not count as unhandled.
  bytes.catch(() => undefined);
  return { body: bytes, contentType };
}

/** A FormData of another copy of undici is copied field by field: the platform would send it as text. */
function nativeForm(form: FormData): FormData {
  if (form instanceof NativeFormData) return form;
  const copy = new NativeFormData();
  for (const [name, value] of form as Iterable<[string, FormDataEntryValue]>) {
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, value as Blob, (value as File).name);
  }
  return copy;
}

/** At most three bytes of UTF-8 for each unit of UTF-16. */
function sizeOfForm(form: FormData): number {
  let size = 0;
  for (const [, value] of form) size += typeof value === "string" ? value.length * 3 : value.size;
  return size;
}

/** The platform says whether a stream can still be sent: a Response over it does not lock it. */
function streamBody(stream: ReadableStream): BodySnapshot {
  new NativeResponse(stream);
  return { body: stream as ReadableStream<Uint8Array>, contentType: null, isStream: true };
}

/**
 * The body of a Request. Where it was made from bytes, a form or a Blob, fetch sends it with its length, and there are
 * servers that take no other; only the platform knows which it was made from, and tells by refusing a stream in `no-cors`
 * mode (Fetch, "new Request", step 38), before it takes the body over.
 */
export function requestBody(request: object, isNative: boolean): SnapshotBody {
  if (!isNative) return (request as Request).body as ReadableStream<Uint8Array>;
  let taken: Request;
  try {
    taken = new NativeRequest(request as Request, { method: "POST", mode: "no-cors", signal: null });
  } catch {
    return streamBody(requestStream(request) as ReadableStream).body;
  }
  const bytes = replayed(requestStream(taken) as ReadableStream<Uint8Array>, LARGEST_BUFFERED);
  bytes.catch(() => undefined);
  return bytes;
}

/** In Node since 20.6; the DOM types do not have it yet. */
const streamFrom = (
  ReadableStream as unknown as { from(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> }
).from.bind(ReadableStream);
