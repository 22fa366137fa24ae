import { Buffer } from "node:buffer";
import type { EventFields, SessionIdentity } from "./event.js";
import { FIELDS, type FieldTable, type LogFields } from "./fields.js";
import type { LeakScanner } from "./leak-scan.js";
import { maskHeader } from "./mask-headers.js";
import { maskUrl } from "./mask-url.js";
import { cut, quote } from "./text.js";

/** No line is longer, newline excluded, whatever is put into it. */
export const MAX_LINE_BYTES: number = 64 * 1024;
/** What stands in the place of a value that contained a live secret. */
export const WITHHELD = "[withheld: held a live secret]";

/** All that is left of an event that could not be written safely. */
const UNWRITABLE = ',"mask":{"applied":true,"errors":1}';

const TEXT_LIMIT = 2048;
const URL_LIMIT = 8192;
const BODY_LIMIT = 4096;
const NAME_LIMIT = 128;
const LIST_LIMIT = 64;
const IDENTITY_LIMIT = 512;

/** One attempt to write an event: `scale` tightens every limit at once; `trunc` reports what was cut, in bytes. */
interface Pass {
  readonly scale: number;
  readonly scanner: LeakScanner | undefined;
  /** Look into every value, because the finished text held a secret. */
  readonly suspicious: boolean;
  /** Made when something is cut. */
  trunc: Map<string, number> | null;
  withheld: boolean;
}

type Encoder = (value: unknown, pass: Pass) => string | undefined;
interface CompiledField {
  readonly key: string;
  readonly place: number;
  /** The name as it stands before the value: after another member, and as the first. */
  readonly lead: string;
  readonly firstLead: string;
  readonly encode: Encoder;
}

const COMPILED: FieldIndex = compile(FIELDS, "");

/** The event-specific part of a line: `,"key":value…`, bounded, masked and free of live secrets. */
export interface EncodedEvent {
  readonly text: string;
  /** True where a value was replaced because it held a live secret. */
  readonly withheld: boolean;
}

/** Writes the fields of an event in their fixed order, in at most `room` bytes. */
export function encodeFields(
  event: Partial<EventFields & LogFields>,
  room: number,
  scanner: LeakScanner | undefined,
): EncodedEvent {
  let suspicious = false;
  for (let scale = 1; ; scale /= 2) {
    const pass: Pass = { scale, scanner, suspicious, trunc: null, withheld: false };
    const text = encodeMembers(COMPILED, event, pass, "") + truncReport(pass.trunc);
    if (text.length > room || (text.length * 3 > room && Buffer.byteLength(text) > room)) {
      if (scale < 1e-5) return { text: UNWRITABLE, withheld: true };
      continue;
    }
    if (scanner?.finds(text) !== true) return { text, withheld: pass.withheld };
    // Where a value could be named it is gone by now; what is left spans fields or sits in a name.
    if (suspicious) return { text: UNWRITABLE, withheld: true };
    suspicious = true;
    scale *= 2;
  }
}

/** The part that is the same in every line of a session. */
export function identityText(session: SessionIdentity, scanner?: LeakScanner): string {
  const { id, type, issuer, tenant, name } = session.principal;
  const agent = session.agent;
  const who = flatObject({ id, type, issuer, tenant, name }, scanner);
  const what = flatObject(
    { id: agent.id, instance: agent.instance, version: agent.version, name: agent.name },
    scanner,
  );
  return `,"session_id":${quote(session.id)},"principal":${who},"agent":${what},"initiator":"${session.initiator ?? "ai"}"`;
}

function flatObject(values: Readonly<Record<string, string | undefined>>, scanner: LeakScanner | undefined): string {
  const members: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (typeof value !== "string") continue;
    const safe = scanner?.finds(value) === true ? WITHHELD : cut(value, IDENTITY_LIMIT);
    members.push(`"${key}":${quote(safe)}`);
  }
  return `{${members.join(",")}}`;
}

function truncReport(trunc: Pass["trunc"]): string {
  if (trunc === null) return "";
  return `,"trunc":{${[...trunc].map(([path, bytes]) => `"${path}":${bytes}`).join(",")}}`;
}

/** Fields by name, and where each stands in a line. */
type FieldIndex = ReadonlyMap<string, CompiledField>;

/**
 * Looks up the members that are there, not all that could be: an event has six of forty, and each look for one that is
 * missing is as dear as writing one that is not.
 */
