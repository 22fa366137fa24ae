import { type FetchSettings, USUAL_SETTINGS } from "../fetch-rules.js";
import { isFieldName, isFieldValue } from "../headers.js";
import { isIntegrityTooLong } from "../integrity.js";
import { accessor, isOfType, method } from "../platform.js";
import { refererFor } from "../referrer.js";
import {
  type CallOptions,
  isNativeRequest,
  isRequest,
  readOptions,
  requestField,
  requestOptions,
} from "./call-options.js";
import { type BodySnapshot, requestBody, type SnapshotBody, snapshotBody } from "./snapshot-body.js";
import { combined, snapshotHeaders } from "./snapshot-headers.js";

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
  readonly settings: FetchSettings;
  /** Subresource Integrity metadata; empty for none. */
  readonly integrity: string;
}

const NativeURL = URL;
const NativeRequest = Request;
const urlHref = accessor(URL.prototype, "href");
const headerEntries = method(Headers.prototype.entries);

/**
 * @throws TypeError for arguments that fetch refuses too.
 */
export function snapshotCall(input: unknown, init: unknown): CallSnapshot {
  const options = readOptions(init);
  if (isRequest(input))
    return unusualCall(String(requestField(input, "url")), optionsOver(input, options.values, options.isEmpty));
  const text =
    typeof input === "string" ? input : input instanceof NativeURL ? String(urlHref(input)) : `${input as string}`;
  const url = RELATIVE.test(text) ? String(requestField(new NativeRequest(text), "url")) : text;
  return (
    (options.usual ? usualCall(url, options.values) : null) ?? unusualCall(url, { values: options.values, body: null })
  );
}

