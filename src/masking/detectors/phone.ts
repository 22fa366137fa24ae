import { DIGIT, is, isDigit, isWord, LETTER } from "../bytes.js";
import { type Detector, MATCH, NONE, type Probe, type Verdict } from "../probe.js";
import { goesOn } from "./numbers.js";
import { follows } from "./us-ssn.js";

const KIND = "PHONE";
/** E.164: at most fifteen digits, country code included. */
const MOST = 15;
const FEWEST = 8;
const CONTEXT = /phone|tel[ée:. ]|tel$|telef|mobile|cell|fax|whatsapp|\bcall|\bsms|contact/;

/** Country calling codes of two digits (ITU-T E.164); 1 and 7 have one digit, the others three. */
const TWO_DIGITS = new Set(
  "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98".split(
    " ",
  ),
);
const THREE_DIGITS =
  /^(?:2[1-69]\d|3[578]\d|42[013]|50\d|59\d|67\d|69\d|80[08]|85[02356]|87[08]|88[0268]|96\d|97\d|99[2-68])$/;

const hasCountryCode = (digits: string): boolean => countryCodeLength(digits) > 0;

/** How many digits the country code has; 0 if there is none, or the number is too long or too short for it. */
function countryCodeLength(digits: string): number {
  if (digits.startsWith("1") || digits.startsWith("7")) return digits.length === 11 ? 1 : 0;
  return TWO_DIGITS.has(digits.slice(0, 2)) ? 2 : THREE_DIGITS.test(digits.slice(0, 3)) ? 3 : 0;
}

/** Digits with what people put between them. */
interface Run {
  readonly digits: string;
  readonly stop: number;
  readonly separated: boolean;
}

/** Reads on from `start`; `null` when it runs into the end of what is there. Stops before a group that makes it too long. */
function collect(at: Probe, start: number, most: number): Run | null {
  const { bytes, end } = at;
  let digits = "";
  let group = "";
  let stop = start;
  let separators = 0;
  let separated = false;
  for (let i = start; ; i++) {
    const byte = i < end ? bytes[i] : undefined;
    if (i >= end && !at.final) return null;
    if (isDigit(byte)) {
      if (separators > 0 && digits !== "") separated = true;
      separators = 0;
      group += String.fromCharCode(byte as number);
      if (group.length > most) break;
      continue;
    }
    if (group !== "") {
      // A letter glued to a group disowns the group.
      if (digits.length + group.length > most || isWord(byte)) break;
      digits += group;
      group = "";
      stop = i;
    }
    // space ( ) - . / between groups, at most two in a row
    const separator =
      byte === 0x20 || byte === 0x28 || byte === 0x29 || byte === 0x2d || byte === 0x2e || byte === 0x2f;
    if (!separator || ++separators > 2) break;
  }
  return { digits, stop, separated };
}

/** `+` and a number with a country code, in any grouping; also with Arabic-Indic digits. */
export const internationalPhoneDetector: Detector = {
  literals: ["+"],
  probe(at, plus): Verdict {
    const { bytes, floor, end } = at;
    if (plus > floor && (isWord(bytes[plus - 1]) || bytes[plus - 1] === 0x2b)) return NONE;
    if (plus + 1 >= end) return at.more(plus);
    const first = bytes[plus + 1] as number;
    if (first === 0xd9 || first === 0xdb) return arabicIndic(at, plus);
    if (!is(first, DIGIT) || first === 0x30) return NONE;
    const run = collect(at, plus + 1, MOST);
    if (run === null) return at.more(plus);
    return run.digits.length >= FEWEST && hasCountryCode(run.digits) ? at.match(KIND, plus, run.stop) : NONE;
  },
};

/** U+0660 to U+0669 and U+06F0 to U+06F9 as UTF-8. */
function arabicIndic(at: Probe, plus: number): Verdict {
  const { bytes, end } = at;
  let i = plus + 1;
  let count = 0;
  while (count <= MOST) {
    if (i + 1 >= end && !at.final) return at.more(plus);
    const lead = bytes[i];
    const trail = i + 1 < end ? (bytes[i + 1] as number) : 0;
    if (!(lead === 0xd9 && trail >= 0xa0 && trail <= 0xa9) && !(lead === 0xdb && trail >= 0xb0 && trail <= 0xb9)) break;
    i += 2;
    count++;
  }
  return count >= FEWEST && count <= MOST ? at.match(KIND, plus, i) : NONE;
}

