/** A JSON value as {@link readStrictJson} makes it: objects have no prototype, nothing in it is shared. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Bounds of one reading. */
export interface JsonLimits {
  /** How many objects and arrays may be open at once. Default 64; more than 512 counts as 512. */
  readonly maxDepth?: number;
}

/** What {@link readStrictJson} answers. `reason` names the rule and the place, never the content. */
export type StrictJson =
  | {
      readonly ok: true;
      readonly value: JsonValue;
      /** False when some number is written in another way than JavaScript would write it, such as `1.0` or `1e2`. */
      readonly exact: boolean;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads JSON (RFC 8259) so that no other reader can have read anything else. Where parsers are known to disagree, it
 * refuses: duplicate keys (first or last wins), keys that differ only in case (Go's encoding/json and many .NET readers
 * match without case), `__proto__` keys, numbers that a double cannot hold, lone surrogates (replaced or kept), a byte
 * order mark (skipped or not), invalid UTF-8, anything after the value, and depth beyond `maxDepth`.
 *
 * Time and memory are linear in the input; the caller bounds its size.
 */
export function readStrictJson(bytes: Uint8Array, limits: JsonLimits = {}): StrictJson {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return { ok: false, reason: "the bytes are not valid UTF-8" };
  }
  if (text.charCodeAt(0) === 0xfeff) return { ok: false, reason: "a byte order mark precedes the value" };
  const room = Math.min(limits.maxDepth ?? 64, 512);
  const reader: Reader = { text, at: 0, room, exact: true, names: new Map(), kin: new Map() };
  try {
    skipSpace(reader);
    const value = readValue(reader);
    skipSpace(reader);
    if (reader.at < text.length) refuse(reader, "something follows the value");
    return { ok: true, value, exact: reader.exact };
  } catch (refusal) {
    if (refusal instanceof Refusal) return { ok: false, reason: refusal.reason };
    throw refusal;
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Reader {
  readonly text: string;
  at: number;
  /** How many levels may still be opened. */
  room: number;
  exact: boolean;
  readonly names: Map<string, Name>;
  readonly kin: Map<string, Name["kin"]>;
}

/** Not an Error: a refusal is an ordinary answer, and a stack trace costs more than the whole reading. */
class Refusal {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

function refuse(reader: Reader, what: string): never {
  throw new Refusal(`${what} (at character ${reader.at})`);
}

function skipSpace(reader: Reader): void {
  const { text } = reader;
  let at = reader.at;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    at++;
  }
  reader.at = at;
}

function readValue(reader: Reader): JsonValue {
  const code = reader.text.charCodeAt(reader.at);
  switch (code) {
    case 0x22: // "
      return readString(reader);
    case 0x7b: // {
      return readObject(reader);
    case 0x5b: // [
      return readArray(reader);
    case 0x74:
      return readWord(reader, "true", true);
    case 0x66:
      return readWord(reader, "false", false);
    case 0x6e:
      return readWord(reader, "null", null);
    default:
      return readNumber(reader);
  }
}

function readWord<T>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) refuse(reader, "no JSON value stands here");
  reader.at += word.length;
  return value;
}

function enter(reader: Reader): void {
  // Written so that a limit of NaN refuses too.
  if (!(--reader.room >= 0)) refuse(reader, "the value is nested too deeply");
  reader.at++;
  skipSpace(reader);
}

/** After a member: true when a comma promises another one, false when `close` ended the list. */
function another(reader: Reader, close: number): boolean {
  skipSpace(reader);
  const code = reader.text.charCodeAt(reader.at);
  if (code !== 0x2c && code !== close) refuse(reader, "a comma or the closing bracket is missing");
  reader.at++;
  if (code === close) {
    reader.room++;
    return false;
  }
  skipSpace(reader);
  return true;
}

function readArray(reader: Reader): JsonValue[] {
  enter(reader);
  const values: JsonValue[] = [];
  if (reader.text.charCodeAt(reader.at) === 0x5d) return leaveEmpty(reader, values);
  do values.push(readValue(reader));
  while (another(reader, 0x5d));
  return values;
}

function readObject(reader: Reader): { [key: string]: JsonValue } {
  enter(reader);
  const members: { [key: string]: JsonValue } = Object.create(null);
  if (reader.text.charCodeAt(reader.at) === 0x7d) return leaveEmpty(reader, members);
  let folded: Set<string> | undefined;
  do {
    if (reader.text.charCodeAt(reader.at) !== 0x22) refuse(reader, "a key is missing");
    const name = nameOf(reader, readString(reader));
    if (name.key in members) refuse(reader, "a key occurs twice");
    // A key written in one way so far in the whole text cannot meet another spelling of itself in this object.
    if (folded !== undefined || name.kin.spellings > 1) {
      folded ??= new Set(Object.keys(members).map(foldCase));
      if (folded.has(name.kin.folded)) refuse(reader, "two keys differ only in case");
      folded.add(name.kin.folded);
    }
    skipSpace(reader);
    if (reader.text.charCodeAt(reader.at) !== 0x3a) refuse(reader, "a colon is missing");
    reader.at++;
    skipSpace(reader);
    members[name.key] = readValue(reader);
  } while (another(reader, 0x7d));
  return members;
}