function encodeMembers(fields: FieldIndex, value: object, pass: Pass, opening: "" | "{"): string {
  const found: CompiledField[] = [];
  for (const key of Object.keys(value)) {
    const field = fields.get(key);
    if (field === undefined) continue;
    let at = found.length;
    while (at > 0 && (found[at - 1] as CompiledField).place > field.place) at--;
    if (at === found.length) found.push(field);
    else found.splice(at, 0, field);
  }
  let out: string = opening;
  for (const { key, lead, firstLead, encode } of found) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || member === null) continue;
    const text = encode(member, pass);
    if (text !== undefined) out += (out === "{" ? firstLead : lead) + text;
  }
  return out;
}

function compile(table: FieldTable, prefix: string): FieldIndex {
  return new Map(
    Object.entries(table).map(([key, kind], place) => [
      key,
      { key, place, lead: `,"${key}":`, firstLead: `"${key}":`, encode: encoderFor(kind, prefix + key) },
    ]),
  );
}

function encoderFor(kind: FieldTable[string], path: string): Encoder {
  if (typeof kind === "object") {
    const fields = compile(kind, `${path}.`);
    return (value, pass) =>
      typeof value === "object" ? `${encodeMembers(fields, value as object, pass, "{")}}` : undefined;
  }
  switch (kind) {
    case "text":
      return (value, pass) => (typeof value === "string" ? encodeText(value, TEXT_LIMIT, path, pass) : undefined);
    case "url":
      return (value, pass) =>
        typeof value === "string" ? encodeText(maskUrl(value), URL_LIMIT, path, pass) : undefined;
    case "body":
      return (value, pass) => (typeof value === "string" ? encodeText(value, BODY_LIMIT, path, pass) : undefined);
    case "number":
      return (value) => (typeof value === "number" && Number.isFinite(value) ? encodeNumber(value) : undefined);
    case "flag":
      return (value) => (typeof value === "boolean" ? String(value) : undefined);
    case "texts":
      return (value, pass) =>
        Array.isArray(value)
          ? encodeList(value, (item) => encodeText(String(item), NAME_LIMIT, path, pass), path, pass)
          : undefined;
    case "headers":
      return (value, pass) => (Array.isArray(value) ? encodeHeaders(value, path, pass) : undefined);
    case "counts":
      return (value, pass) => (typeof value === "object" ? encodeCounts(value as object, path, pass) : undefined);
  }
}

/** Three decimals: times come as fractions of a millisecond with fifteen digits. Integers are quicker to write. */
function encodeNumber(value: number): string {
  if (Number.isInteger(value)) return `${value}`;
  const thousandths = Math.round(value * 1000);
  if (thousandths < 0 || thousandths > 1e12) return String(thousandths / 1000);
  const whole = Math.floor(thousandths / 1000);
  const rest = thousandths - whole * 1000;
  if (rest === 0) return `${whole}`;
  const digits = `${whole}.${rest < 10 ? "00" : rest < 100 ? "0" : ""}${rest}`;
  return rest % 10 === 0 ? digits.replace(/0+$/, "") : digits;
}

function encodeText(value: string, limit: number, path: string, pass: Pass): string {
  const scaled = Math.ceil(limit * pass.scale);
  const fits = value.length <= scaled;
  if (fits && !pass.suspicious) return quote(value);
  // Looked at whole: a cut through a secret would leave most of it, and hide it from the scan of the line.
  if (pass.scanner?.finds(value) === true) {
    pass.withheld = true;
    return quote(WITHHELD);
  }
  if (fits) return quote(value);
  report(value, path, pass);
  return quote(cut(value, scaled));
}

function encodeList(items: readonly unknown[], encode: (item: unknown) => string, path: string, pass: Pass): string {
  const limit = Math.max(1, Math.floor(LIST_LIMIT * pass.scale));
  for (const item of items.slice(limit)) report(String(item), path, pass);
  return `[${items.slice(0, limit).map(encode).join(",")}]`;
}

function encodeHeaders(headers: readonly unknown[], path: string, pass: Pass): string {
  const encodePair = (pair: unknown): string => {
    const [name, value] = Array.isArray(pair) ? [String(pair[0]), String(pair[1])] : ["", ""];
    return `[${encodeText(name, NAME_LIMIT, path, pass)},${encodeText(maskHeader(name, value), TEXT_LIMIT / 2, path, pass)}]`;
  };
  return encodeList(headers, encodePair, path, pass);
}

function encodeCounts(counts: object, path: string, pass: Pass): string {
  const members = Object.entries(counts).filter(([, count]) => Number.isFinite(count));
  return `{${encodeList(
    members,
    (member) => {
      const [name, count] = member as [string, number];
      return `${encodeText(name, NAME_LIMIT, path, pass)}:${count}`;
    },
    path,
    pass,
  ).slice(1, -1)}}`;
}

function report(value: string, path: string, pass: Pass): void {
  pass.trunc ??= new Map();
  pass.trunc.set(path, (pass.trunc.get(path) ?? 0) + Buffer.byteLength(value));
}
