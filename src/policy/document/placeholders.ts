import type { CanonicalRequest } from "../../request/canonical.js";

/** Whether a text asks for one of the policy's credentials. */
export type PlaceholderTest = (text: string) => boolean;

/** `{{name}}`, also escaped for a URL or in JSON, with blanks around the name. */
const PLACEHOLDER =
  /(?:\{|%7b|\\u007b){2}(?:\s|%20|\+){0,4}([A-Za-z0-9._-]{1,64})(?:\s|%20|\+){0,4}(?:\}|%7d|\\u007d){2}/gi;

/** For credentials by these names. Their case does not matter: an agent that writes `{{crm_key}}` means CRM_KEY. */
export function placeholderTest(names: Iterable<string>): PlaceholderTest {
  const known = new Set(Array.from(names, (name) => name.toLowerCase()));
  if (known.size === 0) return () => false;
  return (text) => {
    for (const [, name = ""] of text.matchAll(PLACEHOLDER)) if (known.has(name.toLowerCase())) return true;
    return false;
  };
}

/**
 * Whether the agent asks for a credential to be filled in at a place of its own choice, as other gateways do. Here the
 * guard alone adds credentials, where the service takes them, so such a request is a mistake or an attempt: a secret in
 * a URL or a note would be read by others. A body is looked at where its bytes are at hand.
 */
export function asksForCredential(
  asks: PlaceholderTest,
  { url, headers }: CanonicalRequest,
  body: Uint8Array | null | "unread",
): boolean {
  if (mayHoldBraces(url) && asks(url)) return true;
  for (const [, value] of headers) if (value.includes("{") && asks(value)) return true;
  if (!(body instanceof Uint8Array) || body.byteLength < SHORTEST) return false;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return OPENINGS.some((opening) => bytes.includes(opening, 0, "latin1")) && asks(bytes.toString("latin1"));
}

const mayHoldBraces = (url: string): boolean => url.includes("{") || url.includes("%7B");

const OPENINGS = ["{{", "%7b", "%7B", "\\u007b", "\\u007B"] as const;
const SHORTEST = "{{a}}".length;
