import { DIGIT, is, isWord, UPPER } from "../bytes.js";
import { NONE, type Probe, type Verdict } from "../probe.js";

/** Length by country: the SWIFT IBAN registry, and the countries that use the form without being in it. */
const LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AO25 AT20 AZ28 BA20 BE16 BF28 BG22 BH22 BI27 BJ28 BR29 BY28 CF27 CG27 CH21 CI28 CM27 CR22 CV25 CY28 " +
    "CZ24 DE22 DJ27 DK18 DO28 DZ26 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GA27 GB22 GE22 GI23 GL18 GQ27 GR27 GT28 GW25 HN28 " +
    "HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 KM27 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MA28 MC27 MD24 ME22 " +
    "MG27 MK19 ML28 MN20 MR27 MT31 MU30 MZ25 NE28 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 " +
    "SD18 SE24 SI19 SK24 SM27 SN28 SO23 ST25 SV28 TD27 TG28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** With its blanks. */
const LONGEST = 42;

/** International bank account number (ISO 13616): country, check digits mod 97, groups split by one space or hyphen. */
export function iban(at: Probe, start: number): Verdict {
  const { bytes, end } = at;
  const length = LENGTHS.get(String.fromCharCode(bytes[start] as number, bytes[start + 1] as number));
  if (length === undefined || !at.edge(start)) return NONE;
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
  return !isWord(bytes[stop]) && checks(text) ? at.match("IBAN", start, stop) : NONE;
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