/** Numbers without `+`: those whose form alone is proof, and with `regions` those of a country next to a word for it. */
export function nationalPhone(at: Probe, start: number, stop: number, regions: ReadonlySet<string>): Verdict {
  const { bytes } = at;
  const run = stop - start;
  const after = bytes[stop];
  if (run === 3 && (after === 0x2d || after === 0x2e || after === 0x20)) {
    const verdict = northAmerican(at, start, after, regions);
    if (verdict !== NONE) return verdict;
  }
  if (run === 1 && bytes[start] === 0x31 && after === 0x2d) {
    const verdict = shaped(at, start, "1-299-299-9999");
    if (verdict !== NONE) return verdict;
  }
  const opened = start > at.floor && bytes[start - 1] === 0x28;
  if (opened ? after === 0x29 && run >= 2 && run <= 5 : run <= 2 && (after === 0x28 || after === 0x20)) {
    const verdict = withAreaInParentheses(at, start, stop, opened);
    if (verdict !== NONE) return verdict;
  }
  if (bytes[start] === 0x30 && (run >= 3 || regions.size > 0 || mayBeDialled(bytes, run, stop)))
    return trunk(at, start, run, regions);
  if (regions.size > 0 && run >= 7 && run <= 12) return bare(at, start, stop);
  return NONE;
}

/** `415-555-0132`; other separators are as common in numbers of other kinds, so they need the region. */
function northAmerican(at: Probe, start: number, separator: number, regions: ReadonlySet<string>): Verdict {
  if (separator === 0x2d) return shaped(at, start, "299-299-9999");
  if (!regions.has("US") && !regions.has("CA")) return NONE;
  return shaped(at, start, separator === 0x2e ? "299.299.9999" : "299 299 9999");
}

function shaped(at: Probe, start: number, shape: string): Verdict {
  const verdict = follows(at, start, shape);
  if (verdict !== MATCH) return verdict;
  const on = goesOn(at, start + shape.length);
  if (on === "unknown") return at.more(start);
  return on ? NONE : at.match(KIND, start, start + shape.length);
}

/** `(415) 555-0132` and `0 (917) 123 4567`: nine to twelve digits, two to five of them in parentheses. */
function withAreaInParentheses(at: Probe, start: number, stop: number, opened: boolean): Verdict {
  const { bytes, end } = at;
  let i = stop;
  if (!opened) {
    if (bytes[i] === 0x20) i++;
    if (i >= end) return at.more(start);
    if (bytes[i] !== 0x28) return NONE;
    const area = ++i;
    while (i < end && i - area < 6 && isDigit(bytes[i])) i++;
    if (i >= end) return at.more(start);
    if (bytes[i] !== 0x29 || i - area < 2 || i - area > 5) return NONE;
  } else if (start - 2 >= at.floor && is(bytes[start - 2], LETTER)) return NONE;
  const run = collect(at, start, 12);
  if (run === null) return at.more(start);
  return run.stop > i && run.digits.length >= 9 ? at.match(KIND, start, run.stop) : NONE;
}

/** `00 49 30 …`: the prefix by itself, a blank, and a country code. */
const mayBeDialled = (bytes: Uint8Array, run: number, stop: number): boolean =>
  run === 2 && bytes[stop - 1] === 0x30 && bytes[stop] === 0x20 && isDigit(bytes[stop + 1]) && bytes[stop + 1] !== 0x30;

/** `0049 30 1234567`, and with a region `030 12345678` next to a word such as "phone". */
function trunk(at: Probe, start: number, length: number, regions: ReadonlySet<string>): Verdict {
  const international = at.bytes[start + 1] === 0x30;
  if (isLaterGroup(at, start)) return NONE;
  if (!international && (regions.size === 0 || length > 12)) return NONE;
  const run = collect(at, start, MOST + 2);
  if (run === null) return at.more(start);
  const { digits, stop, separated } = run;
  if (international) {
    // The country code ends where a group does, or the number goes on behind it: `005-763…` is another number.
    const code = countryCodeLength(digits.slice(2));
    const fits = digits.length >= 10 && code > 0 && (length === 2 || length >= 2 + code);
    return fits && ((separated && length <= 5) || at.context(start, CONTEXT)) ? at.match(KIND, start, stop) : NONE;
  }
  return digits.length >= 9 && digits.length <= 12 && at.context(start, CONTEXT) ? at.match(KIND, start, stop) : NONE;
}

/** A group among others, as in an account number, or what stands behind the sign in `dc1e-0059`. */
function isLaterGroup({ bytes, floor }: Probe, start: number): boolean {
  if (start - 2 < floor || !isWord(bytes[start - 2])) return false;
  const before = bytes[start - 1];
  return before === 0x20 ? isDigit(bytes[start - 2]) : before === 0x2d || before === 0x2e || before === 0x2f;
}

/** Digits in a row: only next to a word that says what they are. */
function bare(at: Probe, start: number, stop: number): Verdict {
  const on = goesOn(at, stop);
  if (on === "unknown") return at.more(start);
  return !on && at.context(start, CONTEXT) ? at.match(KIND, start, stop) : NONE;
}
