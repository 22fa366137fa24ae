/**
 * Reads what the caller gave to fetch exactly once, so that a getter, a subclass, a proxy or a later change cannot say one
 * thing to the judge and another to the wire. Platform accessors are captured when this module is loaded.
 */

/** A call as it was made, turned into plain values. */
export interface CallSnapshot {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: SnapshotBody;
  readonly redirect: "follow" | "manual" | "error";
  readonly signal: AbortSignal | null;
}

/** Bytes are a copy. A promise is for types whose bytes the platform only gives asynchronously (Blob, FormData). */
export type SnapshotBody = Uint8Array | Promise<Uint8Array> | ReadableStream<Uint8Array> | null;

const getter = <T>(prototype: object, name: string): ((target: T) => unknown) => {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  if (get === undefined) throw new TypeError(`this platform has no ${name}`);
  return (target) => Reflect.apply(get, target, []);
};

const urlHref = getter<URL>(URL.prototype, "href");
const requestParts = {
  url: getter<Request>(Request.prototype, "url"),
  method: getter<Request>(Request.prototype, "method"),
  headers: getter<Request>(Request.prototype, "headers"),
  body: getter<Request>(Request.prototype, "body"),
  bodyUsed: getter<Request>(Request.prototype, "bodyUsed"),
  redirect: getter<Request>(Request.prototype, "redirect"),
  signal: getter<Request>(Request.prototype, "signal"),
};
const headerEntries = Headers.prototype.entries;
const NativeResponse = Response;
const utf8 = new TextEncoder();

/** FormData and Blob up to this size are sent with a length, as fetch does; above, as a stream. */
const LARGEST_BUFFERED = 32 * 1024 * 1024;

/**
 * @throws TypeError for arguments that fetch refuses too.
 */
export function snapshotCall(input: unknown, init: unknown): CallSnapshot {
  const base = snapshotInput(input);
  const own = ownOptions(init);
  const headers = own.headers === undefined ? base.headers : snapshotHeaders(own.headers);
  const method = own.method === undefined ? base.method : String(own.method);
  const { body, contentType } =
    own.body === undefined ? { body: base.body, contentType: null } : snapshotBody(own.body);
  if (body !== null && /^(?:get|head)$/i.test(method))
    throw new TypeError("Request with GET/HEAD method cannot have body.");
  const named = contentType === null || headers.some(([name]) => name.toLowerCase() === "content-type");
  return {
    method,
    url: base.url,
    headers: named ? headers : [...headers, ["content-type", contentType]],
    body,
    redirect: redirectMode(own.redirect ?? base.redirect),
    signal: abortSignal(own.signal === undefined ? base.signal : own.signal),
  };
}

interface InputParts {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: SnapshotBody;
  readonly redirect: unknown;
  readonly signal: unknown;
}

function snapshotInput(input: unknown): InputParts {
  const bare = { method: "GET", headers: [], body: null, redirect: undefined, signal: undefined };
  if (typeof input === "string") return { ...bare, url: input };
  if (input instanceof URL) return { ...bare, url: String(urlHref(input)) };
  if (isOfType(input, "Request")) return snapshotRequest(input);
  return { ...bare, url: String(input) };
}

function snapshotRequest(request: object): InputParts {
  // A Request of this platform is read through the platform's own accessors, whatever a subclass overrides; one of another
  // copy of undici has its own, read once.
  const native = request instanceof Request;
  const read = (name: keyof typeof requestParts): unknown =>
    native ? requestParts[name](request) : (request as Record<string, unknown>)[name];
  if (read("bodyUsed") === true)
    throw new TypeError("Cannot construct a Request with a Request object that has already been used.");
  const body = read("body");
  return {
    url: String(read("url")),
    method: String(read("method")),
    headers: snapshotHeaders(read("headers")),
    body: body === null || body === undefined ? null : snapshotBody(body).body,
    redirect: read("redirect"),
    signal: read("signal"),
  };
}

interface OwnOptions {
  readonly method?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly redirect?: unknown;
  readonly signal?: unknown;
}

/** Own properties only: a polluted `Object.prototype` must not add a method or a header to every request. */
function ownOptions(init: unknown): OwnOptions {
  if (init === undefined || init === null) return {};
  if (typeof init !== "object" && typeof init !== "function") throw new TypeError("fetch options must be an object");
  if (isOfType(init, "Request")) {
    const { method, headers, body, redirect, signal } = snapshotRequest(init);
    return { method, headers, body: body ?? undefined, redirect, signal };
  }
  const options: { -readonly [Key in keyof OwnOptions]: unknown } = {};
  for (const name of ["method", "headers", "body", "redirect", "signal"] as const) {
    const value = Object.hasOwn(init, name) ? (init as Record<string, unknown>)[name] : undefined;
    if (value !== undefined) options[name] = value;
  }
  return options;
}

