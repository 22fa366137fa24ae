import { canonicalEscapes, decodeEscapes, hasBrokenEscape, hasControlEscape } from "./escapes.js";
import { isMethodOverrideField } from "./method.js";
import { type Refusal, refuse } from "./refusal.js";

/** A query string in its one form: `text` with its `?` (or empty), and the decoded pairs in order. */
export interface CanonicalQuery {
  readonly ok: true;
  readonly text: string;
  readonly pairs: readonly (readonly [string, string])[];
}

const PLAIN_QUERY = /^\?[A-Za-z0-9\-._~!$&()*,=:@/?]*$/;
const EMPTY: CanonicalQuery = { ok: true, text: "", pairs: [] };

/** Brings a raw query (from `?` up to `#`, or empty) into canonical form, or refuses. Pairs are decoded as a form: `+` is a blank. */
export function canonicalQuery(raw: string): CanonicalQuery | Refusal {
  if (raw === "") return EMPTY;
  let text = raw;
  if (!PLAIN_QUERY.test(raw)) {
    if (hasBrokenEscape(raw)) return refuse("QUERY_REFUSED", "the query has a broken percent-escape");
    if (hasControlEscape(raw)) return refuse("QUERY_REFUSED", "the query has an escaped control character");
    if (raw.includes(";"))
      return refuse("QUERY_REFUSED", "the query has a bare `;`, which some servers read as a separator");
    const escaped = canonicalEscapes(raw.slice(1), "query");
    if (escaped === null) return refuse("QUERY_REFUSED", "the query is not well-formed Unicode");
    text = `?${escaped}`;
  }
  const pairs: [string, string][] = [];
  for (const piece of text.slice(1).split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const name = decodeFormText(equals === -1 ? piece : piece.slice(0, equals));
    const value = decodeFormText(equals === -1 ? "" : piece.slice(equals + 1));
    if (name === null || value === null)
      return refuse("QUERY_REFUSED", "the query has an escape that is not valid UTF-8");
    if (isMethodOverrideField(name)) return refuse("METHOD_OVERRIDE", "a query parameter overrides the method");
    pairs.push([name, value]);
  }
  return { ok: true, text, pairs };
}

/** One name or value of `application/x-www-form-urlencoded`, or null where it is not valid UTF-8. */
export const decodeFormText = (text: string): string | null =>
  decodeEscapes(text.includes("+") ? text.replaceAll("+", "%20") : text);
