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
 * match without case), NUL in keys (the end of a name to some), `__proto__` keys, numbers that a double cannot hold, lone
 * surrogates (replaced or kept), a byte order mark (skipped or not), invalid UTF-8, anything after the value, and depth
 * beyond `maxDepth`.
 *
 * The grammar is left to `JSON.parse`. What that forgives is looked for twice: in the text, where depth, numbers and the
 * count of members are seen, and in the value, where the keys are. Time and memory are linear in the input; the caller
 * bounds its size.
 */
export function readStrictJson(bytes: Uint8Array, limits: JsonLimits = {}): StrictJson {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return refusal("the bytes are not valid UTF-8");
  }
  if (text.charCodeAt(0) === 0xfeff) return refusal("a byte order mark precedes the value");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refusal("the text is not one JSON value");
  }
  const scan = scanText(text, Math.min(limits.maxDepth ?? 64, 512));
  if (typeof scan === "string") return refusal(scan);
  const keys: Keys = { count: 0, distinct: new Set() };
  if (typeof value === "object" && value !== null) clean(value, keys);
  // JSON.parse keeps the last of equal keys, so a text with more members than the value has keys repeats one.
  if (keys.count !== scan.members) return refusal("a key occurs twice in one object");
  // A reader in C ends a name there, and has read another one.
  if (text.includes("\\u0000") && [...keys.distinct].some((key) => key.includes("\0")))
    return refusal("a key has a NUL character");
  if (keys.distinct.has("__proto__")) return refusal("a key is __proto__");
  if (hasTwins(keys.distinct) && someObject(value, (object) => hasTwins(Object.keys(object)))) {
    return refusal("two keys of one object differ only in case");
  }
  // Raw text cannot hold half a surrogate pair, its UTF-8 would have been invalid; only an escape can.
  if (text.includes("\\u") && hasLoneSurrogate(value, keys.distinct)) return refusal("a string has a lone surrogate");
  return { ok: true, value: value as JsonValue, exact: scan.exact };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const refusal = (reason: string): StrictJson => ({ ok: false, reason });

interface Scan {
  readonly members: number;
  readonly exact: boolean;
}

/** Looks at the structure of a text that is known to be JSON. Answers what it counted, or why it refuses. */
function scanText(text: string, maxDepth: number): Scan | string {
  let members = 0;
  let depth = 0;
  let exact = true;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, at);
      if (!isPlainInteger(text, at, end)) {
        const literal = text.slice(at, end);
        const written = String(Number(literal));
        if (written !== literal) {
          if (!sameNumber(written, literal)) return "a number does not survive a round trip through a double";
          exact = false;
        }
      }
      at = end;
    } else {
      at++;
      if (code === COLON) members++;
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
        // Written so that a limit of NaN refuses too.
        if (!(++depth <= maxDepth)) return "the value is nested too deeply";
      } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
    }
  }
  return { members, exact };
}

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** From the opening quote to behind the closing one: the first that an even number of backslashes precedes. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote > 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return text.length;
}

/** In JSON a number ends where its characters end: digits, signs, point and `e`. */
function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    const more = (code >= ZERO && code <= NINE) || code === 0x2e || code === 0x65 || code === 0x45 || code === MINUS;
    if (!more && code !== 0x2b) return at;
    at++;
  }
}

/** The common case without a conversion: one to fifteen digits are exact in any double. */
function isPlainInteger(text: string, start: number, end: number): boolean {
  if (end - start > 15) return false;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

const sameNumber = (written: string, literal: string): boolean =>
  written !== "Infinity" && written !== "-Infinity" && decimalOf(written) === decimalOf(literal);

interface Keys {
  count: number;
  readonly distinct: Set<string>;
}

/** Takes the prototypes away and collects the keys. Depth is known to be bounded. */
function clean(value: object, keys: Keys): void {
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && item !== null) clean(item, keys);
    return;
  }
  const names = Object.keys(value);
  keys.count += names.length;
  for (const name of names) {
    keys.distinct.add(name);
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "object" && member !== null) clean(member, keys);
  }
  Object.setPrototypeOf(value, null);
}

const hasTwins = (keys: Iterable<string>): boolean => {
  let count = 0;
  const folded = new Set<string>();
  for (const key of keys) {
    count++;
    folded.add(foldCase(key));
  }
  return folded.size < count;
};

/** Whether `test` is true of some object (not array) in the value. */
function someObject(value: unknown, test: (object: object) => boolean): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!Array.isArray(value) && test(value)) return true;
  return Object.values(value).some((member) => someObject(member, test));
}

const SURROGATE = /\p{Surrogate}/u;

function hasLoneSurrogate(value: unknown, keys: ReadonlySet<string>): boolean {
  for (const key of keys) if (SURROGATE.test(key)) return true;
  const inside = (member: unknown): boolean => {
    if (typeof member === "string") return SURROGATE.test(member);
    return typeof member === "object" && member !== null && Object.values(member).some(inside);
  };
  return inside(value);
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
