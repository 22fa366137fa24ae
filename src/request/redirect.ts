import type { CanonicalRequest, RequestHead } from "./canonical.js";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether a status redirects (RFC 9110 section 15.4), given that there is a `location`. */
export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

/** What a cross-origin hop keeps. Nothing that could be a credential, whatever its name. */
const HARMLESS = new Set(["accept", "accept-language", "content-language", "content-type", "user-agent"]);
const ABOUT_THE_BODY = new Set(["content-encoding", "content-language", "content-location", "content-type"]);

/** The request a redirect asks for, as text: it is brought into canonical form and judged like any other. */
export interface RedirectedHead extends RequestHead {
  readonly ok: true;
  /** Whether the body goes along (307, 308, and methods that 301–303 do not change). */
  readonly keepsBody: boolean;
  readonly sameOrigin: boolean;
}

/**
 * The next hop after `status` with `location`, following the fetch standard (section 4.4): POST becomes GET after 301 and
 * 302, everything but HEAD becomes GET after 303. A location that is no URL is refused in fetch's words; one with
 * another scheme or a user name has no canonical form, and is denied like any such request. To another origin only harmless
 * header fields go along: undici, and fetch, would still carry `x-api-key`.
 */
export function redirectedHead(
  request: CanonicalRequest,
  status: number,
  location: string,
): RedirectedHead | { readonly ok: false; readonly cause: Error } {
  const target = resolveLocation(location, request.url);
  if (target instanceof Error) return { ok: false, cause: target };
  const becomesGet =
    ((status === 301 || status === 302) && request.method === "POST") ||
    (status === 303 && request.method !== "GET" && request.method !== "HEAD");
  const sameOrigin = target.origin === request.origin;
  const headers = request.headers.filter(
    ([name]) => (sameOrigin || HARMLESS.has(name)) && !(becomesGet && ABOUT_THE_BODY.has(name)),
  );
  const method = becomesGet ? "GET" : request.method;
  return { ok: true, method, url: target.href, headers, keepsBody: !becomesGet, sameOrigin };
}

/** A location that is not all ASCII is UTF-8 that a server did not escape (Fetch, "location URL"). */
const ENCODED = /^[\x21-\x7e]*$/;
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function resolveLocation(location: string, base: string): URL | Error {
  try {
    return new URL(ENCODED.test(location) ? location : utf8.decode(Buffer.from(location, "latin1")), base);
  } catch {
    // As the platform says it, but for the `input`: a server may have written a credential there.
    return Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL" });
  }
}
