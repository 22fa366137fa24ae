import { type Refusal, refuse } from "./refusal.js";
import { isHostHeader, isRoutingHeader } from "./routing-headers.js";

/** Header fields in their one form: lower-case names, trimmed values, in the caller's order, repeated fields kept apart. */
export interface CanonicalHeaders {
  readonly ok: true;
  readonly fields: readonly (readonly [string, string])[];
  /** Names of fields that the agent may not set and that were left out; noted in the record. */
  readonly dropped: readonly string[];
  /** What `Content-Length` says, if it is there; the transport counts for itself. */
  readonly length: number | null;
}

/** More fields than this are refused. */
export const MAX_FIELDS = 256;
const MAX_BYTES = 64 * 1024;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII, blank, tab and obs-text (RFC 9110 section 5.5). CR, LF and NUL end a field for somebody. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a name is a token (RFC 9110 section 5.1). */
export const isFieldName = (name: string): boolean => TOKEN.test(name);

/** Whether a value may stand in a field as it is. */
export const isFieldValue = (value: string): boolean => FIELD_VALUE.test(value);

/** Without blanks and tabs around it. A loop: `/[\t ]+$/` is quadratic on a value that is mostly blanks inside. */
export function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** Framing and hop-by-hop fields (RFC 9110 section 7.6.1, RFC 9112): they change how bytes are read, or strip other fields. */
export const FRAMING: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Credentials and statements about who is calling from where: the guard's to make, never the agent's. */
const DROPPED = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "cookie2",
  "dpop",
  "forwarded",
  "via",
  "client-ip",
  "proxy-client-ip",
  "wl-proxy-client-ip",
  "x-real-ip",
  "x-client-ip",
  "x-forwarded",
  "x-cluster-client-ip",
  "x-originating-ip",
  "x-remote-ip",
  "x-remote-addr",
  "x-appengine-user-ip",
  "x-azure-clientip",
  "x-azure-socketip",
  "x-remote-user",
  "x-remote-group",
  "x-remote-groups",
  "remote-email",
  "remote-groups",
  "remote-name",
  "remote-user",
  "x-webauth-user",
  "x-authenticated-user",
  "x-authenticated-userid",
  "x-user-id",
  "x-impersonate-user",
  "impersonate-user",
  "impersonate-group",
  "true-client-ip",
  "fastly-client-ip",
  "fly-client-ip",
  "x-host",
  "x-ssl-client-cert",
  "x-client-cert",
  "ssl-client-cert",
  "x-iap-jwt-assertion",
]);
const DROPPED_PREFIX =
  /^(?:x-forwarded-|x-auth-request-|x-ssl-client-|x-amzn-oidc-|x-goog-iap-|x-goog-authenticated-|x-ms-client-principal|x-envoy-|cf-connecting-|cf-access-|tailscale-user-|x-authentik-|x-pomerium-|impersonate-extra-)/;

/** Fields the judge reads: another spelling, that a server reads as the same variable, must not say something else beside it. */
const JUDGED = new Set(["content-encoding", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version"]);
const hasJudgedPrefix = (spelled: string, name: string): boolean =>
  spelled.startsWith("mcp-param-") && !name.startsWith("mcp-param-");

/**
 * What only the guard and its transport may say; a client that says it in good faith loses nothing. A response in a coding that
 * nobody here can undo (`accept-encoding`) could not be masked.
 */
const COMPUTED = new Set(["accept-encoding", "content-length", "host", "sec-fetch-mode"]);

type Disposition = "keep" | "drop" | "framing" | "override" | "computed";

function dispositionOf(name: string): Disposition {
  // Many servers read `X_Forwarded_For` and `X-Forwarded-For` as one variable (RFC 3875 section 4.1.18).
  const spelled = name.includes("_") ? name.replaceAll("_", "-") : name;
  if (FRAMING.has(spelled) || (spelled !== name && (JUDGED.has(spelled) || hasJudgedPrefix(spelled, name))))
    return "framing";
  if (isRoutingHeader(spelled)) return "override";
  if (COMPUTED.has(spelled)) return spelled === name ? "computed" : "framing";
  if (DROPPED.has(spelled) || DROPPED_PREFIX.test(spelled) || isHostHeader(spelled)) return "drop";
  return "keep";
}

/** Whether a field of this name, in lower case, is sent as the agent says it, where the policy lets it. */
export const mayBeSent = (name: string): boolean => dispositionOf(name) === "keep";

/**
 * Brings header fields into canonical form, or refuses them. `origin` is the URL's: a `Host` field that names another host or
 * port is refused, because virtual hosts route by it.
 */
export function canonicalHeaders(
  entries: readonly (readonly [string, string])[],
  origin: string,
): CanonicalHeaders | Refusal {
  if (entries.length > MAX_FIELDS) return refuse("HEADER_REFUSED", `there are more than ${MAX_FIELDS} header fields`);
  const fields: (readonly [string, string])[] = [];
  const dropped: string[] = [];
  let bytes = 0;
  let length: number | null = null;
  for (const [rawName, rawValue] of entries) {
    bytes += rawName.length + rawValue.length;
    if (bytes > MAX_BYTES) return refuse("HEADER_REFUSED", "the header fields are larger than 64 KiB");
    if (!TOKEN.test(rawName)) return refuse("HEADER_REFUSED", "a header name is not a token");
    const value = trimmed(rawValue);
    if (!FIELD_VALUE.test(value))
      return refuse("HEADER_REFUSED", "a header value has a character that may not stand there");
    const name = rawName.toLowerCase();
    switch (dispositionOf(name)) {
      case "framing":
        return refuse("HEADER_REFUSED", `the header \`${name.slice(0, 32)}\` controls framing or the connection`);
      case "override":
        return refuse("METHOD_OVERRIDE", `the header \`${name.slice(0, 32)}\` overrides the method or path`);
      case "computed":
        if (name === "host" && !origin.endsWith(`//${value.toLowerCase()}`))
          return refuse("HEADER_REFUSED", "the host header and the URL disagree");
        if (name === "content-length") {
          if (length !== null || !/^[0-9]{1,15}$/.test(value))
            return refuse("HEADER_REFUSED", "the content-length is repeated or not a number");
          length = Number(value);
        }
        break;
      case "drop":
        if (!dropped.includes(name)) dropped.push(name);
        break;
      case "keep":
        fields.push([name, value]);
    }
  }
  return { ok: true, fields, dropped, length };
}

/** All values of one field, in order. `name` is lower-case. */
export function headerValues(fields: readonly (readonly [string, string])[], name: string): readonly string[] {
  const values: string[] = [];
  for (const [field, value] of fields) if (field === name) values.push(value);
  return values;
}
