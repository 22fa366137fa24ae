import { headerValues } from "./headers.js";
import { type JsonValue, readStrictJson } from "./json.js";
import { isForm, isJson, parseMediaType } from "./media-type.js";
import { isMethodOverrideField } from "./method.js";
import { decodeFormText } from "./query.js";

/**
 * A body as the judge sees it. `unread`: a stream nobody needed to look into. `opaque`: there, but of a type that is not
 * read. `unreadable`: it should have been readable and was not; every clause about it is then decided against the caller.
 */
export type BodyView =
  | { readonly kind: "none" }
  | { readonly kind: "unread" }
  | { readonly kind: "json"; readonly value: JsonValue; readonly exact: boolean }
  | { readonly kind: "form"; readonly pairs: readonly (readonly [string, string])[] }
  | { readonly kind: "opaque"; readonly reason: string }
  | { readonly kind: "unreadable"; readonly reason: string };

/** What the header fields say about the body, before a byte of it is read. */
export type DeclaredBody =
  | { readonly kind: "json" | "form"; readonly mediaType: string }
  | { readonly kind: "opaque"; readonly mediaType: string | null; readonly reason: string };

/** Reads the declaration strictly: two content types, another charset or any content coding make the body opaque. */
export function declaredBody(fields: readonly (readonly [string, string])[]): DeclaredBody {
  const types = headerValues(fields, "content-type");
  const parsed = types.length === 1 && types[0] !== undefined ? parseMediaType(types[0]) : null;
  if (parsed === null) {
    return {
      kind: "opaque",
      mediaType: null,
      reason: types.length === 0 ? "no content type" : "the content type is not one media type",
    };
  }
  const mediaType = parsed.essence;
  if (headerValues(fields, "content-encoding").some((coding) => coding.toLowerCase() !== "identity")) {
    return { kind: "opaque", mediaType, reason: "the body has a content coding" };
  }
  const charset = parsed.parameters.get("charset");
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    return { kind: "opaque", mediaType, reason: "the charset is not UTF-8" };
  }
  if (isJson(mediaType)) return { kind: "json", mediaType };
  if (isForm(mediaType)) return { kind: "form", mediaType };
  return { kind: "opaque", mediaType, reason: "the media type is not one that is read" };
}

/** Reads bytes as what they were declared to be. */
export function readBody(bytes: Uint8Array, declared: DeclaredBody): BodyView {
  if (declared.kind === "opaque") return { kind: "opaque", reason: declared.reason };
  if (declared.kind === "form") return readForm(bytes);
  const read = readStrictJson(bytes);
  return read.ok ? { kind: "json", value: read.value, exact: read.exact } : { kind: "unreadable", reason: read.reason };
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
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return { kind: "unreadable", reason: "the form has a broken percent-escape" };
  const pieces = text.split("&");
  if (pieces.length > MAX_FORM_PAIRS) return { kind: "unreadable", reason: "the form has too many fields" };
  const pairs: [string, string][] = [];
  for (const piece of pieces) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const name = decodeFormText(equals === -1 ? piece : piece.slice(0, equals));
    const value = decodeFormText(equals === -1 ? "" : piece.slice(equals + 1));
    if (name === null || value === null) return { kind: "unreadable", reason: "the form is not valid UTF-8" };
    pairs.push([name, value]);
  }
  return { kind: "form", pairs };
}

/** The names in `isMethodOverrideField`, as they would stand in JSON text. */
const OVERRIDE_IN_JSON = /"_{0,2}(?:x[_-])?(?:http[_-]?)?method(?:[_-]override)?"\s*:/i;

/**
 * Whether the body asks the server to run another verb by a top-level field (Rails, Laravel, Symfony, Express). Bodies
 * that nobody else looks into are searched before they are parsed, since hardly any has such a name in it.
 */
export function overridesMethod(bytes: Uint8Array, declared: DeclaredBody, view: () => BodyView): boolean {
  if (declared.kind === "opaque") return false;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (declared.kind === "form") {
    if (!/method|%/i.test(text)) return false;
    const form = view();
    return form.kind === "form" && form.pairs.some(([name]) => isMethodOverrideField(name));
  }
  const unescaped = text.includes("\\u")
    ? text.replace(/\\u00([2-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
  if (!OVERRIDE_IN_JSON.test(unescaped)) return false;
  const json = view();
  // What cannot be read strictly may still be read by the server: the name alone is then enough.
  if (json.kind !== "json") return true;
  return isObject(json.value) && Object.keys(json.value).some(isMethodOverrideField);
}

const isObject = (value: JsonValue): value is { readonly [key: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
