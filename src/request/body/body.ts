import { hasBrokenEscape } from "../escapes.js";
import { headerValues } from "../headers.js";
import { decodeFormText } from "../query.js";
import { type JsonValue, readStrictJson } from "./json.js";
import { isForm, isJson, parseMediaType } from "./media-type.js";
import { readMultipart } from "./multipart.js";

/**
 * A body as the judge sees it. `unread`: a stream nobody needed to look into. `opaque`: there, but of a type that is not
 * read. `unreadable`: it should have been readable and was not; every clause about it is then decided against the caller.
 */
export type BodyView =
  | { readonly kind: "none" }
  | { readonly kind: "unread" }
  | { readonly kind: "json"; readonly value: JsonValue; readonly exact: boolean }
  | { readonly kind: "form"; readonly pairs: readonly (readonly [string, string])[] }
  | {
      readonly kind: "opaque";
      readonly reason: string;
      /** Names of the fields that a server may find in it all the same; null where they cannot be told. */
      readonly names: readonly string[] | null;
    }
  | { readonly kind: "unreadable"; readonly reason: string };

/** What the header fields say about the body, before a byte of it is read. */
export type DeclaredBody =
  | { readonly kind: "json" | "form"; readonly mediaType: string }
  | {
      readonly kind: "opaque";
      readonly mediaType: string | null;
      readonly reason: string;
      /** Where a server may find form fields all the same: the boundary of a multipart form, or null for one that is declared in doubt. */
      readonly form?: { readonly boundary: string | null };
    };

/** Reads the declaration strictly: two content types, another charset or any content coding make the body opaque. */
export function declaredBody(fields: readonly (readonly [string, string])[]): DeclaredBody {
  const types = headerValues(fields, "content-type");
  if (types.length === 0) return UNDECLARED;
  const parsed = types.length === 1 && types[0] !== undefined ? parseMediaType(types[0]) : null;
  const opaque = (reason: string): DeclaredBody => ({
    kind: "opaque",
    mediaType: parsed?.essence ?? null,
    reason,
    ...(types.some((type) => SAYS_FORM.test(type)) ? { form: { boundary: null } } : {}),
  });
  if (parsed === null) return opaque("the content type is not one media type");
  if (headerValues(fields, "content-encoding").some((coding) => coding.toLowerCase() !== "identity"))
    return opaque("the body has a content coding");
  const charset = parsed.parameters.get("charset");
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) return opaque("the charset is not UTF-8");
  const mediaType = parsed.essence;
  if (isJson(mediaType)) return { kind: "json", mediaType };
  if (isForm(mediaType)) return { kind: "form", mediaType };
  const reason = "the media type is not one that is read";
  if (mediaType !== "multipart/form-data") return opaque(reason);
  return { kind: "opaque", mediaType, reason, form: { boundary: parsed.parameters.get("boundary") ?? null } };
}

const UNDECLARED: DeclaredBody = { kind: "opaque", mediaType: null, reason: "no content type" };

/** Not a way to read a media type: a way to suspect one in what is not read. */
const SAYS_FORM = /form-data|form-urlencoded/i;

/** Reads bytes as what they were declared to be. */
export function readBody(bytes: Uint8Array, declared: DeclaredBody): BodyView {
  if (declared.kind === "opaque")
    return { kind: "opaque", reason: declared.reason, names: fieldNames(bytes, declared) };
  if (declared.kind === "form") return readForm(bytes);
  const read = readStrictJson(bytes);
  return read.ok ? { kind: "json", value: read.value, exact: read.exact } : { kind: "unreadable", reason: read.reason };
}

/** Whether a server may find fields in a body of this declaration, if only one that we cannot read, such as compressed JSON. */
export function mayHoldFields(declared: DeclaredBody): boolean {
  if (declared.kind !== "opaque" || declared.form !== undefined) return true;
  const { mediaType } = declared;
  // A type that cannot be read is not the same as none, which nobody takes for a form.
  return mediaType === null ? declared !== UNDECLARED : isJson(mediaType) || isForm(mediaType);
}

function fieldNames(bytes: Uint8Array, declared: DeclaredBody & { readonly kind: "opaque" }): readonly string[] | null {
  if (!mayHoldFields(declared)) return [];
  const boundary = declared.form?.boundary ?? null;
  return boundary === null ? null : (readMultipart(bytes, boundary)?.map(({ name }) => name) ?? null);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const MAX_FORM_PAIRS = 10_000;

function readForm(bytes: Uint8Array): BodyView {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { kind: "unreadable", reason: "the form is not valid UTF-8" };
  }
  if (hasBrokenEscape(text)) return { kind: "unreadable", reason: "the form has a broken percent-escape" };
  if (text.includes(";"))
    return { kind: "unreadable", reason: "the form has a bare `;`, which some servers read as a separator" };
  const pieces = text.split("&");
  if (pieces.length > MAX_FORM_PAIRS) return { kind: "unreadable", reason: "the form has too many fields" };
  const pairs: [string, string][] = [];
  for (const piece of pieces) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const name = decodeFormText(equals === -1 ? piece : piece.slice(0, equals));
    const value = decodeFormText(equals === -1 ? "" : piece.slice(equals + 1));
    if (name === null || value === null) return { kind: "unreadable", reason: "the form is not valid UTF-8" };
    if (CONTROL.test(name)) return { kind: "unreadable", reason: "a name in the form has a control character" };
    pairs.push([name, value]);
  }
  return { kind: "form", pairs };
}

/** NUL ends a name for some servers. */
const CONTROL = /\p{Cc}/u;
