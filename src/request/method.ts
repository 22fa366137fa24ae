import { type Refusal, refuse } from "./refusal.js";

/** The ordinary verbs. No other exists for us: TRACE echoes credentials, CONNECT opens tunnels, unknown ones mean anything. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

const KNOWN = new Map<string, Method>(
  METHODS.flatMap((method) => [
    [method, method],
    [method.toLowerCase(), method],
  ]),
);

/** The upper-case verb, or a refusal. Compared as ASCII first: `toUpperCase` alone would turn `PO\u017FT` into `POST`. */
export function canonicalMethod(raw: string): { readonly ok: true; readonly method: Method } | Refusal {
  const method = KNOWN.get(raw) ?? (/^[A-Za-z]{1,16}$/.test(raw) ? KNOWN.get(raw.toUpperCase()) : undefined);
  return method === undefined
    ? refuse("METHOD_REFUSED", "the method is not one of GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE")
    : { ok: true, method };
}

/** Whether a method changes nothing at the service (RFC 9110 section 9.2.1). */
export const isSafe = (method: string): boolean => SAFE.has(method);
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"] satisfies Method[]);

/** Parameters and body fields by which frameworks let a POST run as another verb (Rails, Laravel, Symfony, Express, OData, Google). */
const OVERRIDE_FIELDS = new Set([
  "_method",
  "_httpmethod",
  "_http_method",
  "_method_override",
  "method_override",
  "http_method_override",
  "x_http_method",
  "x_http_method_override",
  "x_method_override",
  // By which Google's front ends take a method and header fields from the URL.
  "$httpmethod",
  "$httpheaders",
]);

/**
 * Whether a query parameter or body field of this name asks for another verb, as servers spell it: in any case, with `-`
 * for `_`, and as PHP does with blanks before it, `.` or `[` for `_`, and brackets behind it.
 */
export function isMethodOverrideField(name: string): boolean {
  if (name.length < 7 || !/method|headers/i.test(name)) return false;
  const field = name.trim().toLowerCase();
  const bracket = field.indexOf("[", 1);
  return isListed(field) || (bracket !== -1 && isListed(field.slice(0, bracket)));
}

const isListed = (field: string): boolean => field.length <= 32 && OVERRIDE_FIELDS.has(field.replace(/[-. []/g, "_"));
