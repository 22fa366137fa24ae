import { accessor, isOfType, method } from "./platform.js";

/** Bytes are a copy. A promise is for types whose bytes the platform only gives asynchronously (Blob, FormData). */
export type SnapshotBody = Uint8Array | Promise<Uint8Array> | ReadableStream<Uint8Array> | null;

/** A body, and the content type that fetch would send with it where the caller names none. */
export interface BodySnapshot {
  readonly body: SnapshotBody;
  readonly contentType: string | null;
}

/** FormData and Blob up to this size are sent with a length, as fetch does; above, as a stream. */
const LARGEST_BUFFERED = 32 * 1024 * 1024;

const TEXT = "text/plain;charset=UTF-8";
const FORM = "application/x-www-form-urlencoded;charset=UTF-8";

const utf8 = new TextEncoder();
const NativeFormData = FormData;
const NativeParameters = URLSearchParams;
const NativeResponse = Response;
const parametersText = method(URLSearchParams.prototype.toString);

/** Takes a body of any type that fetch takes, the way fetch takes it. */
export function snapshotBody(body: unknown): BodySnapshot {
  if (body === null) return { body: null, contentType: null };
  if (typeof body === "string") return textBody(body, TEXT);
  if (ArrayBuffer.isView(body)) return { body: copyOfView(body), contentType: null };
  if (body instanceof ArrayBuffer || body instanceof SharedArrayBuffer)
    return { body: new Uint8Array(new Uint8Array(body)), contentType: null };
  if (body instanceof ReadableStream) return { body: unused(body), contentType: null };
  if (body instanceof NativeParameters) return textBody(parametersText(body), FORM);
  if (isOfType(body, "URLSearchParams")) return textBody(String(body), FORM);
  if (isOfType(body, "Blob") || isOfType(body, "File")) return platformBody(body as Blob, (body as Blob).size);
  if (isOfType(body, "FormData")) {
    const form = nativeForm(body as FormData);
    return platformBody(form, sizeOfForm(form));
  }
  if (typeof body === "object" && Symbol.asyncIterator in body)
    return { body: streamFrom(body as AsyncIterable<Uint8Array>), contentType: null };
  return textBody(String(body), TEXT);
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

function unused(stream: ReadableStream): ReadableStream<Uint8Array> {
  if (stream.locked) throw new TypeError("Response body object should not be disturbed or locked");
  return stream as ReadableStream<Uint8Array>;
}

/** In Node since 20.6; the DOM types do not have it yet. */
const streamFrom = (
  ReadableStream as unknown as { from(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> }
).from.bind(ReadableStream);
