import { isDigit, isWord } from "../bytes.js";
import { NONE, type Probe, type Verdict } from "../probe.js";
import { goesOn } from "./numbers.js";
import { isOtherNumber } from "./other-numbers.js";

const KIND = "CREDIT_CARD";

/** ISO/IEC 7812-1, annex B. `digits` are values 0 to 9. */
function luhn(digits: readonly number[]): boolean {
  let sum = 0;
  for (let i = digits.length - 1, double = false; i >= 0; i--, double = !double) {
    const digit = digits[i] as number;
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

/**
 * Issuer ranges with the lengths they issue: without this check every tenth long number is a card. Thirteen digits that
 * begin with 1 are a time in milliseconds, nineteen in nanoseconds; fifteen with 10 are account ids of a social network.
 */
function issued(digits: readonly number[]): boolean {
  const length = digits.length;
  const [first = 0, second = 0] = digits;
  const two = first * 10 + second;
  const four = two * 100 + (digits[2] ?? 0) * 10 + (digits[3] ?? 0);
  if (first === 4) return length === 13 || length === 16 || length === 19;
  if (two >= 51 && two <= 55) return length === 16;
  if ((four >= 2221 && four <= 2720) || four === 8600 || four === 9860 || four === 9792) return length === 16;
  if (two === 34 || two === 37) return length === 15;
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)) return length === 14 || length === 16;
  if ((four >= 3528 && four <= 3589) || (four >= 2200 && four <= 2204)) return length >= 16;
  if (first === 6 || two === 50 || (two >= 56 && two <= 58) || two === 81) return length >= 16;
  return first === 1 && second !== 0 && length === 15;
}

/**
 * Lengths and ranges that are issued, and much rarer than other numbers of that form: 17 and 18 digits, and 19 in the
 * ranges that ids of Instagram and TikTok count through, are what social networks number their posts with; thirteen
 * with the check digit of an EAN are one.
 */
function isRare(digits: readonly number[]): boolean {
  const length = digits.length;
  if (length === 13) return isEan(digits);
  return (
    length === 17 || length === 18 || (length === 19 && (digits[0] === 3 || (digits[0] === 6 && (digits[1] ?? 0) > 7)))
  );
}

/** GS1 General Specifications, 7.9. */
const isEan = (digits: readonly number[]): boolean =>
  digits.reduce((sum, digit, i) => sum + (i % 2 === 0 ? digit : digit * 3), 0) % 10 === 0;

const CONTEXT =
  /(?<![a-z])(?:cards?|cc|pan|credit|debit|visa|maestro|jcb|unionpay|payment|carte|karte|tarjeta|carta)(?![a-z])|card_?(?:num|no)|card$/;

const isCard = (digits: readonly number[]): boolean => digits.length >= 13 && issued(digits) && luhn(digits);

/** 13 to 19 digits in one run. */
export function cardRun(at: Probe, start: number, stop: number): Verdict {
  const on = goesOn(at, stop);
  if (on === "unknown") return at.more(start);
  if (on) return NONE;
  const digits: number[] = [];
  for (let i = start; i < stop; i++) digits.push((at.bytes[i] as number) - 0x30);
  if (!isCard(digits) || isOtherNumber(at, start)) return NONE;
  return !isRare(digits) || at.context(start, CONTEXT) ? at.match(KIND, start, stop) : NONE;
}

/** The ways in which digits are printed on cards. */
const GROUPINGS = ["4-4-4-4-3", "4-4-4-4-2", "4-4-4-4-1", "4-4-4-4", "4-6-5", "4-6-4", "4-4-5"];

/** Groups with one and the same separator, `4111 1111 1111 1111`; numbers that follow in the same way are left alone. */
export function cardGroups(at: Probe, start: number): Verdict {
  const { bytes, end } = at;
  const separator = bytes[start + 4];
  // A year and a month, as most that comes here.
  for (let i = start + 5; i < start + 9 && i < end; i++) if (!isDigit(bytes[i])) return NONE;
  const digits: number[] = [];
  const ends: number[] = [];
  let grouping = "";
  let found = 0;
  for (let i = start; ; i++) {
    const from = i;
    while (i < end && i - from < 7 && isDigit(bytes[i])) digits.push((bytes[i++] as number) - 0x30);
    if (i === end && !at.final) return at.more(start);
    if (i === from || i - from === 7) break;
    grouping += `${grouping === "" ? "" : "-"}${i - from}`;
    ends.push(i);
    if (!isWord(bytes[i]) && GROUPINGS.includes(grouping) && isCard(digits)) found = i;
    if (ends.length === 5 || i >= end || bytes[i] !== separator) break;
  }
  return found === 0 ? NONE : at.match(KIND, start, found);
}
