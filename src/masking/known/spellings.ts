import { codeOf, GRAM, gramOf } from "./codes.js";
import { EscapeReader } from "./escapes.js";
import { BASE64, HEX, PLAIN } from "./grams.js";

/** So much of a secret, and of each way it is written, is enough for the first gram, also of base64 of base64. */
const HEAD = 6;
const BASE64_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX_DIGITS: Digits = digitsOf("0123456789abcdef");
const UPPER_HEX_DIGITS: Digits = digitsOf("0123456789ABCDEF");
const DIGITS: Digits = digitsOf(BASE64_DIGITS);
/** What stands between the pairs of a hex dump: `73:65`, `73 65`, and `73-65`, which has the same code. */
const SEPARATORS: Digits = digitsOf(": ");
const PERCENT = 0x25;
const BLANK = 0x20;
const PLUS = 0x2b;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const QUOTE = 0x22;

type Digits = Uint8Array;
type Visit = (gram: number, kind: number) => void;

function digitsOf(text: string): Digits {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/**
 * The one place that knows how a secret may be written: names the gram by which each way of writing it is noticed. What an
 * escape stands for is undone by {@link EscapeReader} before it is compared, so escapes need no gram of their own, except
 * within base64 and hex. Whether it is the secret, {@link SecretProbe} finds out by decoding.
 */
export function eachGram(secret: Uint8Array, visit: Visit): void {
  visit(gramOf(secret, secret.length), PLAIN);
  const unescaped = unescapedGram(secret);
  if (unescaped !== -1) visit(unescaped, PLAIN);
  const head = new Uint8Array(HEAD);
  for (let i = 0; i < HEAD; i++) head[i] = secret[i] as number;
  const inside = new Inside(visit);
  inside.visit(head);
  if (isSimple(head)) return;
  for (let way = 0; way < ESCAPES.length; way++) inside.visit(escaped(head, ESCAPES[way] as Escape));
}

/** Hex and base64 of a head, and base64 of these. In memory that is gone with it. */
class Inside {
  readonly #visit: Visit;
  readonly #hex = new Uint8Array(HEAD * 2);
  readonly #base64 = new Uint8Array(HEAD * 2);
  readonly #again = new Uint8Array(HEAD * 4);
  readonly #dump = new Uint8Array(GRAM);

  constructor(visit: Visit) {
    this.#visit = visit;
  }

  visit(head: Uint8Array): void {
    const hex = this.#hex;
    for (let i = 0; i < HEAD; i++) {
      hex[2 * i] = HEX_DIGITS[(head[i] as number) >> 4] as number;
      hex[2 * i + 1] = HEX_DIGITS[(head[i] as number) & 15] as number;
    }
    this.#visit(gramOf(hex, GRAM), HEX);
    this.#visitDumps();
    this.#visitAgain(hex, hex.length);
    for (let before = 0; before < 3; before++) {
      const length = writeBase64(head, HEAD, before, this.#base64);
      this.#visit(gramOf(this.#base64, length), BASE64 + before);
      this.#visitAgain(this.#base64, length);
    }
  }

  #visitAgain(bytes: Uint8Array, length: number): void {
    for (let before = 0; before < 3; before++) {
      const digits = writeBase64(bytes, Math.min(length, HEAD), before, this.#again);
      this.#visit(gramOf(this.#again, digits), BASE64 + before);
    }
  }

  #visitDumps(): void {
    const hex = this.#hex;
    const dump = this.#dump;
    for (let i = 0; i < SEPARATORS.length; i++) {
      for (let k = 0; k < GRAM; k++) dump[k] = hex[k < 2 ? k : k - 1] as number;
      dump[2] = SEPARATORS[i] as number;
      this.#visit(gramOf(dump, GRAM), HEX);
    }
  }
}

/** Writes the digits that `bytes` alone determine when `before` others (modulo 3) stand before them; how many there are. */
function writeBase64(bytes: Uint8Array, length: number, before: number, into: Uint8Array): number {
  let count = 0;
  // The first digit that holds no bit of what stands before.
  for (let bit = before === 0 ? 0 : before === 1 ? 4 : 2; bit + 6 <= length * 8; bit += 6) {
    const at = bit >> 3;
    const pair = ((bytes[at] as number) << 8) | (at + 1 < length ? (bytes[at + 1] as number) : 0);
    into[count++] = DIGITS[(pair >> (10 - (bit & 7))) & 63] as number;
  }
  return count;
}

/** Writes a byte the way it is escaped, at index `at`; where it ends. */
type Escape = (byte: number, into: Uint8Array, at: number) => number;

const put = (into: Uint8Array, at: number, ...bytes: readonly number[]): number => {
  for (let i = 0; i < bytes.length; i++) into[at + i] = bytes[i] as number;
  return at + bytes.length;
};
const percent =
  (digits: Digits): Escape =>
  (byte, into, at) =>
    isUnreserved(byte)
      ? put(into, at, byte)
      : put(into, at, PERCENT, digits[byte >> 4] as number, digits[byte & 15] as number);
const form: Escape = (byte, into, at) =>
  byte === BLANK ? put(into, at, PLUS) : percent(UPPER_HEX_DIGITS)(byte, into, at);
const json: Escape = (byte, into, at) =>
  byte === QUOTE || byte === BACKSLASH ? put(into, at, BACKSLASH, byte) : put(into, at, byte);
const jsonSlash: Escape = (byte, into, at) => (byte === SLASH ? put(into, at, BACKSLASH, byte) : json(byte, into, at));

/** How a text may be escaped before it is put into base64 or hex. */
const ESCAPES: readonly Escape[] = [percent(UPPER_HEX_DIGITS), percent(HEX_DIGITS), form, json, jsonSlash];

function escaped(head: Uint8Array, write: Escape): Uint8Array {
  const all = new Uint8Array(HEAD * 3);
  let at = 0;
  for (let i = 0; i < HEAD; i++) at = write(head[i] as number, all, at);
  return all;
}

function isSimple(head: Uint8Array): boolean {
  for (let i = 0; i < HEAD; i++) if (!isUnreserved(head[i] as number)) return false;
  return true;
}

/** The gram of a secret that looks escaped itself: the text is read as if it were. -1 where it is the same one. */
function unescapedGram(secret: Uint8Array): number {
  const reader = new EscapeReader();
  reader.open(secret, secret.length, true);
  let gram = 0;
  let at = 0;
  for (let count = 0; count < GRAM; count++) {
    const code = reader.read(at);
    if (code < 0 || code > 0x7f) return -1;
    gram = (gram << 6) | codeOf(code);
    at = reader.next;
  }
  return at === GRAM ? -1 : gram;
}

const isUnreserved = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) ||
  code === 0x2d ||
  code === 0x2e ||
  code === 0x5f ||
  code === 0x7e;
