import { foldCase, type JsonValue } from "../body/json.js";
import type { RequestHead } from "../canonical.js";
import { decodeEscapes } from "../escapes.js";
import { type Refusal, refuse } from "../refusal.js";
import type { CanonicalUrl } from "../url.js";
import { isObject, type Members } from "./jsonrpc.js";

/** Formats in which one POST carries several requests. */
export type EnvelopeKind = "odata-json" | "salesforce-composite" | "salesforce-batch";

/** One request out of an envelope, to be judged like any other. */
export interface EnvelopePart {
  readonly head: RequestHead;
  readonly body: Uint8Array | null;
  /** Whether values in the body are filled in by the server from other answers, so that nobody can judge them. */
  readonly hasReferences: boolean;
}

const MAX_PARTS = 20;
const no = (reason: string): Refusal => refuse("PROTOCOL_REFUSED", reason);

interface Format {
  /** Members of the envelope; the first holds the parts. */
  readonly envelope: readonly [string, ...string[]];
  /** Members of a part besides `method` and `url`. */
  readonly part: readonly string[];
  /** The member by which other parts and the answers refer to a part. */
  readonly id: string | null;
  readonly headers: string;
  readonly body: string;
  /** The full path of a part, or null where the API defines none. */
  readonly path: (url: string, at: CanonicalUrl) => string | null;
}

/** The path of the envelope without its last `count` segments. */
const above = ({ segments }: CanonicalUrl, count: number): string =>
  segments
    .slice(0, -count)
    .map((segment) => `/${segment}`)
    .join("");

const FORMATS: Readonly<Record<EnvelopeKind, Format>> = {
  // OData JSON Format 4.01 section 19; Microsoft Graph reads `/users` as below the version that the batch is sent to.
  "odata-json": {
    envelope: ["requests"],
    part: ["id", "headers", "body", "dependsOn", "atomicityGroup"],
    id: "id",
    headers: "headers",
    body: "body",
    path: (url, at) => {
      const relative = url.startsWith("/") ? url.slice(1) : url;
      // `$1/members` stands for what request 1 gives back.
      return relative.startsWith("$") ? null : `${above(at, 1)}/${relative}`;
    },
  },
  // Salesforce REST API Developer Guide, "Composite": the URL is the full path below the server.
  "salesforce-composite": {
    envelope: ["compositeRequest", "allOrNone", "collateSubrequests"],
    part: ["referenceId", "httpHeaders", "body"],
    id: "referenceId",
    headers: "httpHeaders",
    body: "body",
    path: (url, at) => (url.startsWith(`${above(at, 2)}/`) ? url : null),
  },
  // Salesforce REST API Developer Guide, "Composite Batch": the URL starts with the version, or is the full path.
  "salesforce-batch": {
    envelope: ["batchRequests", "haltOnError"],
    part: ["richInput"],
    id: null,
    headers: "httpHeaders",
    body: "richInput",
    path: (url, at) => {
      const base = `${above(at, 3)}/`;
      if (url.startsWith("/")) return url.startsWith(base) ? url : null;
      return `${base}${url}`;
    },
  },
};

/** Takes an envelope apart. `at` is where it is sent to: what is relative in it is resolved from there. */
export function readEnvelope(kind: EnvelopeKind, body: JsonValue, at: CanonicalUrl): readonly EnvelopePart[] | Refusal {
  const format = FORMATS[kind];
  if (!isObject(body) || !hasOnly(body, format.envelope))
    return no("the envelope has an unknown member, or is no object");
  const values = body[format.envelope[0]];
  if (!Array.isArray(values) || values.length === 0) return no("the envelope is empty");
  if (values.length > MAX_PARTS) return no(`the envelope has more than ${MAX_PARTS} parts`);
  const parts: EnvelopePart[] = [];
  const ids = new Set<string>();
  for (const value of values as readonly JsonValue[]) {
    const part = readPart(format, value, at);
    if ("ok" in part) return part;
    const id = format.id === null ? undefined : (value as Members)[format.id];
    if (id !== undefined) {
      if (typeof id !== "string" || ids.has(foldCase(id))) return no("two parts have one id, or an id is not text");
      ids.add(foldCase(id));
    }
    parts.push(part);
  }
  return parts;
}

const hasOnly = (value: Members, keys: readonly string[]): boolean =>
  Object.keys(value).every((key) => keys.includes(key));

function readPart(format: Format, value: JsonValue, at: CanonicalUrl): EnvelopePart | Refusal {
  if (!isObject(value) || !hasOnly(value, ["method", "url", ...format.part])) return no("a part has an unknown member");
  const { method, url } = value;
  if (typeof method !== "string" || typeof url !== "string") return no("a part has no method or no url");
  if (isReference(decodeEscapes(url) ?? url)) return no("the url of a part is made from another answer");
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|#/i.test(url)) return no("the url of a part is not a path");
  const path = format.path(url, at);
  if (path === null) return no("the url of a part is not below the envelope's own API");
  const headers = readHeaders(value[format.headers]);
  if (headers === null) return no("the headers of a part are not an object of texts");
  const content = value[format.body] ?? null;
  const types = headers.filter(([name]) => name.toLowerCase() === "content-type");
  if (content !== null) {
    // Text would be base64 of something that is not read here.
    if (typeof content !== "object") return no("the body of a part is neither an object nor a list");
    if (types.length === 0) headers.push(["content-type", "application/json"]);
    else if (!types.every(([, type]) => /^application\/json(?:;|$)/i.test(type)))
      return no("the body of a part is not JSON");
  }
  const text = content === null ? null : JSON.stringify(content);
  return {
    head: { method, url: `${at.origin}${path}`, headers },
    body: text === null ? null : utf8.encode(text),
    hasReferences: text !== null && isReference(text),
  };
}

const utf8 = new TextEncoder();

/** `@{NewAccount.id}`, which Salesforce replaces by what an earlier part gave back. */
const isReference = (text: string): boolean => text.includes("@{");

function readHeaders(value: JsonValue | undefined): [string, string][] | null {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return null;
  const pairs: [string, string][] = [];
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string" || isReference(text)) return null;
    pairs.push([name, text]);
  }
  return pairs;
}
