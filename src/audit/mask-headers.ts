import { maskUrl, REDACTED } from "./mask-url.js";

/** Headers whose values may be recorded. All others keep their name and place, and lose their value. */
const SHOWN = new Set(
  `accept accept-charset accept-encoding accept-language accept-ranges age allow cache-control connection content-disposition
  content-encoding content-language content-length content-range content-type date deprecation etag expires host
  idempotency-key if-match if-modified-since if-none-match if-range if-unmodified-since last-modified prefer range
  ratelimit ratelimit-limit ratelimit-remaining ratelimit-reset retry-after server sunset te trailer transfer-encoding
  traceparent upgrade user-agent vary via x-correlation-id x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset
  x-request-id x-sallyport-code`.split(/\s+/),
);
const URLS = new Set(["location", "content-location", "referer", "origin"]);

/** The value of a header as it may stand in the record. */
export function maskHeader(name: string, value: string): string {
  const key = name.toLowerCase();
  if (SHOWN.has(key)) return value;
  return URLS.has(key) ? maskUrl(value) : REDACTED;
}
