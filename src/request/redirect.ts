import type { CanonicalRequest, RequestHead } from "./canonical.js";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Whether a status redirects (RFC 9110 section 15.4), given that there is a `location`. */
export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

/** What a cross-origin hop keeps. Nothing that could be a credential, whatever its name. */
const HARMLESS = new Set(["accept", "accept-language", "content-language", "content-type", "user-agent"]);
const ABOUT_THE_BODY = new Set(["content-encoding", "content-language", "content-location", "content-type"]);

/** The request a redirect asks for, as text: it is brought into canonical form and judged like any other. */
export interface RedirectedHead extends RequestHead {
  /** Whether the body goes along (307, 308, and methods that 301–303 do not change). */
  readonly keepsBody: boolean;
}

/**
 * The next hop after `status` with `location`, following the fetch standard (section 4.4): POST becomes GET after 301 and
 * 302, everything but HEAD becomes GET after 303. Null where the location is not a URL. To another origin only harmless
 * header fields go along: undici, and fetch, would still carry `x-api-key`.
 */
export function redirectedHead(request: CanonicalRequest, status: number, location: string): RedirectedHead | null {
  const target = resolveLocation(location, request.url);
  if (target === null) return null;
  const becomesGet =
    ((status === 301 || status === 302) && request.method === "POST") ||
    (status === 303 && request.method !== "GET" && request.method !== "HEAD");
  const sameOrigin = target.origin === request.origin;
  const headers = request.headers.filter(
    ([name]) => (sameOrigin || HARMLESS.has(name)) && !(becomesGet && ABOUT_THE_BODY.has(name)),
  );
  return { method: becomesGet ? "GET" : request.method, url: target.href, headers, keepsBody: !becomesGet };
}

function resolveLocation(location: string, base: string): URL | null {
  try {
    return new URL(location, base);
  } catch {
    return null;
  }
}
