import { type DeclaredBody, declaredBody } from "./body/body.js";
import { canonicalHeaders } from "./headers.js";
import { canonicalMethod, type Method } from "./method.js";
import type { Refusal } from "./refusal.js";
import { type CanonicalUrl, canonicalUrl } from "./url.js";

/** What a caller asks, as text, read once from whatever the caller gave. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** A request in the one form that is judged and sent. */
export interface CanonicalRequest extends CanonicalUrl {
  readonly method: Method;
  /** Lower-case, in the caller's order, without what the agent may not set. */
  readonly headers: readonly (readonly [string, string])[];
  /** Names of the header fields that were left out. */
  readonly droppedHeaders: readonly string[];
  /** What the header fields say about the body. */
  readonly declaredBody: DeclaredBody;
  /** How long the caller says the body is; null where it says nothing. */
  readonly declaredLength: number | null;
}

/** Brings a request into canonical form, or says why it has none. Pure; the same text always gives the same answer. */
export function canonicaliseRequest(head: RequestHead): CanonicalRequest | Refusal {
  const method = canonicalMethod(head.method);
  if (!method.ok) return method;
  const url = canonicalUrl(head.url);
  if (!url.ok) return url;
  const headers = canonicalHeaders(head.headers, url.origin);
  if (!headers.ok) return headers;
  // Member by member: a spread of this many costs more than all the checks above.
  return {
    ok: true,
    url: url.url,
    origin: url.origin,
    scheme: url.scheme,
    host: url.host,
    port: url.port,
    address: url.address,
    path: url.path,
    segments: url.segments,
    encodedSlash: url.encodedSlash,
    search: url.search,
    query: url.query,
    method: method.method,
    headers: headers.fields,
    droppedHeaders: headers.dropped,
    declaredBody: declaredBody(headers.fields),
    declaredLength: headers.length,
  };
}