/** A key of this text, with the count of spellings of it that differ only in case. */
interface Name {
  readonly key: string;
  readonly kin: { readonly folded: string; spellings: number };
}

/** Keys repeat from object to object: each is looked at once, and the same string object makes quick property access. */
function nameOf(reader: Reader, key: string): Name {
  const known = reader.names.get(key);
  if (known !== undefined) return known;
  if (key === "__proto__") refuse(reader, "a key is __proto__");
  const folded = foldCase(key);
  const kin = reader.kin.get(folded) ?? { folded, spellings: 0 };
  if (kin.spellings++ === 0) reader.kin.set(folded, kin);
  const name = { key, kin };
  reader.names.set(key, name);
  return name;
}

function leaveEmpty<T>(reader: Reader, value: T): T {
  reader.at++;
  reader.room++;
  return value;
}

const SURROGATE = /\p{Surrogate}/u;

function readString(reader: Reader): string {
  const { text } = reader;
  const start = reader.at + 1;
  let at = start;
  let escaped = false;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 0x22) break;
    if (code === 0x5c) {
      escaped = true;
      at++;
    } else if (!(code >= 0x20)) {
      // NaN, past the end of the text, comes here too.
      reader.at = at;
      refuse(reader, "a string is not closed, or holds a control character");
    }
    at++;
  }
  const string = escaped ? unescaped(reader, text.slice(start - 1, at + 1)) : text.slice(start, at);
  reader.at = at + 1;
  return string;
}

function unescaped(reader: Reader, literal: string): string {
  let string: string;
  try {
    string = JSON.parse(literal);
  } catch {
    return refuse(reader, "a string has a broken escape");
  }
  // Raw text cannot hold half a pair, its UTF-8 would have been invalid; only an escape can.
  if (SURROGATE.test(string)) refuse(reader, "a string has a lone surrogate");
  return string;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function readNumber(reader: Reader): number {
  const small = readSmallInteger(reader);
  if (small !== undefined) return small;
  NUMBER.lastIndex = reader.at;
  const literal = NUMBER.exec(reader.text)?.[0];
  if (literal === undefined) return refuse(reader, "no JSON value stands here");
  const value = Number(literal);
  const written = String(value);
  if (written !== literal) {
    if (!Number.isFinite(value) || decimalOf(written) !== decimalOf(literal)) {
      refuse(reader, "a number does not survive a round trip through a double");
    }
    reader.exact = false;
  }
  reader.at += literal.length;
  return value;
}

/** The common case without a regular expression: one to fifteen digits, no sign, no leading zero, no fraction. */
function readSmallInteger(reader: Reader): number | undefined {
  const { text, at } = reader;
  let end = at;
  let value = 0;
  let digit = text.charCodeAt(end) - 0x30;
  while (digit >= 0 && digit <= 9 && end - at < 16) {
    value = value * 10 + digit;
    digit = text.charCodeAt(++end) - 0x30;
  }
  const next = digit + 0x30;
  const length = end - at;
  if (length === 0 || length > 15 || next === 0x2e || next === 0x65 || next === 0x45) return undefined;
  if (length > 1 && text.charCodeAt(at) === 0x30) return undefined;
  reader.at = end;
  return value;
}

/** A decimal literal as `±digits e exponent` without zeros at either end, so that equal numbers are equal texts. */
function decimalOf(literal: string): string {
  const [mantissa = "", exponent = "0"] = literal.toLowerCase().split("e");
  const sign = mantissa.startsWith("-") ? "-" : "";
  const [whole = "", fraction = ""] = mantissa.slice(sign.length).split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = withoutTrailingZeros(digits);
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** A loop, because `/0+$/` is quadratic on a number with many inner zeros. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  return digits.slice(0, end);
}

/**
 * Equal for keys that some reader takes for the same one: Unicode simple lower case, and beyond it what simple folding
 * joins (`ſ` with `s`, the Kelvin sign with `k`), because Go's encoding/json does. Length and order are kept, code point
 * by code point, so the context-dependent final sigma plays no part.
 */
export function foldCase(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text.toLowerCase();
  let folded = "";
  for (const character of text) {
    const upper = character.toUpperCase();
    const base = [...upper].length === 1 ? upper : character;
    folded += base === "İ" ? "i" : base.toLowerCase();
  }
  return folded;
}

const BEYOND_ASCII = /[^\x00-\x7f]/;
