import { HEX, is, isDigit, isWord, LETTER, LOWER, latin1, UPPER } from "../../bytes.js";
import { NONE, type Probe, type Verdict } from "../../probe.js";
import { isOtherNumber } from "../other-numbers.js";
import type { NationalId } from "./national-id.js";

/** One way in which a number is written. */
interface Form {
  readonly id: NationalId;
  readonly shape: string;
  /** Where in the shape its first run of digits ends: all before that is known to fit, but for the letters. */
  readonly known: number;
  readonly separators: Uint8Array;
  readonly trust: NationalId["trust"];
}

/** Forms by what they begin with: how many letters, a separator or not, how many digits, and what follows those. */
export type Forms = readonly (readonly Form[])[];

const MOST_LETTERS = 6;
const LONGEST_RUN = 18;
/** What comes after the first run of digits. */
const NOTHING = 0;
const A_LETTER = 1;
const A_SIGN = 2;
const slot = (letters: number, spaced: boolean, run: number, next: number): number =>
  ((letters * 2 + (spaced ? 1 : 0)) * 4 + next) * 32 + run;

function nextOf(byte: number | undefined): number {
  if (is(byte, LETTER)) return A_LETTER;
  return byte === undefined || !SIGNS.includes(byte) ? NOTHING : A_SIGN;
}
/** Space ( ) + - . / : _ */
const SIGNS: readonly number[] = [0x20, 0x28, 0x29, 0x2b, 0x2d, 0x2e, 0x2f, 0x3a, 0x5f];

export function formsOf(ids: readonly NationalId[]): Forms {
  const forms: Form[][] = Array.from({ length: slot(MOST_LETTERS + 1, false, 0, 0) }, () => []);
  for (const id of ids) {
    const separators = new Uint8Array(128);
    for (const character of id.separators) separators[character.charCodeAt(0)] = 1;
    for (const shape of id.forms) {
      const [, letters = "", space = "", digits = ""] = /^([A-Z]*)(-?)([0-9]*)/.exec(shape) ?? [];
      const known = letters.length + space.length + digits.length;
      const trust = /^[9A*]+$/.test(shape) ? (id.bare ?? id.trust) : id.trust;
      const form = { id, shape, known, separators, trust };
      const put = (run: number, next: number): void =>
        void forms[slot(letters.length, space !== "", run, next)]?.push(form);
      const next = shape.charAt(known);
      // A sign may also follow a number that ends here.
      if (next === "") for (const what of [NOTHING, A_SIGN]) put(digits.length, what);
      else if (next === "A" || next === "~") put(digits.length, A_LETTER);
      if (next !== "" && next !== "A" && next !== "*") put(digits.length, A_SIGN);
      if (next === "*") {
        // Where either may follow, the run may be one longer.
        put(digits.length, A_LETTER);
        for (const what of [NOTHING, A_LETTER, A_SIGN]) put(digits.length + 1, what);
      }
    }
  }
  return forms;
}

