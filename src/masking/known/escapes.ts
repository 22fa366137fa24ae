import { mapGet } from "../../request/captured.js";

/** The text goes on, and what comes next decides. */
export const MORE = -1;
/** The text is over. */
export const OVER = -2;

/** How often a text may have been escaped: JSON in JSON in a form in a URL. */
const DEEPEST = 4;
/** `&DiacriticalGrave;` is the longest name of an ASCII character. */
const LONGEST_NAME = 16;
/** `&#x0010FFFF;`, with zeros to spare. */
const MOST_DIGITS = 10;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const SEMICOLON = 0x3b;

/** The names that HTML has for ASCII characters (WHATWG HTML, section 13.5). */
const NAMES: ReadonlyMap<string, number> = named({
  "\t": "Tab",
  "\n": "NewLine",
  "!": "excl",
  '"': "quot QUOT",
  "#": "num",
  $: "dollar",
  "%": "percnt",
  "&": "amp AMP",
  "'": "apos",
  "(": "lpar",
  ")": "rpar",
  "*": "ast midast",
  "+": "plus",
  ",": "comma",
  ".": "period",
  "/": "sol",
  ":": "colon",
  ";": "semi",
  "<": "lt LT",
  "=": "equals",
  ">": "gt GT",
  "?": "quest",
  "@": "commat",
  "[": "lsqb lbrack",
  "\\": "bsol",
  "]": "rsqb rbrack",
  "^": "Hat",
  _: "lowbar UnderBar",
  "`": "grave DiacriticalGrave",
  "{": "lcub lbrace",
  "|": "verbar vert VerticalLine",
  "}": "rcub rbrace",
});

function named(characters: Readonly<Record<string, string>>): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [character, spelled] of Object.entries(characters))
    for (const name of spelled.split(" ")) names.set(name, character.charCodeAt(0));
  return names;
}

/** After a backslash, in JSON and in most programming languages. */
const CONTROLS: ReadonlyMap<number, number> = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);

const isLetter = (code: number): boolean => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;

/** The value of a hexadecimal digit, or -1. */
export function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const HEX_VALUES: Int8Array = Int8Array.from({ length: 256 }, (_, byte) => hexValue(byte));

/**
 * Reads a text one character at a time and undoes its escapes: `%41`, `&amp;`, `&#65;`, `&#x41;`, `\u0041`, `\x41`, `\/`, and
 * these of one another, up to {@link DEEPEST} deep. What is no escape stands for itself. Escapes that give a byte (`%C3`)
 * give a byte, all others a code point.
 */
export class EscapeReader {
  #bytes: ArrayLike<number> = [];
  #end = 0;
  #final = true;
  /** After a read: where the next character begins. */
  next = 0;
  /** After a read: whether it was an escape for a code point, and not a byte. */
  isPoint = false;
  /** How many characters were read, at any depth: what bounds the work. */
  work = 0;

  /** From now on it reads `bytes`, of which nothing at and after `end` is there (yet, unless it is `final`). */
  open(bytes: ArrayLike<number>, end: number, final: boolean): void {
    this.#bytes = bytes;
    this.#end = end;
    this.#final = final;
  }

  /** The character at `at`, with all its escapes undone: what it stands for, or MORE, or OVER. */
  read(at: number): number {
    const simple = this.#simple(at);
    return simple < 0 ? this.readAt(DEEPEST, at) : simple;
  }

  /** What most escapes are: one layer, all there, and for nothing that begins an escape. -1 for others. */
  #simple(at: number): number {
    const bytes = this.#bytes;
    if (at + 2 >= this.#end || bytes[at] !== PERCENT) return -1;
    const high = HEX_VALUES[bytes[at + 1] as number] as number;
    const low = HEX_VALUES[bytes[at + 2] as number] as number;
    const value = (high << 4) | low;
    if (high < 0 || low < 0 || value === PERCENT || value === BACKSLASH || value === AMPERSAND) return -1;
    this.isPoint = false;
    this.next = at + 3;
    return value;
  }

