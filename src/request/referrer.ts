/** Schemes that name no place a request can come from (Referrer Policy, "strip URL"). */
const LOCAL = /^(?:about|blob|data):/;

/**
 * The value of `referer` that fetch would send (W3C Referrer Policy, "determine request's referrer"), or null for none. In
 * Node there is no page that a request comes from, so there is one only where the caller names it.
 *
 * @param referrer what a `Request` says: `about:client`, empty, or a URL.
 * @param policy what a `Request` says; empty means the default, `strict-origin-when-cross-origin`.
 */
export function refererFor(referrer: string, policy: string, target: string): string | null {
  if (referrer === "" || LOCAL.test(referrer) || policy === "no-referrer") return null;
  const from = new URL(referrer);
  const to = new URL(target);
  from.username = "";
  from.password = "";
  from.hash = "";
  const origin = `${from.origin}/`;
  const full = from.href.length > 4096 ? origin : from.href;
  const isSame = from.origin === to.origin;
  const isDowngrade = isTrustworthy(from) && !isTrustworthy(to);
  switch (policy) {
    case "origin":
      return origin;
    case "unsafe-url":
      return full;
    case "same-origin":
      return isSame ? full : null;
    case "origin-when-cross-origin":
      return isSame ? full : origin;
    case "no-referrer-when-downgrade":
      return isDowngrade ? null : full;
    case "strict-origin":
      return isDowngrade ? null : origin;
    default:
      if (isSame) return full;
      return isDowngrade ? null : origin;
  }
}

/** W3C Secure Contexts, "is origin potentially trustworthy". */
const isTrustworthy = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" ||
  /^127(?:\.\d{1,3}){3}$/.test(hostname) ||
  hostname === "[::1]" ||
  /^(?:.*\.)?localhost\.?$/.test(hostname);