/** Whether the number that the run of digits from `start` to `stop` begins, with letters before it or not, is one of a state. */
export function nationalId(at: Probe, forms: Forms, start: number, stop: number): Verdict {
  const run = stop - start;
  if (run > LONGEST_RUN) return NONE;
  const { bytes, floor } = at;
  const next = stop < at.end ? nextOf(bytes[stop]) : NOTHING;
  let first = start;
  let spaced = false;
  if (start - 2 >= floor && isSpace(bytes[start - 1]) && is(bytes[start - 2], LETTER)) {
    first = lettersBefore(at, start - 1);
    spaced = true;
  } else first = lettersBefore(at, start);
  if (first < start) {
    const letters = start - first - (spaced ? 1 : 0);
    if (letters <= MOST_LETTERS && at.edge(first)) {
      const verdict = firstOf(at, forms[slot(letters, spaced, run, next)] ?? [], first, false);
      if (verdict !== NONE) return verdict;
    }
    // `code is199003052397`: letters before, and no number of that form; only next to a word for it.
    if (!spaced) return run === 12 ? firstOf(at, forms[slot(0, false, run, next)] ?? [], start, true) : NONE;
  }
  const candidates = forms[slot(0, false, run, next)] as readonly Form[];
  if (candidates.length === 0 || !at.edge(start) || continuesGroup(at, start)) return NONE;
  return firstOf(at, candidates, start, false);
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x2d;

function lettersBefore({ bytes, floor }: Probe, from: number): number {
  let i = from;
  while (i > floor && from - i <= MOST_LETTERS && is(bytes[i - 1], LETTER)) i--;
  return i;
}

/** A digit, and one separator before the run: it is a later group of something. */
function continuesGroup({ bytes, floor }: Probe, start: number): boolean {
  const before = bytes[start - 1];
  return (
    start - 2 >= floor &&
    (before === 0x20 || before === 0x2e || before === 0x2d || before === 0x3a || before === 0x2f) &&
    isDigit(bytes[start - 2])
  );
}

function firstOf(at: Probe, forms: readonly Form[], start: number, wordsOnly: boolean): Verdict {
  for (const form of forms) {
    const verdict = match(at, form, start, wordsOnly);
    if (verdict !== NONE) return verdict;
  }
  return NONE;
}

function match(at: Probe, { id, shape, known, separators, trust }: Form, start: number, wordsOnly: boolean): Verdict {
  const { bytes, end } = at;
  let separator = 0;
  for (let i = 0; i < shape.length; i++) {
    const wanted = shape.charCodeAt(i);
    // A run of digits was counted; the letters before it were not compared.
    if (i < known && wanted === 0x39) continue;
    if (start + i >= end) return at.more(start);
    const byte = bytes[start + i] as number;
    if (wanted === 0x2d) {
      if (byte > 127 || separators[byte] !== 1 || (separator !== 0 && byte !== separator)) return NONE;
      separator = byte;
    } else if (!fits(byte, wanted)) return NONE;
  }
  const stop = start + shape.length;
  if (stop + 1 >= end && !at.final) return at.more(start);
  if (stop < end && goesOn(bytes, stop, end)) return NONE;
  if (!id.valid(textOf(bytes, start, shape))) return NONE;
  const named = wordsOnly || isOddlyWritten(bytes, start, stop) || isOtherNumber(at, start);
  return isTrusted(at, trust, id.words, start, stop, named) ? at.match(id.kind, start, stop) : NONE;
}

/** Letters of both cases, or small ones that are hexadecimal digits: an id that a machine made up, or the head of a hash. */
function isOddlyWritten(bytes: Uint8Array, start: number, stop: number): boolean {
  let capital = false;
  let small = false;
  let beyondHex = false;
  for (let i = start; i < stop; i++) {
    const byte = bytes[i] as number;
    if (is(byte, UPPER)) capital = true;
    else if (is(byte, LOWER)) small = true;
    if (!is(byte, HEX)) beyondHex = true;
  }
  return small && (capital || !beyondHex);
}

function fits(byte: number, wanted: number): boolean {
  switch (wanted) {
    case 0x39:
      return isDigit(byte);
    case 0x41:
      return is(byte, LETTER);
    case 0x2a:
      return isDigit(byte) || is(byte, LETTER);
    case 0x7e:
      return byte === 0x2d || byte === 0x2b || is(byte, LETTER);
    default:
      return (is(byte, LETTER) ? byte & 0xdf : byte) === wanted;
  }
}

function goesOn(bytes: Uint8Array, stop: number, end: number): boolean {
  const byte = bytes[stop];
  if (isWord(byte)) return true;
  const separates = byte === 0x20 || byte === 0x2e || byte === 0x2d || byte === 0x2f || byte === 0x3a;
  return separates && stop + 1 < end && isDigit(bytes[stop + 1]);
}

function textOf(bytes: Uint8Array, start: number, shape: string): string {
  let text = "";
  for (let i = 0; i < shape.length; i++) {
    const byte = bytes[start + i] as number;
    if (isDigit(byte) || is(byte, LETTER) || shape.charAt(i) === "~") text += String.fromCharCode(byte);
  }
  return text.toUpperCase();
}

/** Names of fields in which a number stands for something else. */
const OTHER_NAME =
  /(?:id|ids|key|ref|reference|nr|num|number|code|order|invoice|ticket|case|account|version|build|seq|sequence|time|timestamp|date|ts|_at|since|until|epoch|expires|count|total|amount|price|size|length|offset|index|port|zip|sku|ean|gtin|upc|isbn|barcode|serial|tracking|hash|checksum|etag|revision|page|cursor|sha)$/;
/** Seconds and milliseconds since 1970, of this time, and a time as it is written, without separators. */
const TIME =
  /^(?:1[5-9][0-9]{8}|1[4-9][0-9]{11}|(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9])$/;

function isTrusted(
  at: Probe,
  trust: NationalId["trust"],
  words: RegExp,
  start: number,
  stop: number,
  wordsOnly: boolean,
): boolean {
  if (trust !== "named" && !wordsOnly) {
    const alone = isAlone(at, start, stop);
    // With a date and check digits, one in a thousand times would pass.
    if (isTime(at.bytes, start, stop) ? alone && trust === "anywhere" : alone || trust === "anywhere") return true;
  }
  return at.context(start, words);
}

/** All of a text, or of a string under a name that does not say that it is something else. */
function isAlone(at: Probe, start: number, stop: number): boolean {
  if (start !== at.floor || start !== at.segmentStart || stop !== at.end || !at.final || at.field.unquoted)
    return false;
  return at.field.role !== "value" || !OTHER_NAME.test(at.field.name());
}

const isTime = (bytes: Uint8Array, start: number, stop: number): boolean => TIME.test(latin1(bytes, start, stop));
