import { Buffer, isUtf8 } from "node:buffer";
import { readStrictJson } from "../../request/body/json.js";
import { isForm, isJson, parseMediaType } from "../../request/body/media-type.js";
import type { ValuePlace } from "../../request/protocols/value-places.js";
import { decodeFormText } from "../../request/query.js";
import { replaceStrings } from "./json-strings.js";
import { mayHoldPlaceholder, type Placeholder, parsePlaceholder, written } from "./placeholder.js";
import { PlaceholderRefused } from "./refusal.js";
import { withoutPlaceholders } from "./refusing-stream.js";
import type { Vault } from "./vault.js";

/** A request as the agent wrote it, before anybody has judged it. */
export interface RequestParts {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  /** The media type that the body is read as; null for one that is not read. */
  readonly contentType: string | null;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/** The same with values in the place of placeholders; each part that holds none is the one that was given. */
export interface RestoredParts {
  readonly path: string;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** The values, in the order of the request. */
  readonly values: readonly RestoredValue[];
}

/** A placeholder that was turned back into its value, and where. */
export interface RestoredValue {
  readonly placeholder: string;
  readonly kind: string;
  readonly place: ValuePlace;
  readonly value: string;
  /** Where the value came from. */
  readonly origins: readonly string[];
  /** Says which value it is to whoever has the vault's key, and nothing to anybody else. */
  readonly digest: string;
}

/** Where values may go: by kind, names of parameters and members. A kind that is not here may go anywhere. */
export type FieldBindings = Readonly<Record<string, readonly string[]>>;

/**
 * Puts values back where placeholders stand. A placeholder is the whole of a JSON string, of a form field or of a query
 * parameter; anywhere else, in any spelling, the request is refused and never sent as it is. A body that flows cannot be
 * looked into before it is sent, so it holds no placeholder: its stream fails where one begins.
 *
 * @throws DeniedError with the code `PLACEHOLDER_UNRESOLVED`
 */
export function restoreRequest(vault: Vault, parts: RequestParts, fields: FieldBindings = {}): RestoredParts {
  const { path, headers, contentType, body } = parts;
  if (headers.some(([name, value]) => mayHoldPlaceholder(name) || mayHoldPlaceholder(value)))
    throw new PlaceholderRefused("place");
  const restorer = new Restorer(vault, parts.origin, fields);
  return {
    path: restorer.path(path),
    body: body instanceof ReadableStream ? withoutPlaceholders(body) : restorer.body(body, contentType),
    values: restorer.values,
  };
}

/** Each is unsealed, shown to approvers and covered by a fingerprint. */
const MOST_VALUES = 1_000;

class Restorer {
  readonly values: RestoredValue[] = [];
  readonly #vault: Vault;
  readonly #origin: string;
  readonly #fields: FieldBindings;

  constructor(vault: Vault, origin: string, fields: FieldBindings) {
    this.#vault = vault;
    this.#origin = origin;
    this.#fields = fields;
  }

  path(text: string): string {
    const query = text.indexOf("?");
    const path = query === -1 ? text : text.slice(0, query);
    if (mayHoldPlaceholder(path)) throw new PlaceholderRefused("place");
    if (query === -1 || !mayHoldPlaceholder(text)) return text;
    return `${path}?${this.#pairs(text.slice(query + 1), "query")}`;
  }

  body(body: Uint8Array | null, contentType: string | null): Uint8Array | null {
    if (body === null) return null;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (!mayHoldPlaceholder(bytes.toString("latin1"))) return body;
    const type = contentType === null ? null : parseMediaType(contentType);
    const charset = type?.parameters.get("charset") ?? "utf-8";
    if (type === null || !/^utf-?8$/i.test(charset) || !isUtf8(bytes)) throw new PlaceholderRefused("place");
    if (isForm(type.essence)) return Buffer.from(this.#pairs(bytes.toString("utf8"), "form"), "utf8");
    if (isJson(type.essence) && readStrictJson(body).ok) return Buffer.from(this.#json(bytes.toString("utf8")), "utf8");
    throw new PlaceholderRefused("place");
  }

  #json(text: string): string {
    return replaceStrings(text, {
      name: (name) => {
        if (mayHoldPlaceholder(name)) throw new PlaceholderRefused("place");
      },
      value: ({ text: value, path, name }) => this.#valueOf(value, { part: "json", path }, name),
    });
  }

  /** Pairs of a query or a form, every one that holds no placeholder as it was written. */
  #pairs(text: string, part: "query" | "form"): string {
    if (text.includes(";")) throw new PlaceholderRefused("place"); // which some servers read as a separator
    const piece = (pair: string): string => {
      const equals = pair.indexOf("=");
      const rawName = equals === -1 ? pair : pair.slice(0, equals);
      const name = decodeFormText(rawName);
      const given = decodeFormText(equals === -1 ? "" : pair.slice(equals + 1));
      if (name === null || given === null || mayHoldPlaceholder(name)) throw new PlaceholderRefused("place");
      const value = this.#valueOf(given, { part, path: [name] }, name);
      return value === null ? pair : `${rawName}=${encodeURIComponent(value)}`;
    };
    return text.split("&").map(piece).join("&");
  }

  /** The value for a text that is a placeholder; null for one that holds none. */
  #valueOf(text: string, place: ValuePlace, name: string | null): string | null {
    if (!mayHoldPlaceholder(text)) return null;
    const placeholder = parsePlaceholder(text);
    if (placeholder === null) throw new PlaceholderRefused("place");
    if (!this.#isBoundTo(placeholder, name)) throw new PlaceholderRefused("field");
    if (this.values.length >= MOST_VALUES) throw new PlaceholderRefused("many");
    const found = this.#vault.read(placeholder, this.#origin);
    if (typeof found === "string") throw new PlaceholderRefused(found);
    if (!isUtf8(found.value)) throw new PlaceholderRefused("form");
    const value = Buffer.from(found.value).toString("utf8");
    const { origins, digest } = found;
    this.values.push({ placeholder: written(placeholder), kind: placeholder.kind, place, value, origins, digest });
    return value;
  }

  #isBoundTo({ kind }: Placeholder, name: string | null): boolean {
    const names = Object.hasOwn(this.#fields, kind) ? this.#fields[kind] : undefined;
    return names === undefined || (name !== null && names.some((one) => one.toLowerCase() === name.toLowerCase()));
  }
}
