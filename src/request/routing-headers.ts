/**
 * Fields by which servers, gateways and frameworks serve another path, or run another method, than the one in the request line:
 * `X-Original-URL`, `X-Rewrite-URL`, `X-MS-Original-URL`, `X-HTTP-DestinationURL`, `X-HTTP-Method-Override`. There is a new one
 * with every product, so they are known by what they say, and not by a list: which of two places or methods, and that it is one.
 */

const PREFIX = "^(?:[a-z0-9]+-){0,3}";
/** Another place than the one that was asked for, … */
const WHICH =
  "(?:original|orig|rewrite|rewritten|forward|forwarded|override|overridden|destination|real|raw|unencoded)";
/** … of what is asked for there. */
const WHAT = "(?:ur[il]|path|pathinfo|path-info|query|querystring|query-string|method|verb)";

const FAMILIES = [
  // x-original-url, x-ms-original-url, x-originalurl, x-original-request-uri, x-http-destinationurl
  new RegExp(`${PREFIX}${WHICH}-?(?:[a-z0-9]+-)?${WHAT}$`),
  // x-http-method-override, x-url-rewrite
  new RegExp(`${PREFIX}${WHAT}-?${WHICH}$`),
  // x-http-method, request-uri; but not `access-control-request-method`
  /^(?:x-(?:http-)?|http-|(?:x-)?request-)(?:method|verb|ur[il]|path|query|query-string)$/,
  // Next.js steers its own routing by them, and lets requests past the middleware that checks who may.
  /^x-(?:middleware|invoke)-/,
  /^x-(?:matched-path|now-route-matches)$/,
];

/**
 * Whether a field routes a request; `name` is in lower case, with `-` for `_`. Not those of Envoy, which overwrites them: all of
 * its fields are left out.
 */
export const isRoutingHeader = (name: string): boolean =>
  !name.startsWith("x-envoy-") && MAY_ROUTE.test(name) && FAMILIES.some((one) => one.test(name));

/** What no name without it does: fields are many, and this is tried with each. */
const MAY_ROUTE = /ur[il]|path|query|method|verb|middleware|invoke|route/;

/** Fields that name another host, port or scheme than the URL: virtual hosts are chosen by it. */
export const isHostHeader = (name: string): boolean => HOST.test(name);

const HOST = new RegExp(
  `${PREFIX}(?:${WHICH}-?(?:[a-z0-9]+-)?(?:host|hostname|authority|server|port|proto|scheme)|(?:host|server|authority)-?${WHICH})$`,
);
