import { isForm, isJson, parseMediaType } from "../request/body/media-type.js";

/** How a body is read. */
export type Format = "json" | "sse" | "form" | "text" | "multipart";

export interface Media {
  readonly format: Format;
  /** Of a multipart body; empty for others. */
  readonly boundary: string;
}

/** RFC 2046, section 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** Character sets in which every byte below 0x80 is ASCII and nothing else: the detectors work on bytes. */
const CHARSET = /^(?:utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|iso_8859-\d{1,2}|latin1|windows-125\d|koi8-[ru]|euc-jp)$/i;

const JSON_LINES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
  "application/jsonlines",
  "application/json-seq",
  "application/stream+json",
]);

const TEXTS: ReadonlySet<string> = new Set([
  "application/xml",
  "application/yaml",
  "application/x-yaml",
  "application/javascript",
  "application/ecmascript",
  "application/x-sh",
  "application/sql",
  "application/toml",
  "application/graphql",
  "application/x-pem-file",
]);

/** How a body of this media type is read, or null where it cannot be masked. */
export function mediaOf(contentType: string | null): Media | null {
  if (contentType === null) return null;
  if (contentType !== latest.contentType) latest = { contentType, media: parsedMedia(contentType) };
  return latest.media;
}

/** The last answer given: a service says the same of nearly everything, and is asked about twice. */
let latest: { readonly contentType: string; readonly media: Media | null } = { contentType: "", media: null };

function parsedMedia(contentType: string): Media | null {
  const parsed = parseMediaType(contentType);
  if (parsed === null) return null;
  const { essence, parameters } = parsed;
  const charset = parameters.get("charset");
  if (charset !== undefined && !CHARSET.test(charset)) return null;
  const boundary = parameters.get("boundary") ?? "";
  // Ranges of a text are no texts: a value may be cut by any of them.
  if (essence.startsWith("multipart/"))
    return essence !== "multipart/byteranges" && BOUNDARY.test(boundary) ? { format: "multipart", boundary } : null;
  const format = formatOf(essence);
  return format === null ? null : { format, boundary: "" };
}

function formatOf(essence: string): Format | null {
  if (isJson(essence) || JSON_LINES.has(essence)) return "json";
  if (essence === "text/event-stream") return "sse";
  if (isForm(essence)) return "form";
  return essence.startsWith("text/") || essence.endsWith("+xml") || essence.endsWith("+yaml") || TEXTS.has(essence)
    ? "text"
    : null;
}

/**
 * Whether a body of this media type can be masked: JSON, NDJSON, server-sent events, forms, text of all kinds in a
 * character set that extends ASCII, and multipart bodies, part by part. Binary types, ranges, UTF-16 and a missing or broken
 * `content-type` cannot.
 */
export function isMaskable(contentType: string | null): boolean {
  return mediaOf(contentType) !== null;
}
