import { accessor, method, tagOf } from "../platform.js";
import { copyOfBytes } from "./snapshot-bytes.js";
import { replayed, snapshotStream } from "./snapshot-stream.js";

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
const NativeHeaders = Headers;
const NativeParameters = URLSearchParams;
const NativeResponse = Response;
const NativeRequest = Request;
const requestStream = accessor(Request.prototype, "body");
const parametersText = method(URLSearchParams.prototype.toString);
const formEntries = method(FormData.prototype.entries);
const blobSize = accessor(Blob.prototype, "size");
const blobType = accessor(Blob.prototype, "type");
const { slice } = Blob.prototype;

/**
 * Takes a body of any type that fetch takes, the way fetch takes it, whatever object brought it: as a copy that nobody else
 * holds, of what the platform built into the object, or of what it answered when it was asked once.
 */
export function snapshotBody(body: unknown): BodySnapshot {
  if (body === null) return { body: null, contentType: null };
  if (typeof body === "string") return textBody(body, TEXT);
  const bytes = copyOfBytes(body);
  if (bytes !== null) return { body: bytes, contentType: null };
  if (body instanceof NativeParameters) return textBody(parametersText(body), FORM);
  const tag = tagOf(body);
  if (tag === "URLSearchParams") return textBody(String(body), FORM);
  if (tag === "Blob" || tag === "File") return blobBody(body as object);
  if (tag === "FormData") return platformBody(copyOfForm(body as object));
  const stream = snapshotStream(body);
  if (stream !== null) return { body: stream, contentType: null, isStream: true };
  return textBody(`${body as string}`, TEXT);
}

const textBody = (text: string, contentType: string): BodySnapshot => ({ body: utf8.encode(text), contentType });

/** Lets the platform serialise, so that a multipart boundary and a Blob's type are exactly fetch's. */
function platformBody(body: Blob | FormData, isLong = false): BodySnapshot {
  const response = new NativeResponse(body);
  const contentType = response.headers.get("content-type");
  return isLong ? { body: snapshotStream(response.body), contentType } : readOnce(response.body, contentType);
}

/** Reads what is short whole, and lets flow what is not. */
function readOnce(content: unknown, contentType: string | null): BodySnapshot {
  const stream = snapshotStream(content);
  if (stream === null) throw new TypeError("a body has no stream to be read from");
  const body = replayed(stream, LARGEST_BUFFERED);
  // Awaited later; until then a rejection must not count as unhandled.
  body.catch(() => undefined);
  return { body, contentType };
}

/** A Blob of another copy of the platform is asked for its type and its content, each once. */
function blobBody(body: object): BodySnapshot {
  const own = ownBlob(body);
  if (own !== null) return platformBody(own, own.size > LARGEST_BUFFERED);
  const { type, stream } = body as { readonly type: unknown; readonly stream: unknown };
  if (typeof stream !== "function") throw new TypeError("a Blob must have a stream");
  const said = type === undefined ? "" : `${type as string}`;
  const contentType = said === "" ? null : new NativeHeaders({ "content-type": said }).get("content-type");
  return readOnce(Reflect.apply(stream, body, []), contentType);
}

/** The content of a built-in Blob, without what a subclass or an own member says of it; null for what is none. */
function ownBlob(value: object): Blob | null {
  let size: unknown;
  try {
    size = blobSize(value);
  } catch {
    return null;
  }
  return Reflect.apply(slice, value, [0, size, blobType(value)]) as Blob;
}

/** A form is copied field by field: as the platform built it in, or as one of another copy of undici iterates over it. */
function copyOfForm(form: object): FormData {
  const copy = new NativeFormData();
  for (const [name, value] of entriesOf(form)) {
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, ownBlob(value) ?? value, (value as File).name);
  }
  return copy;
}

function entriesOf(form: object): Iterable<[string, FormDataEntryValue]> {
  try {
    return formEntries(form) as Iterable<[string, FormDataEntryValue]>;
  } catch {
    return form as Iterable<[string, FormDataEntryValue]>;
  }
}

/**
 * The body of a built-in Request. Where it was made from bytes, a form or a Blob, fetch sends it with its length, and there are
 * servers that take no other; only the platform knows which it was made from, and tells by refusing a stream in `no-cors`
 * mode (Fetch, "new Request", step 38), before it takes the body over.
 */
export function requestBody(request: Request): BodySnapshot {
  let taken: Request;
  try {
    taken = new NativeRequest(request, { method: "POST", mode: "no-cors", signal: null });
  } catch {
    return { body: snapshotStream(requestStream(request)), contentType: null };
  }
  return readOnce(requestStream(taken), null);
}
