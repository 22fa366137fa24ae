import { Buffer } from "node:buffer";
import type { GuardParts, SessionState } from "../guard-parts.js";
import { KnownSecrets } from "../masking/known/known-secrets.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { type FieldMask, maskerOf } from "./response/response-headers.js";

/**
 * What a service wrote, on its way to anybody: an error, a model, a stack, a cause, the record, an approver. A service knows
 * the credential that it was sent, and may write it anywhere it likes.
 */
export interface UpstreamText {
  /** A text without known credentials and without what detectors find, in one line and of bounded length. */
  text(written: string): string;
  /** A text that only a name or an address in it can be of the service's making: without known credentials. */
  words(written: string): string;
  /** The request that a redirect asks for, as it may be told. */
  request(asked: CanonicalRequest): CanonicalRequest;
}

/** What replaces a text, or a part of a URL, that holds something in a spelling in which it cannot be cut out. */
const HIDDEN = "[REDACTED]";
/** Stands for a host whose name says what it must not (RFC 2606). */
const HIDDEN_ORIGIN = "https://redacted.invalid";

/** More is not looked into, and not told. */
const MOST_READ = 16 * 1024;
const MOST_TOLD = 2 * 1024;
/** What a text is decoded again and again for. */
const MOST_READINGS = 4;

export function upstreamText(
  parts: Pick<GuardParts, "masker" | "broker">,
  values: readonly { readonly value: string }[] = [],
): UpstreamText {
  // Without a vault: what is told of an error is not for use in a request.
  const credentials = maskerOf(parts, NO_VAULT, { origin: "" }, parts.broker.knownSecrets());
  const mask = values.length === 0 ? credentials : withValues(credentials, values);
  return {
    text: (written) => inOneLine(written, (line) => hidden(mask, "text", line)),
    words: (written) =>
      inOneLine(written, (line) => (mask.isNamedFor(line.toLowerCase()) ? HIDDEN : byBytes(line, mask.known))),
    request: (asked) => toldRequest(mask, asked),
  };
}

const NO_VAULT: Pick<SessionState, "vault"> = { vault: null };

/** The values behind a request's placeholders are hidden as credentials are. */
function withValues(mask: FieldMask, values: readonly { readonly value: string }[]): FieldMask {
  const known = KnownSecrets.of(values.map(({ value }) => value));
  return {
    full: (name, value) => mask.full(name, known.redacted(value)),
    known: (value) => mask.known(known.redacted(value)),
    isNamedFor: (name) => known.isInName(name) || mask.isNamedFor(name),
  };
}

/** Characters that end a line, or that a terminal or a reader's eye acts upon. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

function inOneLine(written: string, hide: (line: string) => string): string {
  if (written.length > MOST_READ) return HIDDEN;
  const told = hide(written.replace(ACTIVE, " "));
  return told.length > MOST_TOLD ? `${told.slice(0, MOST_TOLD)}…` : told;
}

/**
 * The text without findings; nothing of it where a credential stands in other letters, as in the name of a host, or where there
 * is a finding in what its escapes stand for.
 */
function hidden(mask: FieldMask, name: string, text: string): string {
  const shown = masked(mask, name, text);
  if (mask.isNamedFor(shown.toLowerCase())) return HIDDEN;
  for (let reading = shown, left = MOST_READINGS; left > 0; left--) {
    const decoded = withoutEscapes(reading);
    if (decoded === reading) return shown;
    if (mask.isNamedFor(decoded.toLowerCase()) || masked(mask, name, decoded) !== decoded) return HIDDEN;
    reading = decoded;
  }
  return HIDDEN;
}

const masked = (mask: FieldMask, name: string, text: string): string =>
  byBytes(text, (bytes) => mask.full(name, bytes));

/** A mask works on texts with one character for each byte. */
function byBytes(text: string, hide: (bytes: string) => string): string {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  const shown = hide(bytes);
  return shown === bytes ? text : Buffer.from(shown, "latin1").toString("utf8");
}

/** Broken escapes stand for themselves. */
function withoutEscapes(text: string): string {
  if (!/[%+]/.test(text)) return text;
  return text.replace(/(?:%[0-9A-Fa-f]{2})+|\+/g, (escapes) =>
    escapes === "+" ? " " : Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** Piece by piece, so that the rest of a URL can be told; whole again, for what stands across pieces. */
function toldRequest(mask: FieldMask, asked: CanonicalRequest): CanonicalRequest {
  const origin = mask.isNamedFor(asked.host) ? HIDDEN_ORIGIN : asked.origin;
  const path = pieces(mask, asked.path, "/", (segment) => inPath(hidden(mask, "text", segment), segment));
  const pairs = pieces(mask, asked.search.slice(1), "&", (pair) => hiddenPair(mask, pair));
  const search = pairs === "" ? "" : `?${pairs}`;
  if (origin === asked.origin && path === asked.path && search === asked.search) return asked;
  const { host, port } = origin === asked.origin ? asked : { host: new URL(origin).host, port: 443 };
  const query = [...new URLSearchParams(search)];
  const segments = path.slice(1).split("/");
  return { ...asked, url: origin + path + search, origin, host, port, path, segments, search, query };
}

function pieces(mask: FieldMask, text: string, separator: string, hide: (piece: string) => string): string {
  const told = text.split(separator).map(hide).join(separator);
  return hidden(mask, "text", told) === told ? told : `${separator === "/" ? "/" : ""}${HIDDEN}`;
}

/** A parameter says by its name what it is. */
function hiddenPair(mask: FieldMask, pair: string): string {
  const equals = pair.indexOf("=");
  const name = equals === -1 ? pair : pair.slice(0, equals);
  const told = inQuery(hidden(mask, "text", name), name);
  if (equals === -1) return told;
  const value = pair.slice(equals + 1);
  return `${told}=${inQuery(hidden(mask, withoutEscapes(name), value), value)}`;
}

/** What a mask wrote, in the letters that may stand there. */
const inPath = (told: string, piece: string): string =>
  told === piece ? piece : told.replace(/[^A-Za-z0-9\-._~!$&'()*+,:@[\]%]/g, encodeURIComponent);
const inQuery = (told: string, piece: string): string => (told === piece ? piece : encodeURIComponent(told));
