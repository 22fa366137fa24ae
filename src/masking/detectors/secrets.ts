import { BASE64URL, CLASS, DIGIT, is, isWord, LETTER, LOWER, latin1, swallowing, TOKEN, UPPER } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";
import type { NameRule } from "./context.js";
import { beginning, type NamedForm, type TokenForm, type VendorForm } from "./vendors/index.js";

/** No form needs more; of a longer token the rest is swallowed. */
const LONGEST = 256;
/** A token of this length may go on; so does what is found of it. */
const LONG = 200;
/** From this length on a beginning is clear enough to be one after a digit or `_`, too. */
const CLEAR = 4;

/** What continues a token that is longer than {@link LONGEST}. */
const TOKEN_SWALLOW: Uint8Array = swallowing(BASE64URL, ".+/=");

const isToken = (form: VendorForm): form is TokenForm => "form" in form;
const isNamed = (form: VendorForm): form is NamedForm => "value" in form;

/** Tokens of vendors, by how they begin. */
export function tokenDetectors(vendors: readonly VendorForm[]): Detector[] {
  return vendors.filter(isToken).map(tokenDetector);
}

function tokenDetector({ vendor, form, keep, before }: TokenForm): Detector {
  const literal = beginning(form);
  const ranged = /,[0-9]{2,3}\}$/.test(form);
  const pattern = new RegExp(ranged ? form : `${form}(?![A-Za-z0-9_])`, "y");
  const least = shortest(form);
  const first = literal.charCodeAt(0);
  const clear = literal.length >= CLEAR && /[-_.]$/.test(literal);
  return {
    literals: [literal],
    probe(at, anchor, afterLiteral): Verdict {
      const { bytes, end } = at;
      if (bytes[anchor] !== first) return NONE;
      const start = before === null ? anchor : anchor - before.length;
      if (before !== null && !precedes(at, start, anchor, before.each)) return NONE;
      if (keep === 0 && !(clear ? clearEdge(at, start) : at.edge(start) && !insideBase64(at, start))) return NONE;
      const limit = Math.min(end, start + LONGEST);
      let stop = afterLiteral;
      while (stop < limit && is(bytes[stop], TOKEN)) stop++;
      if (stop === end && stop < start + LONGEST && !at.final) return at.more(start);
      if (stop - anchor < least) return NONE;
      pattern.lastIndex = 0;
      const found = pattern.exec(latin1(bytes, anchor, stop));
      if (found === null) return NONE;
      const to = anchor + found[0].length;
      const from = start + keep;
      const verdict = to >= start + LONG ? at.open("SECRET", from, to, TOKEN_SWALLOW) : at.match("SECRET", from, to);
      at.vendor = vendor;
      return verdict;
    },
  };
}

function precedes(at: Probe, start: number, anchor: number, each: RegExp): boolean {
  if (start < at.floor) return false;
  for (let i = start; i < anchor; i++) if (!each.test(String.fromCharCode(at.bytes[i] as number))) return false;
  return true;
}

/** No letter before, other than of an escape. */
const clearEdge = (at: Probe, start: number): boolean =>
  at.edge(start) || (isWord(at.bytes[start - 1]) && !is(at.bytes[start - 1], LETTER));

/** How much base64 must stand before a sign, and how much is looked at, to tell it from the steps of a path. */
const LEAST_BASE64 = 24;
const MOST_BASE64 = 48;
const BASE64_SIGNS: readonly number[] = [0x2b, 0x2d, 0x2f, 0x5f];

/** Whether `start` follows a sign of base64 in what looks like it: the three letters of some tokens occur there by chance. */
function insideBase64({ bytes, floor }: Probe, start: number): boolean {
  if (!BASE64_SIGNS.includes(bytes[start - 1] as number)) return false;
  const earliest = Math.max(floor, start - MOST_BASE64);
  let seen = 0;
  let i = start;
  for (; i > earliest; i--) {
    const byte = bytes[i - 1] as number;
    if (!is(byte, DIGIT | LETTER) && !BASE64_SIGNS.includes(byte)) break;
    seen |= CLASS[byte] as number;
  }
  return start - i >= LEAST_BASE64 && (seen & DIGIT) !== 0 && (seen & LOWER) !== 0 && (seen & UPPER) !== 0;
}

/** How long the shortest token of a form is, at least: groups count for nothing. */
function shortest(form: string): number {
  let length = 0;
  let depth = 0;
  for (const [whole, group, close, , least] of form.matchAll(
    /(\()|(\)(?:\{[^}]*\}|\?)?)|(\\.|\[[^\]]*\]|[^\\[\](){}])(?:\{(\d+)(?:,\d+)?\}|\?)?/g,
  )) {
    if (group !== undefined) depth++;
    else if (close !== undefined) depth--;
    else if (depth === 0)
      length += least !== undefined ? Number(least) : whole.endsWith("?") && whole.length > 1 ? 0 : 1;
  }
  return length;
}

/** Values that the vendor's name gives away. */
export function vendorNameRules(vendors: readonly VendorForm[]): NameRule[] {
  return vendors.filter(isNamed).map(({ vendor, keywords, name, value }) => {
    const whole = new RegExp(`^${value}$`);
    return {
      keywords,
      judge: (given, text) =>
        (name === null || name.test(given)) && whole.test(text) ? { kind: "SECRET", vendor } : null,
    };
  });
}

/** Whether a value begins as a vendor's tokens do: then the vendor's own form decides, and no name. */
export function vendorBeginnings(vendors: readonly VendorForm[]): (value: string) => boolean {
  const beginnings = new Set(
    vendors
      .filter(isToken)
      .map(({ form }) => beginning(form))
      .filter(({ length }) => length >= CLEAR),
  );
  const lengths = [...new Set(Array.from(beginnings, ({ length }) => length))];
  return (value) => lengths.some((length) => beginnings.has(value.slice(0, length)));
}
