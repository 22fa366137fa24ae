import { DIGIT, is, isDigit, isWord, UPPER } from "../bytes.js";
import { NONE, type Probe, type Verdict } from "../probe.js";

/**
 * What follows country and check digits, by country: so many digits (n), capitals (a), or either (c). The SWIFT IBAN
 * registry; of the countries that use the form without being in it, the length only.
 */
const FORMS: ReadonlyMap<string, readonly (readonly [kind: string, count: number])[]> = new Map(
  (
    "AD8n12c AE19n AL8n16c AO21c AT16n AZ4a20c BA16n BE12n BF24c BG4a6n8c BH4a14c BI23n BJ24c BR23n1a1c BY4c4n16c CF23c " +
    "CG23c CH5n12c CI24c CM23c CR18n CV21c CY8n16c CZ20n DE18n DJ23n DK14n DO4c20n DZ22c EE16n EG25n ES20n FI14n FK2a12n " +
    "FO14n FR10n11c2n GA23c GB4a14n GE2a16n GI4a15c GL14n GQ23c GR7n16c GT24c GW21c HN4a20n HR17n HU24n IE4a14n IL19n " +
    "IQ4a15n IR22c IS22n IT1a10n12c JO4a4n18c KM23c KW4a22c KZ3n13c LB4n20c LC4a24c LI5n12c LT16n LU3n13c LV4a13c LY21n " +
    "MA24c MC10n11c2n MD20c ME18n MG23c MK3n10c2n ML24c MN16n MR23n MT4a5n18c MU4a19n3a MZ21c NE24c NI4a20n NL4a10n NO11n " +
    "OM3n16c PK4a16c PL24n PS4a21c PT21n QA4a21c RO4a16c RS18n RU14n15c SA2n18c SC4a20n3a SD14n SE20n SI15n SK20n " +
    "SM1a10n12c SN24c SO19n ST21n SV4a20n TD23c TG24c TL19n TN20n TR6n16c UA6n19c VA18n VG4a16n XK16n YE4a4n18c"
  )
    .split(" ")
    .map((entry) => [
      entry.slice(0, 2),
      [...entry.slice(2).matchAll(/(\d+)([nac])/g)].map(([, count, kind = ""]) => [kind, Number(count)] as const),
    ]),
);

const LENGTHS: ReadonlyMap<string, number> = new Map(
  Array.from(FORMS, ([country, parts]) => [country, parts.reduce((sum, [, count]) => sum + count, 4)]),
);

/** With its blanks. */
const LONGEST = 42;

/** International bank account number (ISO 13616): country, check digits mod 97, groups split by one space or hyphen. */
export function iban(at: Probe, start: number): Verdict {
  const { bytes, end } = at;
  const length = LENGTHS.get(String.fromCharCode(bytes[start] as number, bytes[start + 1] as number));
  if (length === undefined || !at.edge(start)) return NONE;
  if (start + 3 < end && !isDigit(bytes[start + 3])) return NONE;
  let count = 0;
  let stop = start;
  let text = "";
  for (let i = start; count < length; i++) {
    if (i >= end) return at.more(start);
    const byte = bytes[i] as number;
    if (is(byte, UPPER | DIGIT)) {
      text += String.fromCharCode(byte);
      count++;
      stop = i + 1;
    } else if ((byte !== 0x20 && byte !== 0x2d) || i > stop || count < 4) return NONE;
  }
  if (stop >= end && !at.final) return at.more(start);
  return !isWord(bytes[stop]) && isFormed(text) && checks(text) ? at.match("IBAN", start, stop) : NONE;
}

function isFormed(text: string): boolean {
  let at = 4;
  for (const [kind, count] of FORMS.get(text.slice(0, 2)) ?? []) {
    for (const end = at + count; at < end; at++) {
      const isNumber = isDigit(text.charCodeAt(at));
      if (kind === "n" ? !isNumber : kind === "a" && isNumber) return false;
    }
  }
  return true;
}

/**
 * ISO 7064 MOD 97-10 over the text with its first four characters moved to the end and letters as 10 to 35. Check digits
 * are 02 to 98: 00, 01 and 99 would pass, and are not given out.
 */
function checks(text: string): boolean {
  if (/^..(?:0[01]|99)/.test(text)) return false;
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** Whether the group of digits at `start` is inside of what is written as an account number, `DE89 3704 …`, and may be wrong. */
export function isInsideIban({ bytes, floor }: Probe, start: number): boolean {
  const separator = bytes[start - 1];
  for (let from = start - 5; from >= floor && bytes[from + 4] === separator; from -= 5) {
    for (let i = from; i < from + 4; i++) if (!is(bytes[i], UPPER | DIGIT)) return false;
    if (is(bytes[from], UPPER) && is(bytes[from + 1], UPPER))
      return LENGTHS.has(String.fromCharCode(bytes[from] as number, bytes[from + 1] as number));
    if (start - from > LONGEST) return false;
  }
  return false;
}
