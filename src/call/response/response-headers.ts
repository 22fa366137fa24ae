import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import type { GuardParts, SessionState } from "../../guard-parts.js";
import type { KnownSecrets } from "../../masking/known/known-secrets.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { mayBeDigest } from "../../request/entity-tags.js";
import type { HeaderPairs, HopResponse } from "../../transport/index.js";
import { droppedHeader } from "../dropped-headers.js";

/** Masks values of fields and parameters; names and values have one character per byte. */
export interface FieldMask {
  /** For what the value is, and for what the name says of it. */
  full(name: string, value: string): string;
  /** For the guard's own secrets. */
  known(value: string): string;
  /** Whether the name of a field, which is in lower case, holds one of them. */
  isNamedFor(name: string): boolean;
}

/** What masks the fields of an answer to this request. Without a masker, only the guard's own secrets are taken out. */
export function maskerOf(
  { masker }: Pick<GuardParts, "masker">,
  { vault }: Pick<SessionState, "vault">,
  { origin }: Pick<CanonicalRequest, "origin">,
  secrets: KnownSecrets,
): FieldMask {
  const known = (value: string): string => secrets.redacted(value);
  const isNamedFor = (name: string): boolean => secrets.isInName(name);
  if (masker === null) return { known, isNamedFor, full: (_name, value) => known(value) };
  const options =
    vault === null
      ? { secrets }
      : { secrets, mint: (kind: string, value: Uint8Array) => vault.mint(kind, value, origin) };
  return { known, isNamedFor, full: (name, value) => masker.field(name, value, options) };
}

/** What no longer describes the bytes once they were masked. `content-encoding` stays when it was undone, as in fetch. */
const ABOUT_THE_BYTES = new Set(["content-length", "etag", "accept-ranges"]);

/**
 * Digests of a body, by whatever name services send them (`content-md5`, `repr-digest`, `x-amz-checksum-sha256`, `x-goog-hash`,
 * …): with one, what was masked can be guessed until it fits.
 */
const DIGEST =
  /(?:^|[-_])(?:md5|sha-?(?:1|224|256|384|512)|crc-?(?:32c?|64[a-z]*)|checksum|hash|digest|etag)(?:[-_]|$)/;

/** Fields that have their words, numbers and dates, and room for nothing else. */
const PLAIN = new Set([
  ...ABOUT_THE_BYTES,
  ...["content-md5", "digest", "content-digest", "repr-digest"],
  ...[
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-range",
  ],
  ...["content-type", "date", "expires", "keep-alive", "last-modified", "pragma", "retry-after", "server", "trailer"],
  ...["strict-transport-security", "transfer-encoding", "upgrade", "vary", "via", "x-content-type-options"],
  ...["x-frame-options", "x-powered-by", "x-xss-protection"],
]);
/** Nothing that is looked for is shorter. */
const SHORTEST = 6;

/** What became of the body that header fields speak of. */
interface DeliveredBody {
  /** The caller gets other bytes than the service sent, or may. */
  readonly changed: boolean;
  /** There is none, and it is not known what one would have become: the response to HEAD, or a 304. */
  readonly unseen: boolean;
  /** How long it is where it is all there. */
  readonly length: number | null;
}

/** Whether a field tells of bytes that the caller does not get. */
const isAboutOthers = (name: string, value: string, { changed, unseen }: DeliveredBody): boolean =>
  (changed && ABOUT_THE_BYTES.has(name)) ||
  ((changed || unseen) && name !== "etag" && DIGEST.test(name)) ||
  (unseen && name === "etag" && mayBeDigest(value));

/** The header fields that the agent sees. */
export function visibleHeaders(
  answer: HopResponse,
  mask: FieldMask,
  body: DeliveredBody,
  dropped: ReadonlySet<string>,
): HeaderPairs {
  const visible: (readonly [string, string])[] = [];
  for (const [name, value] of answer.headers) {
    // Ours only: an upstream must not be able to pass its own 403 off as the guard's.
    if (name.startsWith("x-sallyport-")) continue;
    if (isAboutOthers(name, value, body)) continue;
    // A token is a good name for a field, too.
    if (!PLAIN.has(name) && mask.isNamedFor(name)) continue;
    visible.push([name, masked(name, value, mask)]);
  }
  if (body.changed && body.length !== null && answer.coding !== "decoded")
    visible.push(["content-length", String(body.length)]);
  const told = droppedHeader(dropped);
  if (told !== null) visible.push(["x-sallyport-dropped", told]);
  return visible;
}

function masked(name: string, value: string, mask: FieldMask): string {
  if (name === "set-cookie") return mask.full(name, maskCookie(value));
  return value.length < SHORTEST || PLAIN.has(name) ? mask.known(value) : maskedText(name, value, mask);
}

/** The scheme and the host of a URL, without a password: whoever goes there has to know where that is. */
const AUTHORITY = /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/?#<>"',;@\\]{1,255}(?=[/?#\s<>"',;]|$))/gi;

function maskedText(name: string, value: string, mask: FieldMask): string {
  const pieces = maskParameters(value, mask).split(AUTHORITY);
  return pieces.map((piece, i) => (i % 2 === 1 ? mask.known(piece) : mask.full(name, piece))).join("");
}

/** A session cookie is a credential of the service; the agent may know that there is one. */
const maskCookie = (value: string): string => value.replace(/^([^=;]*)=[^;]*/, "$1=[REDACTED:COOKIE]");

const PARAMETER = /(?<=[?&#])([^=&#\s<>"',;]{1,256})=([^&#\s<>"',;]+)/g;

/** Parameters of the URLs in a text: each says by its name what it is, and is written percent-encoded. */
const maskParameters = (text: string, mask: FieldMask): string =>
  /[?#]/.test(text)
    ? text.replace(PARAMETER, (all: string, name: string, value: string) => {
        const plain = decoded(value);
        const hidden = mask.full(decoded(name), plain);
        return hidden === plain ? all : `${name}=${encodeURIComponent(Buffer.from(hidden, "latin1").toString())}`;
      })
    : text;

/** One character per byte. Broken escapes stand for themselves. */
const decoded = (text: string): string =>
  text.replaceAll("+", " ").replace(/%([0-9A-Fa-f]{2})/g, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

/** The reason phrase: text of the service's own, like a field. */
export const maskedReason = ({ status, statusText }: HopResponse, mask: FieldMask): string =>
  statusText.length < SHORTEST || statusText === STATUS_CODES[status] ? statusText : mask.full("reason", statusText);

/** A URL that a redirect led to: it may have been made for one use, with a token in it. */
export function maskedUrl(url: string, mask: FieldMask): string {
  const hidden = maskedText("url", url, mask);
  if (hidden === url) return url;
  return URL.canParse(hidden) ? new URL(hidden).href : "https://redacted.invalid/";
}