  /** The character at `at` with `depth` layers of escapes undone; `depth` 0 gives the byte. */
  readAt(depth: number, at: number): number {
    this.work++;
    this.isPoint = false;
    if (at >= this.#end) return this.#final ? OVER : MORE;
    const byte = this.#bytes[at] as number;
    this.next = at + 1;
    // A layer further down can only change what begins like an escape.
    if (depth === 0 || (byte !== PERCENT && byte !== BACKSLASH && byte !== AMPERSAND)) return byte;
    const code = this.readAt(depth - 1, at);
    const { next, isPoint } = this;
    const escaped =
      code === PERCENT
        ? this.#hexDigits(depth - 1, next, 2)
        : code === BACKSLASH
          ? this.#afterBackslash(depth - 1, next)
          : code === AMPERSAND
            ? this.#afterAmpersand(depth - 1, next)
            : OVER;
    if (escaped !== OVER) return escaped;
    this.next = next;
    this.isPoint = isPoint;
    return code;
  }

  /** So many hexadecimal digits and their value, or OVER where they are none. */
  #hexDigits(depth: number, at: number, count: number): number {
    let value = 0;
    let next = at;
    for (let i = 0; i < count; i++) {
      const code = this.readAt(depth, next);
      if (code === MORE) return MORE;
      const digit = hexValue(code);
      if (digit < 0) return OVER;
      value = value * 16 + digit;
      next = this.next;
    }
    this.next = next;
    this.isPoint = false;
    return value;
  }

  #afterBackslash(depth: number, at: number): number {
    const code = this.readAt(depth, at);
    if (code < 0) return code;
    const { next } = this;
    if (code === 0x78) {
      const value = this.#hexDigits(depth, next, 2);
      if (value !== OVER) return value;
    }
    if (code === 0x75) {
      const value = this.#codeUnits(depth, next);
      if (value !== OVER) return value;
    }
    this.next = next;
    this.isPoint = false;
    return mapGet(CONTROLS, code) ?? code;
  }

  /** Behind `\u`: one code unit, or two that are one code point. */
  #codeUnits(depth: number, at: number): number {
    const unit = this.#hexDigits(depth, at, 4);
    if (unit < 0) return unit;
    const { next } = this;
    this.isPoint = true;
    if (unit < 0xd800 || unit > 0xdbff) return unit;
    const slash = this.readAt(depth, next);
    const letter = slash === BACKSLASH ? this.readAt(depth, this.next) : slash;
    if (letter === MORE) return MORE;
    if (slash !== BACKSLASH || letter !== 0x75) return this.#lone(unit, next);
    const second = this.#hexDigits(depth, this.next, 4);
    if (second === MORE) return MORE;
    if (second < 0xdc00 || second > 0xdfff) return this.#lone(unit, next);
    this.isPoint = true;
    return 0x1_0000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
  }

  #lone(unit: number, next: number): number {
    this.next = next;
    this.isPoint = true;
    return unit;
  }

  #afterAmpersand(depth: number, at: number): number {
    const code = this.readAt(depth, at);
    if (code < 0) return code;
    return code === 0x23 ? this.#numeric(depth, this.next) : this.#name(depth, at);
  }

  /** Behind `&#`. The semicolon may be missing, as browsers let it. */
  #numeric(depth: number, at: number): number {
    let next = at;
    let code = this.readAt(depth, next);
    if (code === MORE) return MORE;
    const base = (code | 0x20) === 0x78 ? 16 : 10;
    if (base === 16) {
      next = this.next;
      code = this.readAt(depth, next);
    }
    let value = 0;
    let digits = 0;
    for (; code >= 0 && digits <= MOST_DIGITS; digits++) {
      const digit = hexValue(code);
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
      next = this.next;
      code = this.readAt(depth, next);
    }
    if (code === MORE) return MORE;
    if (digits === 0 || digits > MOST_DIGITS || value > 0x10_ffff) return OVER;
    if (code !== SEMICOLON) this.next = next;
    this.isPoint = true;
    return value;
  }

  #name(depth: number, at: number): number {
    let name = "";
    let next = at;
    let code = this.readAt(depth, next);
    while (code >= 0 && isLetter(code) && name.length < LONGEST_NAME) {
      name += LETTERS[code];
      next = this.next;
      code = this.readAt(depth, next);
    }
    if (code === MORE) return MORE;
    const value = mapGet(NAMES, name);
    if (value === undefined) return OVER;
    if (code !== SEMICOLON) {
      // Only the four that HTML has always had go without it.
      if (value !== 0x22 && value !== 0x26 && value !== 0x3c && value !== 0x3e) return OVER;
      this.next = next;
    }
    this.isPoint = false;
    return value;
  }
}

/** One-letter texts by their codes. */
const LETTERS: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
