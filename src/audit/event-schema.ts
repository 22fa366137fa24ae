import { FIELD_WORDS, TYPE_WORDS } from "./event-words.js";
import { FIELDS, type FieldKind, type FieldTable } from "./fields.js";
import { SCHEMA_VERSION } from "./writer/line.js";

/** A JSON Schema, as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const TEXT = { type: "string" } as const;

/** How a value of each kind looks in a line. */
const SHAPES: Readonly<Record<FieldKind, JsonSchema>> = {
  text: TEXT,
  url: TEXT,
  body: TEXT,
  number: { type: "number" },
  flag: { type: "boolean" },
  headers: { type: "array", items: { type: "array", prefixItems: [TEXT, TEXT], minItems: 2, items: false } },
  texts: { type: "array", items: TEXT },
  counts: { type: "object", additionalProperties: { type: "number" } },
};

/** The words of a table of fields, without their types: those were checked where the words stand. */
type AnyWords =
  | string
  | { readonly text: string; readonly values: Readonly<Record<string, true>> }
  | { readonly text: string; readonly required: Readonly<Record<string, true>>; readonly members: WordTable };
type WordTable = { readonly [key: string]: AnyWords };

const HEX = "^[0-9a-f]{64}$";
const UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

/** What every line begins with (`line.ts` writes it), and who stands behind it. */
const HEAD: JsonSchema = {
  v: { description: "Version of the line format; within it, fields and types are only added.", const: SCHEMA_VERSION },
  seq: { description: "Number within the log, gapless from 0.", type: "integer", minimum: 0 },
  id: { description: "UUIDv7 (RFC 9562).", type: "string", pattern: UUID },
  type: {
    description: "What happened. Later versions may have more types than these.",
    anyOf: [
      { oneOf: Object.entries(TYPE_WORDS).map(([type, { text }]) => ({ const: type, description: text })) },
      { type: "string", pattern: "^[a-z_.]{1,64}$" },
    ],
  },
  time: {
    description: "UTC, as the machine's clock said.",
    type: "string",
    pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
  },
  mono_us: {
    description: "Microseconds since the writer began, on a clock that does not step.",
    type: "integer",
    minimum: 0,
  },
  boot: { description: "The writer instance: one guard in one process.", type: "string", pattern: UUID },
  log: { description: "Name of the log, in its first line and in checkpoints.", type: "string" },
  prev: {
    description: "SHA-256 in hex of the line before it, without its newline; zeros in the first line.",
    type: "string",
    pattern: HEX,
  },
  session_id: { description: "The session.", type: "string" },
  principal: {
    description: "Who is accountable; never masked.",
    type: "object",
    required: ["id"],
    properties: {
      id: { description: "Stable subject identifier.", type: "string" },
      type: { description: "`human` or `service`.", type: "string" },
      issuer: { description: "Who vouches for the id.", type: "string" },
      tenant: { description: "The organisation.", type: "string" },
      name: { description: "For people.", type: "string" },
    },
  },
  agent: {
    description: "The program that acts.",
    type: "object",
    required: ["id"],
    properties: {
      id: { description: "Stable over runs.", type: "string" },
      instance: { description: "One run.", type: "string" },
      version: { description: "Of the program.", type: "string" },
      name: { description: "For people.", type: "string" },
    },
  },
  initiator: { description: "Who started it: a model or a person.", enum: ["ai", "human"] },
};

const FOOT: JsonSchema = {
  note: { description: "A C2SP signed note over name, size and tree head of the log.", type: "string" },
  trunc: {
    description: "Fields that were cut to fit, and how many bytes they had.",
    type: "object",
    additionalProperties: { type: "number" },
  },
};

const IDENTITY = ["session_id", "principal", "agent", "initiator"];

/**
 * The JSON Schema (draft 2020-12) of one line of the record, published as `sallyport/audit-event.schema.json`. It is made
 * from the table that lines are written by, so that it cannot say something else. Readers should expect more fields and
 * types than it has.
 */
export const auditEventSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "urn:sallyport:audit-event.schema.json",
  title: "One line of Sallyport's record",
  type: "object",
  required: ["v", "seq", "id", "type", "time", "mono_us", "boot", "prev"],
  properties: { ...HEAD, ...propertiesOf(FIELDS, FIELD_WORDS), ...FOOT },
  allOf: Object.entries(TYPE_WORDS).map(([type, { required }]) => ({
    if: { properties: { type: { const: type } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema; nothing awaits this.
    then: requirementsOf(type, Object.keys(required)),
  })),
};

/** All that is left of an event that could not be written safely is its head and the number of failures. */
function requirementsOf(type: string, fields: readonly string[]): JsonSchema {
  const signed = type === "log.checkpoint" ? ["log", "note"] : [];
  const who = /^(?:request|approval|credential|alert|session\.(?:opened|closed|recovered)$)/.test(type) ? IDENTITY : [];
  const always = { required: [...signed, ...who] };
  if (fields.length === 0) return always;
  const unwritable = { properties: { mask: { type: "object", required: ["errors"] } }, required: ["mask"] };
  return { ...always, anyOf: [{ required: fields }, unwritable] };
}

function propertiesOf(fields: FieldTable, words: WordTable): JsonSchema {
  return Object.fromEntries(Object.entries(fields).map(([key, kind]) => [key, propertyOf(kind, words[key] ?? "")]));
}

function propertyOf(kind: FieldKind | FieldTable, words: AnyWords): JsonSchema {
  if (typeof kind === "string") {
    if (typeof words === "string") return { description: words, ...SHAPES[kind] };
    return { description: words.text, enum: "values" in words ? Object.keys(words.values) : [] };
  }
  if (typeof words === "string" || !("members" in words)) return { type: "object" };
  return {
    description: words.text,
    type: "object",
    required: Object.keys(words.required),
    properties: propertiesOf(kind, words.members),
  };
}