/** Text that is a URL only where the process has a base for it (undici's `setGlobalOrigin`); the platform refuses it elsewhere. */
const RELATIVE = /^[^:/?#\u0000-\u0020]*(?:[/?#]|$)/;

/** What most calls are; null where the platform must say what it means, or why it is wrong. */
function usualCall(url: string, options: CallOptions): CallSnapshot | null {
  const { method = "GET", redirect = "follow", signal = null, duplex = "half" } = options;
  if (
    !isPlainMethod(method) ||
    !isRedirectMode(redirect) ||
    duplex !== "half" ||
    !(signal === null || isOfType(signal, "AbortSignal"))
  )
    return null;
  const pairs = snapshotHeaders(options.headers);
  for (const [name, value] of pairs)
    if (!isFieldName(name) || !isFieldValue(value))
      return unusualCall(url, { values: bare(options, { headers: pairs }), body: null });
  const headers = combined(pairs);
  if (options.body === undefined || options.body === null)
    return {
      method,
      url,
      headers,
      body: null,
      redirect,
      signal: signal as AbortSignal | null,
      settings: USUAL_SETTINGS,
      integrity: "",
    };
  if (method === "GET" || method === "HEAD" || method === "get" || method === "head") throw bodyWithoutMethod();
  const { body, contentType } = given(snapshotBody(options.body), options);
  return {
    method,
    url,
    headers: withContentType(headers, contentType),
    body,
    redirect,
    signal: signal as AbortSignal | null,
    settings: body instanceof ReadableStream ? { ...USUAL_SETTINGS, streamLength: lengthOf(headers) } : USUAL_SETTINGS,
    integrity: "",
  };
}

/** Options, and a body that a Request brought along. */
interface Unusual {
  readonly values: CallOptions;
  readonly body: BodySnapshot | null;
}

/** Everything else goes through the platform's own Request, so that it means, or is refused as, what it is there. */
function unusualCall(url: string, { values, body: brought }: Unusual): CallSnapshot {
  const { body: own, signal = null, headers: givenHeaders, ...rest } = values;
  const headers = snapshotHeaders(givenHeaders);
  const init = bare(DEFAULTS, rest, { headers, body: null, signal: null }) as RequestInit;
  const request = new NativeRequest(url, init);
  const method = String(requestField(request, "method"));
  const integrity = String(requestField(request, "integrity"));
  if (isIntegrityTooLong(integrity)) throw new TypeError("integrity names more digests than one thing can have");
  const mode = String(requestField(request, "mode"));
  if (signal !== null && !isOfType(signal, "AbortSignal"))
    throw new TypeError("RequestInit: signal must be an AbortSignal");
  const hasOwn = own !== undefined && own !== null;
  if ((hasOwn || brought !== null) && (method === "GET" || method === "HEAD")) throw bodyWithoutMethod();
  const { body, contentType } = hasOwn ? given(snapshotBody(own), values) : (brought ?? NO_BODY);
  if (body instanceof ReadableStream && mode !== "same-origin" && mode !== "cors")
    throw new TypeError('If request is made from ReadableStream, mode should be "same-origin" or "cors"');
  const referer = refererFor(
    String(requestField(request, "referrer")),
    String(requestField(request, "referrerPolicy")),
    url,
  );
  const fields = [...headerEntries(requestField(request, "headers") as Headers)];
  if (referer !== null && !fields.some(([name]) => name === "referer")) fields.push(["referer", referer]);
  return {
    method,
    url,
    headers: mode === "no-cors" ? fields : withContentType(fields, contentType),
    body,
    redirect: requestField(request, "redirect") as CallSnapshot["redirect"],
    signal: signal as AbortSignal | null,
    settings: {
      mode,
      cache: String(requestField(request, "cache")),
      streamLength: body instanceof ReadableStream ? lengthOf(fields) : null,
    },
    integrity,
  };
}

/** Every member is said: what is not, the platform would find on a polluted `Object.prototype`. */
const DEFAULTS = {
  method: "GET",
  redirect: "follow",
  mode: "cors",
  credentials: "same-origin",
  cache: "default",
  referrer: "about:client",
  referrerPolicy: "",
  integrity: "",
  keepalive: false,
  duplex: "half",
  priority: "auto",
  window: null,
};

const NO_BODY: BodySnapshot = { body: null, contentType: null };

/** A Request, and options that say otherwise (Fetch, "new Request(input, init)"). */
function optionsOver(request: object, options: CallOptions, isEmpty: boolean): Unusual {
  const said = {
    ...(isEmpty ? {} : { referrer: "about:client", referrerPolicy: "" }),
    headers: requestField(request, "headers"),
    signal: requestField(request, "signal"),
  };
  const values = bare(requestOptions(request), said, options);
  const brought = requestField(request, "body") ?? null;
  if ((options.body ?? null) !== null || brought === null) return { values, body: null };
  if (requestField(request, "bodyUsed") === true)
    throw new TypeError("Cannot construct a Request with a Request object that has already been used.");
  if (isPlainMethod(values.method) && /^(?:get|head)$/i.test(values.method)) throw bodyWithoutMethod();
  // A Request of another copy of undici, or what only calls itself one, may bring anything: it is taken like any body.
  const body = isNativeRequest(request) ? requestBody(request) : { ...snapshotBody(brought), contentType: null };
  return { values, body };
}

/** Members put together without a prototype: a later read must not find what `Object.prototype` was polluted with. */
const bare = (...parts: readonly object[]): CallOptions => Object.assign(Object.create(null), ...parts);

/** A body whose length is not known must be said to be streamed; one that is kept alive has to have a length. */
function given(snapshot: BodySnapshot, { duplex, keepalive }: CallOptions): BodySnapshot {
  if (!snapshot.isStream) return snapshot;
  if (keepalive === true) throw new TypeError("keepalive");
  if (duplex === undefined || duplex === null)
    throw new TypeError("RequestInit: duplex option is required when sending a body.");
  return snapshot;
}

const bodyWithoutMethod = (): TypeError => new TypeError("Request with GET/HEAD method cannot have body.");

const withContentType = (headers: CallSnapshot["headers"], contentType: string | null): CallSnapshot["headers"] =>
  contentType === null || headers.some(([name]) => name.toLowerCase() === "content-type")
    ? headers
    : [...headers, ["content-type", contentType]];

const lengthOf = (headers: CallSnapshot["headers"]): string | null =>
  headers.find(([name]) => name.toLowerCase() === "content-length")?.[1] ?? null;

const PLAIN_METHODS: ReadonlySet<unknown> = new Set(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].flatMap((name) => [name, name.toLowerCase()]).concat("PATCH"),
);
const isPlainMethod = (value: unknown): value is string => PLAIN_METHODS.has(value);

const isRedirectMode = (value: unknown): value is CallSnapshot["redirect"] =>
  value === "follow" || value === "manual" || value === "error";
