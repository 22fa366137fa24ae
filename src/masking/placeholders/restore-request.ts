import { Buffer } from "node:buffer";
import { DeniedError, GuardError } from "../../errors/guard-error.js";
import { isForm, isJson, parseMediaType } from "../../request/body/media-type.js";
import { heldBack, mayHoldPlaceholder, type Placeholder, type Resolve, restore } from "./placeholder.js";
import type { Vault, VaultRefusal } from "./vault.js";

/** A request about to be sent, after everybody has judged it with the placeholders in it. */
export interface RequestParts {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly contentType: string | null;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

export interface RestoredParts {
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  /** Whether the body's length is known to be what it was. */
  readonly sameLength: boolean;
}

/** Where values may go: by kind, names of parameters, members and header fields. A kind that is not here may go anywhere. */
export type FieldBindings = Readonly<Record<string, readonly string[]>>;

/** Why a request with a placeholder is not sent, for whoever wrote it. */
type Refusal = VaultRefusal | "path" | "field" | "form";

const REASONS: Readonly<Record<Refusal, string>> = {
  altered: "a placeholder in it was altered, or is of another session",
  unknown: "a placeholder in it is not known",
  expired: "a placeholder in it has expired",
  elsewhere: "a placeholder in it may not be used at this origin",
  path: "a placeholder stands in the path, whose meaning it would change",
  field: "a placeholder stands in a field that its value may not go to",
  form: "a placeholder's value cannot be written at this place",
};

/**
 * Puts values back where placeholders stand: in values of the query, in header fields, and in bodies of JSON, forms and
 * text. What cannot be put back is an error, never sent as it is. @throws GuardError PLACEHOLDER_UNRESOLVED
 */
export function restoreRequest(vault: Vault, parts: RequestParts, fields: FieldBindings = {}): RestoredParts {
  const restorer = new Restorer(vault, parts.origin, fields);
  const path = restorer.path(parts.path);
  const headers = parts.headers.map(([name, value]) => [name, restorer.header(name, value)] as const);
  const body = restorer.body(parts.body, parts.contentType);
  return { path, headers, body, sameLength: body === parts.body };
}

type Write = (value: Uint8Array) => string | null;

class Restorer {
  readonly #vault: Vault;
  readonly #origin: string;
  readonly #fields: FieldBindings;

  constructor(vault: Vault, origin: string, fields: FieldBindings) {
    this.#vault = vault;
    this.#origin = origin;
    this.#fields = fields;
  }

  path(text: string): string {
    if (!mayHoldPlaceholder(text)) return text;
    const query = text.indexOf("?");
    if (query < 0 || mayHoldPlaceholder(text.slice(0, query))) throw refused("path");
    return text.slice(0, query + 1) + this.#pairs(text.slice(query + 1));
  }

  header(name: string, value: string): string {
    return mayHoldPlaceholder(value) ? this.#text(value, name, inHeader) : value;
  }

  body(
    body: Uint8Array | ReadableStream<Uint8Array> | null,
    contentType: string | null,
  ): Uint8Array | ReadableStream<Uint8Array> | null {
    if (body === null) return null;
    const essence = contentType === null ? null : (parseMediaType(contentType)?.essence ?? null);
    if (body instanceof Uint8Array) {
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
      return mayHoldPlaceholder(text) ? Buffer.from(this.#bodyText(text, essence), "latin1") : body;
    }
    return body.pipeThrough(this.#stream(essence));
  }

  #bodyText(text: string, essence: string | null): string {
    if (essence !== null && isForm(essence)) return this.#pairs(text);
    if (essence !== null && isJson(essence)) {
      this.#checkMembers(text);
      return this.#text(text, null, inJson);
    }
    const write = writeFor(essence);
    if (write === null) throw refused("form");
    return this.#text(text, null, write);
  }

  /** A body that flows: what may be the beginning of a placeholder waits for the rest of it. */
  #stream(essence: string | null): TransformStream<Uint8Array, Uint8Array> {
    const write =
      essence !== null && isJson(essence) ? inJson : essence !== null && isForm(essence) ? inForm : writeFor(essence);
    let rest = "";
    const out = (text: string, controller: TransformStreamDefaultController<Uint8Array>): void => {
      if (text === "") return;
      const restored = mayHoldPlaceholder(text) ? this.#text(text, null, write ?? (() => null), true) : text;
      controller.enqueue(Buffer.from(restored, "latin1"));
    };
    return new TransformStream({
      transform: (chunk, controller) => {
        const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
        const held = heldBack(text);
        rest = text.slice(text.length - held);
        out(text.slice(0, text.length - held), controller);
      },
      flush: (controller) => out(rest, controller),
    });
  }

