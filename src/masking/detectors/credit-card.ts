import { isDigit, isWord } from "../bytes.js";
import { NONE, type Probe, type Verdict } from "../probe.js";
import { goesOn } from "./numbers.js";

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
  if (four >= 2221 && four <= 2720) return length === 16;
  if (two === 34 || two === 37) return length === 15;
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)) return length === 14 || length === 16;
  if (four >= 3528 && four <= 3589) return length >= 16;
  if (first === 6 || two === 50 || (two >= 56 && two <= 58) || two === 81) return length >= 16;
  return first === 1 && second !== 0 && length === 15;
}

const isCard = (digits: readonly number[]): boolean => digits.length >= 13 && issued(digits) && luhn(digits);

/** 13 to 19 digits in one run. */
export function cardRun(at: Probe, start: number, stop: number): Verdict {
  const on = goesOn(at, stop);
  if (on === "unknown") return at.more(start);
  if (on) return NONE;
  const digits: number[] = [];
  for (let i = start; i < stop; i++) digits.push((at.bytes[i] as number) - 0x30);
  return isCard(digits) ? at.match(KIND, start, stop) : NONE;
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