/** Accepts what fetch accepts: Headers of any copy, pairs, or a record; `null` counts as none. */
export function snapshotHeaders(source: unknown): readonly (readonly [string, string])[] {
  if (source === null || source === undefined) return [];
  if (typeof source !== "object" && typeof source !== "function")
    throw new TypeError("headers must be an object, pairs or Headers");
  if (source instanceof Headers) return [...(Reflect.apply(headerEntries, source, []) as Iterable<[string, string]>)];
  if (Symbol.iterator in source) {
    return Array.from(source as Iterable<unknown>, (pair): readonly [string, string] => {
      const [name, value, ...more] = Array.from(pair as Iterable<unknown>);
      if (value === undefined || more.length > 0) throw new TypeError("each header pair must be a name and a value");
      return [String(name), String(value)];
    });
  }
  return Object.keys(source).map((name) => [name, String((source as Record<string, unknown>)[name])] as const);
}

function snapshotBody(body: unknown): { readonly body: SnapshotBody; readonly contentType: string | null } {
  if (body === null) return { body: null, contentType: null };
  if (typeof body === "string") return { body: utf8.encode(body), contentType: "text/plain;charset=UTF-8" };
  if (body instanceof Uint8Array) return { body: Uint8Array.from(body), contentType: null };
  if (ArrayBuffer.isView(body)) {
    return {
      body: new Uint8Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer),
      contentType: null,
    };
  }
  if (body instanceof ArrayBuffer || isOfType(body, "SharedArrayBuffer")) {
    return { body: new Uint8Array((body as ArrayBuffer).slice(0)), contentType: null };
  }
  if (body instanceof ReadableStream) return { body: unusedStream(body), contentType: null };
  if (body instanceof Promise) return { body: body as Promise<Uint8Array>, contentType: null };
  if (isOfType(body, "URLSearchParams")) {
    return { body: utf8.encode(String(body)), contentType: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (isOfType(body, "Blob") || isOfType(body, "File")) return platformBody(body as Blob, (body as Blob).size);
  if (isOfType(body, "FormData")) {
    const form = nativeForm(body as FormData);
    let size = 0;
    for (const [, value] of form) size += typeof value === "string" ? value.length * 3 : value.size;
    return platformBody(form, size);
  }
  if (typeof body === "object" && Symbol.asyncIterator in body) {
    return { body: streamFrom(body as AsyncIterable<Uint8Array>), contentType: null };
  }
  return { body: utf8.encode(String(body)), contentType: "text/plain;charset=UTF-8" };
}

/** Lets the platform serialise, so that a multipart boundary and a Blob's type are exactly fetch's. */
function platformBody(
  body: Blob | FormData,
  size: number,
): { readonly body: SnapshotBody; readonly contentType: string | null } {
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
  if (form instanceof FormData) return form;
  const copy = new FormData();
  for (const [name, value] of form as Iterable<[string, FormDataEntryValue]>) {
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, value as Blob, (value as File).name);
  }
  return copy;
}

function unusedStream(stream: ReadableStream): ReadableStream<Uint8Array> {
  if (stream.locked) throw new TypeError("Response body object should not be disturbed or locked");
  return stream as ReadableStream<Uint8Array>;
}

function redirectMode(value: unknown): CallSnapshot["redirect"] {
  if (value === undefined || value === "follow" || value === "") return "follow";
  if (value === "manual" || value === "error") return value;
  throw new TypeError(`redirect must be "follow", "manual" or "error"`);
}

function abortSignal(value: unknown): AbortSignal | null {
  if (value === null || value === undefined) return null;
  if (!isOfType(value, "AbortSignal")) throw new TypeError("signal must be an AbortSignal");
  return value as AbortSignal;
}

/** By `Symbol.toStringTag`, because npm's undici and polyfills have classes of their own. */
const isOfType = (value: unknown, tag: string): value is object =>
  typeof value === "object" &&
  value !== null &&
  (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === tag;

/** In Node since 20.6; the DOM types do not have it yet. */
const streamFrom = (
  ReadableStream as unknown as { from(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> }
).from.bind(ReadableStream);
