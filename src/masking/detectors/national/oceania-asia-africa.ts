import { isDay, isMonotone, luhn, part, verhoeff, weighted } from "./checks.js";
import { type NationalId, words } from "./national-id.js";

const DIGITS = "0123456789";

/** Singapore's entities: uen.gov.sg; three forms, each with its own check letter. */
function uen(text: string): boolean {
  const last = text.charAt(text.length - 1);
  if (/^[0-9]{8}[A-Z]$/.test(text))
    return "XMKECAWLJDB".charAt(weighted(text, [10, 4, 9, 3, 8, 2, 7, 1]) % 11) === last;
  if (/^[0-9]{9}[A-Z]$/.test(text)) {
    const year = part(text, 0, 4);
    return (
      year >= 1800 && year < 2100 && "ZKCMDNERGWH".charAt(weighted(text, [10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11) === last
    );
  }
  const alphabet = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
  const sum = [4, 3, 5, 3, 10, 2, 2, 5, 7].reduce(
    (total, weight, i) => total + weight * alphabet.indexOf(text.charAt(i)),
    0,
  );
  return /^[RST][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]$/.test(text) && alphabet.charAt((((sum - 5) % 11) + 11) % 11) === last;
}

function nric(text: string): boolean {
  const series = text.charAt(0);
  const sum =
    weighted(text.slice(1), [2, 7, 6, 5, 4, 3, 2]) + (series === "T" || series === "G" ? 4 : series === "M" ? 3 : 0);
  const rest = sum % 11;
  const letters = series === "S" || series === "T" ? "JZIHGFEDCBA" : series === "M" ? "KLJNPQRTUWX" : "XWUTRQPNMLK";
  return "STFGM".includes(series) && letters.charAt(series === "M" ? 10 - rest : rest) === text.charAt(8);
}

/** The seventh digit is sex, century, and whether somebody is a foreigner. Numbers given out since October 2020 have no check digit. */
function residentNumber(text: string): boolean {
  return isDay(part(text, 2, 2), part(text, 4, 2)) && /[1-8]/.test(text.charAt(6));
}

/** Without its hyphen: chance makes such a date too easily, and of foreigners the last digit still checks. */
function bareResidentNumber(text: string): boolean {
  if (!residentNumber(text) || /[1-4]/.test(text.charAt(6))) return residentNumber(text);
  const check = (11 - (weighted(text, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10;
  return (check + 2) % 10 === part(text, 12, 1);
}

/** The first two digits after the first are a province. */
function thai(text: string): boolean {
  const sum = weighted(text, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
  const province = part(text, 1, 2);
  const known =
    (province >= 10 && province <= 27) ||
    (province >= 30 && province <= 49) ||
    (province >= 50 && province <= 58) ||
    (province >= 60 && province <= 67) ||
    (province >= 70 && province <= 77) ||
    (province >= 80 && province <= 86) ||
    (province >= 90 && province <= 96);
  return /^[1-8]/.test(text) && known && (11 - (sum % 11)) % 10 === part(text, 12, 1);
}

function turkish(text: string): boolean {
  if (text.startsWith("0")) return false;
  const d = Array.from(text, Number) as number[];
  const odd = [0, 2, 4, 6, 8].reduce((sum, i) => sum + (d[i] as number), 0);
  const even = [1, 3, 5, 7].reduce((sum, i) => sum + (d[i] as number), 0);
  const tenth = (((odd * 7 - even) % 10) + 10) % 10;
  return tenth === d[9] && (odd + even + tenth) % 10 === d[10];
}

/** The first two digits are a province (GB/T 2260). */
function chinese(text: string): boolean {
  const sum = weighted(text, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  const year = part(text, 6, 4);
  return (
    /^(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)/.test(text) &&
    year >= 1900 &&
    year < 2100 &&
    isDay(part(text, 10, 2), part(text, 12, 2)) &&
    "10X98765432".charAt(sum % 11) === text.charAt(17)
  );
}

function taiwanese(text: string): boolean {
  const code = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".indexOf(text.charAt(0));
  return (
    /[12]/.test(text.charAt(1)) &&
    (Math.floor(code / 10) + (code % 10) * 9 + weighted(text.slice(1), [8, 7, 6, 5, 4, 3, 2, 1, 1])) % 10 === 0
  );
}

function hongKong(text: string): boolean {
  const letters = /^[A-Z]{1,2}/.exec(text)?.[0] ?? "";
  const values = [
    ...(letters.length === 1 ? [36] : []),
    ...Array.from(letters, (letter) => letter.charCodeAt(0) - 55),
    ...Array.from(text.slice(letters.length, -1), Number),
  ];
  const sum = values.reduce((total, value, i) => total + value * (9 - i), 0);
  const check = (11 - (sum % 11)) % 11;
  return (check === 10 ? "A" : String(check)) === text.charAt(text.length - 1);
}

/** Japan's individual number: 12 digits, the last of which checks. */
function myNumber(text: string): boolean {
  const sum = weighted(text, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
  return (sum <= 1 ? 0 : 11 - sum) === part(text, 11, 1) && !isMonotone(text);
}

function israeli(text: string): boolean {
  return luhn(text) && !isMonotone(text);
}

function abn(text: string): boolean {
  if (/^0|(.)\1{5}/.test(text)) return false;
  return (weighted(text, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0;
}

const medicare = (text: string): boolean =>
  /^[2-6]/.test(text) && weighted(text, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === part(text, 8, 1);

const southAfrican = (text: string): boolean =>
  isDay(part(text, 2, 2), part(text, 4, 2)) &&
  /[0-2]/.test(text.charAt(10)) &&
  /[89]/.test(text.charAt(11)) &&
  luhn(text);

/** Australia, Asia, Africa. */
export const OCEANIA_ASIA_AFRICA: readonly NationalId[] = [
  {
    kind: "AU_ABN",
    forms: ["99-999-999-999", "99999999999"],
    separators: " ",
    valid: abn,
    trust: "anywhere",
    bare: "alone",
    words: words("abn", "australian_business"),
    source: "https://abr.business.gov.au/Help/AbnFormat",
  },
  {
    kind: "AU_ACN",
    forms: ["999-999-999", "999999999"],
    separators: " ",
    valid: (text) =>
      (10 - (weighted(text, [8, 7, 6, 5, 4, 3, 2, 1]) % 10)) % 10 === part(text, 8, 1) && !isMonotone(text),
    trust: "alone",
    words: words("acn", "australian_company"),
    source:
      "https://asic.gov.au/for-business/registering-a-company/steps-to-register-a-company/australian-company-numbers/australian-company-number-digit-check/",
  },
  {
    kind: "AU_TFN",
    forms: ["999-999-999", "999999999"],
    separators: " ",
    valid: (text) => weighted(text, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0 && !isMonotone(text),
    trust: "alone",
    words: words("tfn", "tax_file"),
    source: "https://www.ato.gov.au/individuals-and-families/tax-file-number",
  },
  {
    kind: "AU_MEDICARE",
    forms: ["9999-99999-9", "9999999999"],
    separators: " ",
    valid: medicare,
    trust: "alone",
    words: words("medicare"),
    source: "https://www.servicesaustralia.gov.au/medicare-card",
  },
  {
    kind: "NZ_IRD",
    forms: ["99-999-999", "999-999-999"],
    separators: "- ",
    valid: ird,
    trust: "named",
    words: words("ird", "inland_revenue"),
    source: "https://www.ird.govt.nz/managing-my-tax/ird-numbers",
  },
  {
    kind: "IN_AADHAAR",
    forms: ["9999-9999-9999", "999999999999"],
    separators: " :-",
    valid: (text) => /^[2-9]/.test(text) && verhoeff(text) && text !== [...text].reverse().join(""),
    trust: "alone",
    words: words("aadhaar", "aadhar", "uidai", "आधार"),
    source: "https://uidai.gov.in/en/my-aadhaar/about-your-aadhaar.html",
  },
  {
    kind: "IN_GSTIN",
    forms: ["99AAAAA9999A*A*"],
    separators: "",
    valid: (text) => /^(?:0[1-9]|[12][0-9]|3[0-8]|97|99)[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$/.test(text),
    trust: "anywhere",
    words: words("gst"),
    source: "https://www.gst.gov.in/",
  },
  {
    kind: "IN_PAN",
    forms: ["AAAAA9999A"],
    separators: "",
    valid: (text) => /^[A-Z]{3}[ABCFGHJLPT]/.test(text),
    trust: "alone",
    words: words("pan", "permanent_account", "income_tax"),
    source: "https://incometaxindia.gov.in/Pages/pan.aspx",
  },
  {
    kind: "KR_RRN",
    forms: ["999999-9999999"],
    separators: "-",
    valid: residentNumber,
    trust: "anywhere",
    words: words("rrn"),
    source: "https://www.mois.go.kr/eng/main.do",
  },
  {
    kind: "KR_RRN",
    forms: ["9999999999999"],
    separators: "",
    valid: bareResidentNumber,
    trust: "alone",
    words: words("rrn", "resident", "주민", "korean", "외국인"),
    source: "https://www.mois.go.kr/eng/main.do",
  },
  {
    kind: "KR_BRN",
    forms: ["999-99-99999"],
    separators: "-",
    valid: (text) =>
      (10 -
        ((weighted(text, [1, 3, 7, 1, 3, 7, 1, 3]) + part(text, 8, 1) * 5 + Math.floor((part(text, 8, 1) * 5) / 10)) %
          10)) %
        10 ===
      part(text, 9, 1),
    trust: "anywhere",
    words: words("brn", "사업자"),
    source: "https://www.nts.go.kr/english/main.do",
  },
  {
    kind: "TH_TNIN",
    forms: ["9999999999999", "9-9999-99999-99-9"],
    separators: "- ",
    valid: thai,
    trust: "alone",
    words: words("thai", "เลขประจำตัว", "ประชาชน", "บัตรประชา"),
    source: "https://www.bora.dopa.go.th/",
  },
  {
    kind: "TR_NATIONAL_ID",
    forms: ["99999999999"],
    separators: "",
    valid: turkish,
    trust: "anywhere",
    words: words("kimlik", "tckn", "t.c."),
    source: "https://www.nvi.gov.tr/",
  },
  {
    kind: "SG_NRIC",
    forms: ["A9999999A"],
    separators: "",
    valid: nric,
    trust: "anywhere",
    words: words("nric", "fin"),
    source: "https://www.ica.gov.sg/",
  },
  {
    kind: "SG_UEN",
    forms: ["99999999A", "999999999A", "A99AA9999A"],
    separators: "",
    valid: uen,
    trust: "anywhere",
    words: words("uen"),
    source: "https://www.uen.gov.sg/",
  },
  {
    kind: "CN_RESIDENT_ID",
    forms: ["99999999999999999*"],
    separators: "",
    valid: chinese,
    trust: "anywhere",
    words: words("身份证"),
    source: "GB 11643-1999",
  },
  {
    kind: "TW_NATIONAL_ID",
    forms: ["A999999999"],
    separators: "",
    valid: taiwanese,
    trust: "named",
    words: words("身分證", "taiwan", "national_id"),
    source: "https://www.ris.gov.tw/",
  },
  {
    kind: "HK_ID",
    forms: ["A999999(*)", "AA999999(*)"],
    separators: "",
    valid: hongKong,
    trust: "anywhere",
    words: words("hkid"),
    source: "https://www.immd.gov.hk/eng/services/hkid.html",
  },
  {
    kind: "JP_MY_NUMBER",
    forms: ["9999-9999-9999", "999999999999"],
    separators: "- ",
    valid: myNumber,
    trust: "named",
    words: words("my_number", "マイナンバー", "個人番号"),
    source: "https://www.digital.go.jp/en/policies/mynumber",
  },
  {
    kind: "IL_ID",
    forms: ["999999999"],
    separators: "",
    valid: israeli,
    trust: "named",
    words: words("teudat", "israeli", "תעודת"),
    source: "https://www.gov.il/",
  },
  {
    kind: "ZA_ID",
    forms: ["9999999999999"],
    separators: "",
    valid: southAfrican,
    trust: "anywhere",
    words: words("south_africa", "za_id"),
    source: "https://www.dha.gov.za/",
  },
  {
    kind: "NG_NIN",
    forms: ["99999999999"],
    separators: "",
    valid: (text) => verhoeff(text) && !isMonotone(text),
    trust: "named",
    words: words("nin", "nimc", "national_identification"),
    source: "https://nimc.gov.ng/",
  },
];

function ird(text: string): boolean {
  const full = text.padStart(9, "0");
  const check = (weights: readonly number[]): number => (11 - (weighted(full, weights) % 11)) % 11;
  const first = check([3, 2, 7, 6, 5, 4, 3, 2]);
  const used = first === 10 ? check([7, 4, 3, 2, 5, 2, 7, 6]) : first;
  return used !== 10 && DIGITS.charAt(used) === full.charAt(8);
}
