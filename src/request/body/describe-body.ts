import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.js";
import { type JsonValue, readStrictJson } from "./json.js";
import { isForm, isJson, type MediaType, parseMediaType } from "./media-type.js";
import { readMultipart } from "./multipart.js";

/** A body as a fingerprint knows it: two bodies with the same description mean the same to every server. */
export interface BodyDescription {
  /** `bytes` wherever there was any doubt about reading the body as what it says it is. */
  readonly kind: "none" | "json" | "form" | "multipart" | "bytes";
  /** The media type with its parameters in one spelling, without a multipart boundary; `""` where none was declared. */
  readonly mediaType: string;
  /** SHA-256 in hexadecimal over the meaning for json and multipart, and over the bytes as they are sent otherwise. */
  readonly digest: string;
}

/**
 * Describes a body so that a client that sends the same request again, with its keys in another order or a new multipart
 * boundary, is recognised, and nobody else is. `contentType` is the raw header value. A content coding makes any body
 * `bytes`, because what is inside was not looked at; pass `contentEncoding` where the header is there. `essential` takes out
 * of a JSON body what its protocol does not mean anything by.
 */
export function describeBody(
  bytes: Uint8Array | null,
  contentType: string | null,
  contentEncoding: string | null = null,
  essential: (body: JsonValue) => JsonValue = (body) => body,
): BodyDescription {
  const type = contentType === null ? null : parseMediaType(contentType);
  const described = (kind: BodyDescription["kind"], meaning: string | Uint8Array): BodyDescription => ({
    kind,
    mediaType: type === null ? (contentType ?? "") : spellingOf(type, kind),
    digest: sha256(meaning),
  });
  if (bytes === null || bytes.length === 0) return described("none", "");
  const plain = contentEncoding === null || contentEncoding.toLowerCase() === "identity";
  const meaning = type !== null && plain ? meaningOf(bytes, type, essential) : null;
  return meaning === null ? described("bytes", bytes) : described(meaning.kind, meaning.text);
}

interface Meaning {
  readonly kind: "json" | "form" | "multipart";
  readonly text: string;
}

function meaningOf(bytes: Uint8Array, type: MediaType, essential: (body: JsonValue) => JsonValue): Meaning | null {
  if (type.essence === "multipart/form-data") return multipartMeaning(bytes, type.parameters.get("boundary") ?? "");
  if (!isUtf8(type)) return null;
  if (isJson(type.essence)) {
    const json = readStrictJson(bytes);
    // Not exact: `1` and `1.0` are equal to us and different to a server that keeps decimals.
    return json.ok && json.exact ? { kind: "json", text: canonicalJson(essential(json.value)) } : null;
  }
  return isForm(type.essence) ? formMeaning(bytes) : null;
}

const isUtf8 = (type: MediaType): boolean => /^utf-?8$/i.test(type.parameters.get("charset") ?? "utf-8");

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text as it is sent: `%20` and `+`, `a` and `a=`, and empty pairs are not the same to every server. */
function formMeaning(bytes: Uint8Array): Meaning | null {
  try {
    return { kind: "form", text: utf8.decode(bytes) };
  } catch {
    return null;
  }
}

function multipartMeaning(bytes: Uint8Array, boundary: string): Meaning | null {
  const parts = readMultipart(bytes, boundary);
  if (parts === null) return null;
  const text = JSON.stringify(parts.map((part) => [part.name, part.filename, part.contentType, sha256(part.content)]));
  return { kind: "multipart", text };
}

/** Parameters sorted and quoted as JSON, so that no two media types share a spelling. Charset UTF-8 is the default of a kind that was read. */
function spellingOf(type: MediaType, kind: BodyDescription["kind"]): string {
  const parameters = [...type.parameters]
    .filter(([name]) => !(kind === "multipart" && name === "boundary"))
    .filter(([name]) => !((kind === "json" || kind === "form") && name === "charset"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `;${name}=${JSON.stringify(value)}`);
  return type.essence + parameters.join("");
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
