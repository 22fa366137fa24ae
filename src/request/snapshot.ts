import { accessor, isOfType, method } from "./platform.js";
import { type SnapshotBody, snapshotBody } from "./snapshot-body.js";

/**
 * Reads what the caller gave to fetch exactly once, so that a getter, a subclass, a proxy or a later change cannot say one
 * thing to the judge and another to the wire.
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

const NativeURL = URL;
const NativeRequest = Request;
const NativeHeaders = Headers;
const urlHref = accessor(URL.prototype, "href");
const headerEntries = method(Headers.prototype.entries);
const requestParts = {
  url: accessor(Request.prototype, "url"),
  method: accessor(Request.prototype, "method"),
  headers: accessor(Request.prototype, "headers"),
  body: accessor(Request.prototype, "body"),
  bodyUsed: accessor(Request.prototype, "bodyUsed"),
  redirect: accessor(Request.prototype, "redirect"),
  signal: accessor(Request.prototype, "signal"),
};

/**
 * @throws TypeError for arguments that fetch refuses too.
 */
export function snapshotCall(input: unknown, init: unknown): CallSnapshot {
  const base = inputParts(input);
  const own = optionsOf(init);
  const method = String(own.method ?? base.method);
  const headers = snapshotHeaders(own.headers === undefined ? base.headers : own.headers);
  // A Request's own body is a stream, whose content type is among its headers already.
  const { body, contentType } = snapshotBody(own.body ?? base.body ?? null);
  if (body !== null && /^(?:get|head)$/i.test(method))
    throw new TypeError("Request with GET/HEAD method cannot have body.");
  const typed = contentType === null || headers.some(([name]) => name.toLowerCase() === "content-type");
  return {
    method,
    url: base.url,
    headers: typed ? headers : [...headers, ["content-type", contentType]],
    body,
    redirect: redirectMode(own.redirect ?? base.redirect),
    signal: abortSignal(own.signal === undefined ? base.signal : own.signal),
  };
}

/** What a call says, each part read once and not yet converted. */
interface CallParts {
  readonly method?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly redirect?: unknown;
  readonly signal?: unknown;
}

function inputParts(input: unknown): Required<CallParts> & { readonly url: string } {
  const bare = { method: "GET", headers: null, body: null, redirect: undefined, signal: undefined };
  if (typeof input === "string") return { ...bare, url: input };
  if (input instanceof NativeURL) return { ...bare, url: String(urlHref(input)) };
  if (isRequest(input)) return { ...requestFields(input), url: String(field(input, "url")) };
  return { ...bare, url: String(input) };
}

const isRequest = (value: unknown): value is object => value instanceof NativeRequest || isOfType(value, "Request");

/**
 * A Request of this platform is read through the platform's own accessors, whatever a subclass overrides; one of another
 * copy of undici has its own.
 */
const field = (request: object, name: keyof typeof requestParts): unknown =>
  request instanceof NativeRequest ? requestParts[name](request) : (request as Readonly<Record<string, unknown>>)[name];

function requestFields(request: object): Required<CallParts> {
  if (field(request, "bodyUsed") === true)
    throw new TypeError("Cannot construct a Request with a Request object that has already been used.");
  return {
    method: field(request, "method"),
    headers: field(request, "headers"),
    body: field(request, "body") ?? null,
    redirect: field(request, "redirect"),
    signal: field(request, "signal"),
  };
}

/** Own properties only, in an object without a prototype: a polluted `Object.prototype` must not add to every request. */
function optionsOf(init: unknown): CallParts {
  const options: { -readonly [Part in keyof CallParts]: CallParts[Part] } = Object.create(null);
  if (init === undefined || init === null) return options;
  if (typeof init !== "object" && typeof init !== "function") throw new TypeError("fetch options must be an object");
  if (isRequest(init)) return Object.assign(options, requestFields(init));
  for (const name of ["method", "headers", "body", "redirect", "signal"] as const) {
    if (Object.hasOwn(init, name)) options[name] = (init as CallParts)[name];
  }
  return options;
}

/** Accepts what fetch accepts: Headers of any copy, pairs, or a record; `null` counts as none. */
export function snapshotHeaders(source: unknown): readonly (readonly [string, string])[] {
  if (source === null || source === undefined) return [];
  if (typeof source !== "object" && typeof source !== "function")
    throw new TypeError("headers must be an object, pairs or Headers");
  if (source instanceof NativeHeaders) return [...headerEntries(source)];
  if (Symbol.iterator in source) {
    return Array.from(source as Iterable<unknown>, (pair): readonly [string, string] => {
      const [name, value, ...more] = Array.from(pair as Iterable<unknown>);
      if (value === undefined || more.length > 0) throw new TypeError("each header pair must be a name and a value");
      return [String(name), String(value)];
    });
  }
  return Object.keys(source).map((name) => [name, String((source as Record<string, unknown>)[name])] as const);
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
