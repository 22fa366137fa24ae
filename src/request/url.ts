import { canonicalAuthority, type Scheme } from "./host.js";
import { canonicalPath } from "./path.js";
import { canonicalQuery } from "./query.js";
import { type Refusal, refuse } from "./refusal.js";

/** A URL in the one form that is judged and sent. Putting `url` through this again, or through `new URL`, changes nothing. */
export interface CanonicalUrl {
  readonly ok: true;
  readonly url: string;
  readonly origin: string;
  readonly scheme: Scheme;
  readonly host: string;
  readonly port: number;
  /** The address when the host is a literal, else null. */
  readonly address: string | null;
  readonly path: string;
  readonly segments: readonly string[];
  readonly encodedSlash: boolean;
  /** The query with its `?`, or empty. */
  readonly search: string;
  /** Decoded query pairs in order. */
  readonly query: readonly (readonly [string, string])[];
}

const MAX_URL = 8192;
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):(\/\/)?([^/?#]*)([^?#]*)(\?[^#]*)?/s;

/**
 * Brings a URL into canonical form, or refuses it. Everything is read off the text the caller gave: the URL standard's
 * parser would silently resolve `..`, drop tabs and turn `\` into `/`, and so judge something that nobody wrote.
 */
export function canonicalUrl(raw: string): CanonicalUrl | Refusal {
  if (raw.length > MAX_URL) return refuse("URL_TOO_LONG", "the URL is longer than 8 KiB");
  if (/[\u0000-\u001f\u007f-\u009f]/.test(raw) || raw.trim() !== raw) {
    return refuse("URL_AMBIGUOUS", "the URL has a control character, or white space around it");
  }
  const match = ABSOLUTE.exec(raw);
  if (match === null) return refuse("URL_INVALID", "the URL is not absolute");
  const [, rawScheme = "", slashes, rawAuthority = "", rawPath = "", rawQuery = ""] = match;
  const scheme = rawScheme.toLowerCase();
  if (scheme !== "https" && scheme !== "http") return refuse("SCHEME_REFUSED", "the scheme is neither https nor http");
  if (rawAuthority.includes("\\") || rawPath.includes("\\")) return refuse("URL_AMBIGUOUS", "the URL has a backslash");
  if (slashes === undefined || rawAuthority === "") return refuse("URL_AMBIGUOUS", "the URL has no host after `//`");
  const authority = canonicalAuthority(rawAuthority, scheme);
  if (!authority.ok) return authority;
  const path = canonicalPath(rawPath === "" ? "/" : rawPath);
  if (!path.ok) return path;
  const query = canonicalQuery(rawQuery === "?" ? "" : rawQuery);
  if (!query.ok) return query;
  const url = authority.origin + path.text + query.text;
  if (url.length > MAX_URL) return refuse("URL_TOO_LONG", "the URL is longer than 8 KiB once escaped");
  return {
    ok: true,
    url,
    origin: authority.origin,
    scheme,
    host: authority.host,
    port: authority.port,
    address: authority.address,
    path: path.text,
    segments: path.segments,
    encodedSlash: path.encodedSlash,
    search: query.text,
    query: query.pairs,
  };
}
