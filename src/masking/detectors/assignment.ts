import { isWord, latin1 } from "../bytes.js";
import type { Probe } from "../probe.js";

/** Rest of the name, with words between it and the operator: `adobeToken string`, `gemini api key`. */
const LONGEST_NAME = 48;
/** Words after a name that belong to it: a type, `api key`. */
const MOST_WORDS = 2;
/** Blanks, line breaks and quotes between an operator and its value. */
const LONGEST_GAP = 48;
/** The longest value that is looked at. */
export const LONGEST_VALUE = 160;
/** Farther from the keyword nothing counts. */
const LONGEST = LONGEST_NAME + LONGEST_GAP + LONGEST_VALUE;
/** Dashes of an option, and the words of its name before the keyword. */
const OPTION = /(?:^|[\s"'])--[A-Za-z-]{0,24}$/;

const BACKSLASH = 0x5c;
const DASH = 0x2d;
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;
const isBreak = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;
const isQuote = (byte: number | undefined): boolean => byte === 0x22 || byte === 0x27 || byte === 0x60;

/** A value that a name has been given. */
export interface Assignment {
  /** End of the name that the keyword is part of. */
  readonly nameEnd: number;
  readonly start: number;
  readonly stop: number;
}

/**
 * What follows the name whose keyword stands from `start` to `from`: `name = "value"`, `name: value`, `<name>value`,
 * `"name", "value"`, `--name value`, `name is value`, and `name: "name"` with `value: "value"` after it. Null if nothing of the kind does; `"more"` if that is not known yet.
 */
export function assignment(at: Probe, start: number, from: number): Assignment | null | "more" {
  const { bytes, end } = at;
  let i = from;
  while (i < end && i - from < LONGEST_NAME && isNamePart(bytes[i])) i++;
  const nameEnd = i;
  if (i === end) return at.final ? null : "more";
  if (!(isBlank(bytes[i]) && isOption(at, start))) {
    let told = false;
    for (let word = 0; word < MOST_WORDS && !told && isBlank(bytes[i]); word++) {
      while (i < end && i - from < LONGEST_NAME && isBlank(bytes[i])) i++;
      const begin = i;
      while (i < end && i - from < LONGEST_NAME && (isWord(bytes[i]) || bytes[i] === DASH)) i++;
      told = i - begin === 2 && i < end && isBlank(bytes[i]) && latin1(bytes, begin, i) === "is";
    }
    const name = i;
    let quoted = false;
    // A quote after a backslash is one in JSON that is read as text.
    while (i < end && i - name < 6 && (isQuote(bytes[i]) || bytes[i] === BACKSLASH || isBlank(bytes[i]))) {
      quoted ||= isQuote(bytes[i]);
      i++;
    }
    if (!told) {
      const operator = memberEnd(at, i) ?? operatorEnd(bytes, i, end, quoted);
      if (operator < 0) return at.final ? null : "more";
      if (operator === i) return null;
      i = operator;
    }
  }
  i = gapEnd(bytes, i, end);
  const value = valueAt(at, i, from + LONGEST);
  return value === null || value === "more" ? value : { nameEnd, ...value };
}

/** The value that begins at `from`, a scheme such as `Bearer` before it left out. */
export function valueAt(
  at: Probe,
  from: number,
  limit: number,
  made: Uint8Array = VALUE,
): { start: number; stop: number } | null | "more" {
  const { bytes, end } = at;
  const start = schemeEnd(bytes, from, end);
  if (start < 0 && !at.final) return "more";
  const first = Math.max(start, from);
  let stop = first;
  while (stop < end && stop < limit && made[bytes[stop] as number] === 1) stop++;
  if (stop === end && stop < limit && !at.final) return "more";
  // The full stop of a sentence.
  if (bytes[stop - 1] === 0x2e && stop < limit) stop--;
  return stop <= first ? null : { start: first, stop };
}

function isOption(at: Probe, start: number): boolean {
  return at.bytes[start - 1] === DASH && OPTION.test(latin1(at.bytes, Math.max(at.contextFloor, start - 32, 0), start));
}

const isNamePart = (byte: number | undefined): boolean => isWord(byte) || byte === 0x2d || byte === 0x2e;

/** What a value is made of: not blanks, quotes, brackets and commas. */
export const VALUE: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f);
for (const character of "\"'`\\<>,;(){}&") VALUE[character.charCodeAt(0)] = 0;
/** What a value is made of where the field says how far it goes: not blanks. */
export const WORD: Uint8Array = new Uint8Array(256).fill(1, 0x21);

/** With the type of a name after its colon: `token: string = `. */
const OPERATOR = /^(?::[ \t]{0,2}[A-Za-z]{1,12}\??[ \t]{1,2}=(?!=)|\|\|=?|:{1,3}=|=>|[?+.]{1,2}=|==|[=>:])/;
const LONGEST_OPERATOR = 20;
/** The beginning of an operator, and all that there is. */
const MAY_GO_ON = /^(?::[ \t]{0,2}[A-Za-z]{0,12}\??[ \t]{0,2}|:{1,3}|[?+.|=]{1,2})$/;

/** `=`, `:` and `>`. */
const STANDS_ALONE: readonly number[] = [0x3d, 0x3a, 0x3e];
const OPERATES: Uint8Array = new Uint8Array(256);
for (const character of "=:?+.|>") OPERATES[character.charCodeAt(0)] = 1;

/** `name: API_TOKEN` and on its next line `value: …`; `key="token" value="…"`; `"name": "token", "value": "…"`. */
const MEMBER = /^[ \t\r\n,]{0,40}["']?value["']?[ \t]{0,4}[:=]/i;
/** The beginning of it, and all that there is. */
const MAY_BE_MEMBER = /^[ \t\r\n,]{0,40}["']?(?:v(?:a(?:l(?:ue?)?)?)?)?["']?[ \t]{0,4}$/i;
const LONGEST_MEMBER = 56;

/** Behind `value:` where the name was one of two members; -1 if that is not known yet, undefined where it was not. */
function memberEnd({ bytes, end, final }: Probe, from: number): number | undefined {
  const first = bytes[from];
  if (from < end && !isBreak(first) && first !== 0x2c && ((first as number) | 0x20) !== 0x76) return undefined;
  const limit = Math.min(end, from + LONGEST_MEMBER);
  const seen = latin1(bytes, from, limit);
  const found = MEMBER.exec(seen);
  if (found !== null) return from + found[0].length;
  return limit === end && !final && MAY_BE_MEMBER.test(seen) ? -1 : undefined;
}

/** `=`, `:`, `=>`, `:=`, `?=`, `||`, `>` and so on; a comma only after a quote. -1 if it may go on behind the window. */
function operatorEnd(bytes: Uint8Array, from: number, end: number, quoted: boolean): number {
  if (from === end) return -1;
  if (quoted && bytes[from] === 0x2c) return from + 1;
  if (OPERATES[bytes[from] as number] !== 1) return from;
  // The full stop of a sentence, and the like.
  if (bytes[from + 1] === 0x20 && from + 1 < end && !STANDS_ALONE.includes(bytes[from] as number)) return from;
  const limit = Math.min(end, from + LONGEST_OPERATOR);
  const operator = OPERATOR.exec(latin1(bytes, from, limit))?.[0] ?? "";
  const stop = from + operator.length;
  if (limit === end && (stop === end || MAY_GO_ON.test(latin1(bytes, from, end)))) return -1;
  return stop;
}

/** Over blanks and line breaks to the value, and over the quotes before it. */
function gapEnd(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  const limit = Math.min(end, from + LONGEST_GAP);
  while (i < limit && (isBlank(bytes[i]) || isBreak(bytes[i]) || bytes[i] === BACKSLASH)) i++;
  while (i < limit && isQuote(bytes[i])) i++;
  return i;
}

const SCHEMES = ["bearer ", "basic ", "token ", "api-token ", "apikey "];

function schemeEnd(bytes: Uint8Array, from: number, end: number): number {
  for (const scheme of SCHEMES) {
    let i = 0;
    while (i < scheme.length && from + i < end && ((bytes[from + i] as number) | 0x20) === scheme.charCodeAt(i)) i++;
    if (i === scheme.length) return from + i;
    if (from + i === end && i > 0) return -1;
  }
  return from;
}