  /** Pairs of a query or a form; names stay as they are. */
  #pairs(text: string): string {
    return text
      .split("&")
      .map((pair) => {
        const equals = pair.indexOf("=");
        const name = equals < 0 ? pair : pair.slice(0, equals);
        if (mayHoldPlaceholder(name)) throw refused("field");
        return equals < 0 ? pair : `${name}=${this.#text(pair.slice(equals + 1), decoded(name), inForm)}`;
      })
      .join("&");
  }

  /** Every placeholder in a JSON body that is bound to fields stands in one of them, and is read by nobody as in another. */
  #checkMembers(text: string): void {
    if (Object.keys(this.#fields).length === 0) return;
    let seen = 0;
    const look = (name: string | null, value: unknown): void => {
      if (typeof value === "string" && mayHoldPlaceholder(value)) {
        const result = restore(value, ({ kind }) => {
          seen++;
          return this.#isAllowed(kind, name) ? { text: "" } : { refused: "field" };
        });
        if ("refused" in result) throw refused(result.refused as Refusal);
      } else if (Array.isArray(value)) for (const element of value) look(name, element);
      else if (typeof value === "object" && value !== null)
        for (const [member, inner] of Object.entries(value)) {
          if (mayHoldPlaceholder(member)) throw refused("field");
          look(member, inner);
        }
    };
    try {
      look(null, JSON.parse(Buffer.from(text, "latin1").toString("utf8")));
    } catch (error) {
      throw error instanceof GuardError ? error : refused("form");
    }
    const all = restore(text, () => ({ text: "" }));
    // A member that stands twice is read by one and not by the other.
    if ("refused" in all || all.count !== seen) throw refused("field");
  }

  /** `name` null: whatever the field is, it was checked before; `unknown`, it cannot be. */
  #text(text: string, name: string | null, write: Write, unknown = false): string {
    const resolve: Resolve = (placeholder: Placeholder) => {
      if (
        unknown
          ? Object.hasOwn(this.#fields, placeholder.kind)
          : name !== null && !this.#isAllowed(placeholder.kind, name)
      )
        return { refused: "field" };
      const value = this.#vault.read(placeholder, this.#origin);
      if (typeof value === "string") return { refused: value };
      const written = write(value);
      return written === null ? { refused: "form" } : { text: written };
    };
    const result = restore(text, resolve);
    if ("refused" in result) throw refused(result.refused as Refusal);
    return result.text;
  }

  #isAllowed(kind: string, name: string | null): boolean {
    const names = Object.hasOwn(this.#fields, kind) ? this.#fields[kind] : undefined;
    return names === undefined || (name !== null && names.some((one) => one.toLowerCase() === name.toLowerCase()));
  }
}

const latin1Of = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const utf8Of = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");

const inForm: Write = (value) => encodeURIComponent(utf8Of(value));
const inJson: Write = (value) => latin1Of(JSON.stringify(utf8Of(value)).slice(1, -1));
/** A header field is one line of visible characters (RFC 9110, section 5.5): a value with a line break would add another. */
const inHeader: Write = (value) => (/^[\t\x20-\x7e]*$/.test(utf8Of(value)) ? utf8Of(value) : null);
const inText: Write = (value) => Buffer.from(value).toString("latin1");
const inXml: Write = (value) =>
  latin1Of(utf8Of(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`));

function writeFor(essence: string | null): Write | null {
  if (essence === null) return null;
  if (essence.endsWith("xml") || essence === "text/html") return inXml;
  return essence.startsWith("text/") ? inText : null;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}

const refused = (reason: Refusal): GuardError =>
  new DeniedError("PLACEHOLDER_UNRESOLVED", {
    message: `The request was not sent: ${REASONS[reason]}.`,
    modelReason: REASONS[reason],
  });
